-- Strategies beside sliding windows: calls that are no window of the list, that ask for
-- probabilities, that go out in rounds, or go to a second model.
CREATE TABLE calls_before AS SELECT * FROM evaluation_calls;
DROP TABLE evaluation_calls;

CREATE TABLE evaluation_calls (
    evaluation_id     VARCHAR NOT NULL,
    qid               VARCHAR NOT NULL,
    call              BIGINT NOT NULL,     -- 0-based, in the order they were asked
    round             BIGINT NOT NULL,     -- 1-based; the calls of a round went out together
    model             VARCHAR NOT NULL,    -- main | small
    kind              VARCHAR NOT NULL,    -- order | first_token | best | worst | relevance | prefer
    start             BIGINT,              -- 0-based place of the window's first passage, if it is one
    docids            VARCHAR[] NOT NULL,  -- the passages as the model saw them
    sample            BIGINT NOT NULL,     -- 0-based, of several answers to one question
    response          VARCHAR NOT NULL,
    permutation       BIGINT[] NOT NULL,   -- 1-based into docids
    scores            DOUBLE[] NOT NULL,   -- probabilities, where they were asked for
    status            VARCHAR NOT NULL,
    prompt_tokens     BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    seconds           DOUBLE NOT NULL,
    PRIMARY KEY (evaluation_id, qid, call)
);

INSERT INTO evaluation_calls
SELECT
    evaluation_id, qid, call, call + 1, 'main', 'order', window_start, docids, 0, response,
    permutation, [], status, prompt_tokens, completion_tokens, seconds
FROM calls_before;
DROP TABLE calls_before;
