-- Training items that come back to the review queue, because a checkpoint went wrong on a query
-- like theirs. History is appended; a verdict after the return closes it (see open_returns).
CREATE TABLE returned_items (
    return_id     VARCHAR PRIMARY KEY,
    item_id       VARCHAR NOT NULL,
    evaluation_id VARCHAR NOT NULL,
    qid           VARCHAR NOT NULL,        -- the benchmark's query
    reason        VARCHAR NOT NULL CHECK (reason IN ('lost', 'format', 'contradiction')),
    detail        VARCHAR NOT NULL,        -- what went wrong, for the reviewer
    similarity    DOUBLE NOT NULL,         -- cosine of the two queries' embeddings
    returned_by   VARCHAR NOT NULL,
    returned_at   TIMESTAMPTZ NOT NULL
);

CREATE VIEW open_returns AS
SELECT *
FROM returned_items AS r
WHERE NOT EXISTS (SELECT 1 FROM judgments AS j WHERE j.item_id = r.item_id AND j.judged_at > r.returned_at);
