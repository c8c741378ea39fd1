-- A query may be sent back because somebody chose it.
CREATE TABLE kept_returns AS SELECT * FROM returned_items;
DROP VIEW open_returns;
DROP TABLE returned_items;

CREATE TABLE returned_items (
    return_id     VARCHAR PRIMARY KEY,
    item_id       VARCHAR NOT NULL,
    evaluation_id VARCHAR NOT NULL,
    qid           VARCHAR NOT NULL,        -- the benchmark's query
    reason        VARCHAR NOT NULL CHECK (reason IN ('lost', 'format', 'contradiction', 'chosen')),
    detail        VARCHAR NOT NULL,        -- what went wrong, for the reviewer
    similarity    DOUBLE NOT NULL,         -- cosine of the two queries' embeddings
    returned_by   VARCHAR NOT NULL,
    returned_at   TIMESTAMPTZ NOT NULL
);
INSERT INTO returned_items SELECT * FROM kept_returns;
DROP TABLE kept_returns;

CREATE VIEW open_returns AS
SELECT *
FROM returned_items AS r
WHERE NOT EXISTS (SELECT 1 FROM judgments AS j WHERE j.item_id = r.item_id AND j.judged_at > r.returned_at);
