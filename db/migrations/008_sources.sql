-- Queries and passages that a teacher has not labelled yet; the folder of that id holds the files.
CREATE TABLE sources (
    source_id  VARCHAR PRIMARY KEY,        -- content hash
    name       VARCHAR NOT NULL UNIQUE,
    kind       VARCHAR NOT NULL,           -- the form it came in: stackexchange, problems, msmarco ...
    n_queries  BIGINT NOT NULL,
    n_passages BIGINT NOT NULL,
    domains    JSON NOT NULL,              -- queries by domain key
    report     JSON NOT NULL,              -- what was read, dropped and refused, by cause
    added_at   TIMESTAMPTZ NOT NULL
);
