-- Texts are kept apart from the rows that lists page through, so that no list ever reads a chain.
-- Every time is UTC. History is appended; the present is a view (see judgments, item_verdicts).

CREATE TABLE imports (
    import_id   VARCHAR PRIMARY KEY,
    name        VARCHAR NOT NULL,
    kind        VARCHAR NOT NULL,          -- reasonrank | demo
    folder      VARCHAR NOT NULL,          -- as the user gave it; shown, never opened again
    imported    BIGINT NOT NULL,           -- rows that brought something new
    unchanged   BIGINT NOT NULL,           -- rows already there
    rejected    BIGINT NOT NULL,           -- rows refused
    started_at  TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE import_rejects (
    import_id VARCHAR NOT NULL,
    line      BIGINT NOT NULL,             -- 1-based
    file      VARCHAR NOT NULL,
    field     VARCHAR NOT NULL,
    cause     VARCHAR NOT NULL,
    message   VARCHAR NOT NULL
);

CREATE TABLE passages (
    passage_id VARCHAR PRIMARY KEY,        -- hash of docid, title and text: a changed text is another passage
    docid      VARCHAR NOT NULL,
    title      VARCHAR,
    text       VARCHAR NOT NULL
);

CREATE TABLE items (
    item_id         VARCHAR PRIMARY KEY,   -- content hash
    import_id       VARCHAR NOT NULL,
    domain          VARCHAR NOT NULL,
    qid             VARCHAR NOT NULL,
    query           VARCHAR NOT NULL,
    passage_ids     VARCHAR[] NOT NULL,    -- candidates in initial order
    docids          VARCHAR[] NOT NULL,    -- the same, as the source names them
    relevant_docids VARCHAR[] NOT NULL,    -- the teacher's pointwise labels
    created_at      TIMESTAMPTZ NOT NULL
);

CREATE TABLE rankings (
    ranking_id        VARCHAR PRIMARY KEY, -- content hash
    item_id           VARCHAR NOT NULL,
    author            VARCHAR NOT NULL CHECK (author IN ('teacher', 'human', 'checkpoint')),
    author_name       VARCHAR NOT NULL,    -- model, reviewer or checkpoint id
    docids            VARCHAR[] NOT NULL,  -- best first, complete
    status            VARCHAR NOT NULL,    -- parse status of the response; ok for a human
    prompt_tokens     BIGINT,
    completion_tokens BIGINT,
    ndcg              DOUBLE NOT NULL,     -- nDCG@10 against items.relevant_docids: self-consistency
    recall            DOUBLE NOT NULL,     -- Recall@10, likewise
    overlap           DOUBLE NOT NULL,     -- average overlap with the pointwise order
    first_relevant    BIGINT NOT NULL,     -- 1-based rank of the first relevant passage
    created_at        TIMESTAMPTZ NOT NULL
);
CREATE INDEX rankings_by_item ON rankings (item_id);

CREATE TABLE ranking_texts (
    ranking_id VARCHAR PRIMARY KEY,
    chain      VARCHAR NOT NULL,
    response   VARCHAR                     -- raw, where it is known
);

CREATE SEQUENCE judgment_seq;
CREATE TABLE judgment_events (
    seq             BIGINT PRIMARY KEY DEFAULT nextval('judgment_seq'),
    event_id        VARCHAR NOT NULL UNIQUE,
    kind            VARCHAR NOT NULL CHECK (kind IN ('judge', 'reveal', 'undo')),
    item_id         VARCHAR NOT NULL,
    reviewer        VARCHAR NOT NULL,
    verdict         VARCHAR CHECK (verdict IN ('approve', 'reject', 'fix', 'cannot_judge')),
    reasons         VARCHAR[] NOT NULL,
    note            VARCHAR NOT NULL,
    ranking_id      VARCHAR,               -- judge: the ranking that was looked at; fix: the corrected one
    relevant_docids VARCHAR[],             -- fix: corrected labels; reveal: the reviewer's blind marks
    undoes          VARCHAR,               -- event_id of the judgment that an undo takes back
    code_version    VARCHAR NOT NULL,
    judged_at       TIMESTAMPTZ NOT NULL
);
CREATE INDEX judgment_events_by_item ON judgment_events (item_id);

-- The judgments in force: the latest one by each reviewer on each item that was not undone.
CREATE VIEW judgments AS
SELECT *
FROM judgment_events AS e
WHERE kind = 'judge'
  AND event_id NOT IN (SELECT undoes FROM judgment_events WHERE kind = 'undo')
QUALIFY row_number() OVER (PARTITION BY item_id, reviewer ORDER BY seq DESC) = 1;

-- One verdict for each judged item: the latest judgment in force by anyone.
CREATE VIEW item_verdicts AS
SELECT *
FROM judgments
QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY seq DESC) = 1;

-- The ranking under review of each item: the teacher's, the first that came in. A source that was
-- exported after review may bring human rankings alone.
CREATE VIEW teacher_rankings AS
SELECT *
FROM rankings
WHERE author <> 'checkpoint'
QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY author <> 'teacher', created_at, ranking_id) = 1;

CREATE TABLE batches (
    batch_id   VARCHAR PRIMARY KEY,
    name       VARCHAR NOT NULL,
    selection  JSON NOT NULL,              -- the filters it was made with
    cut        DOUBLE NOT NULL,            -- self-consistency cut, nDCG@10
    created_by VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE batch_items (
    batch_id        VARCHAR NOT NULL,
    item_id         VARCHAR NOT NULL,
    ranking_id      VARCHAR NOT NULL,      -- the order to train on
    chain_id        VARCHAR NOT NULL,      -- ranking whose chain goes with it
    relevant_docids VARCHAR[] NOT NULL,    -- the labels to train on
    PRIMARY KEY (batch_id, item_id)
);

CREATE TABLE snapshots (
    snapshot_id VARCHAR NOT NULL,          -- content hash; two batches may freeze to the same one
    batch_id    VARCHAR PRIMARY KEY,       -- a batch is approved once
    n_items     BIGINT NOT NULL,
    approved_by VARCHAR NOT NULL,
    approved_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE jobs (
    job_id        VARCHAR PRIMARY KEY,
    kind          VARCHAR NOT NULL CHECK (kind IN ('sft', 'grpo', 'evaluate')),
    name          VARCHAR NOT NULL,
    recipe        VARCHAR,
    snapshot_id   VARCHAR,
    benchmark_id  VARCHAR,
    checkpoint_id VARCHAR,                 -- parent of a training job, subject of an evaluation
    config        VARCHAR NOT NULL,        -- config.yaml as it was written
    created_by    VARCHAR NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL
);

-- Lines of jobs/<id>/events.jsonl.
CREATE SEQUENCE job_event_seq;
CREATE TABLE job_events (
    seq       BIGINT PRIMARY KEY DEFAULT nextval('job_event_seq'),
    job_id    VARCHAR NOT NULL,
    type      VARCHAR NOT NULL,
    logged_at TIMESTAMPTZ NOT NULL,
    payload   JSON NOT NULL
);
CREATE INDEX job_events_by_job ON job_events (job_id);

-- How far each file was read, in bytes; written together with the lines, so none comes in twice.
CREATE TABLE job_reads (
    job_id  VARCHAR NOT NULL,
    read_to BIGINT NOT NULL,
    PRIMARY KEY (job_id, read_to)
);

CREATE TABLE checkpoints (
    checkpoint_id VARCHAR PRIMARY KEY,     -- its job's id, or base:<name> for an untrained base
    name          VARCHAR NOT NULL,
    kind          VARCHAR NOT NULL CHECK (kind IN ('base', 'sft', 'grpo')),
    job_id        VARCHAR,
    path          VARCHAR NOT NULL,
    lineage       JSON NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL
);

CREATE TABLE benchmarks (
    benchmark_id VARCHAR PRIMARY KEY,      -- content hash; the folder of that name holds the files
    name         VARCHAR NOT NULL UNIQUE,
    n_queries    BIGINT NOT NULL,
    n_passages   BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL
);

CREATE TABLE evaluations (
    evaluation_id VARCHAR PRIMARY KEY,     -- its job's id, or first-stage:<benchmark_id>
    benchmark_id  VARCHAR NOT NULL,
    checkpoint_id VARCHAR,                 -- none for the first-stage order
    name          VARCHAR NOT NULL,
    strategy      VARCHAR NOT NULL,
    settings      JSON NOT NULL,           -- window, step, depth, template, caps
    summary       JSON NOT NULL,           -- calls, statuses, tokens, seconds
    created_at    TIMESTAMPTZ NOT NULL
);

CREATE TABLE evaluation_measures (
    evaluation_id VARCHAR NOT NULL,
    qid           VARCHAR NOT NULL,
    measure       VARCHAR NOT NULL,
    value         DOUBLE NOT NULL,
    PRIMARY KEY (evaluation_id, qid, measure)
);

CREATE TABLE evaluation_rankings (
    evaluation_id VARCHAR NOT NULL,
    qid           VARCHAR NOT NULL,
    docids        VARCHAR[] NOT NULL,      -- best first
    PRIMARY KEY (evaluation_id, qid)
);

CREATE TABLE evaluation_calls (
    evaluation_id     VARCHAR NOT NULL,
    qid               VARCHAR NOT NULL,
    call              BIGINT NOT NULL,     -- 0-based, in the order they were made
    window_start      BIGINT NOT NULL,     -- half-open [start, end) of the candidate list
    window_end        BIGINT NOT NULL,
    docids            VARCHAR[] NOT NULL,  -- the window as the model saw it
    permutation       BIGINT[] NOT NULL,   -- 1-based into docids
    status            VARCHAR NOT NULL,
    prompt_tokens     BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    seconds           DOUBLE NOT NULL,
    response          VARCHAR NOT NULL,
    PRIMARY KEY (evaluation_id, qid, call)
);

CREATE TABLE baseline_pins (
    benchmark_id  VARCHAR NOT NULL,
    evaluation_id VARCHAR NOT NULL,
    pinned_at     TIMESTAMPTZ NOT NULL
);
