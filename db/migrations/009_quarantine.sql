-- Training items whose queries are test queries, or nearly. Scans and decisions are appended; what
-- is quarantined now is a view. The latest word on a pair counts, and a scan only takes back what a
-- scan said.
CREATE TABLE contamination_scans (
    scan_id         VARCHAR PRIMARY KEY,
    benchmark_id    VARCHAR NOT NULL,
    words_cut       DOUBLE NOT NULL,       -- cosine of character n-grams from which on a pair counts
    meaning_cut     DOUBLE NOT NULL,       -- likewise of embeddings
    encoder         VARCHAR NOT NULL,      -- what made the embeddings
    n_items         BIGINT NOT NULL,       -- all there were
    n_queries       BIGINT NOT NULL,
    shared_passages BIGINT NOT NULL,       -- of the benchmark, those that are candidates of an item
    histograms      JSON NOT NULL,         -- items by their nearest query's score, by way
    scanned_by      VARCHAR NOT NULL,
    scanned_at      TIMESTAMPTZ NOT NULL   -- its start: items that came later were not compared
);

CREATE TABLE contamination_pairs (
    scan_id VARCHAR NOT NULL,
    item_id VARCHAR NOT NULL,
    qid     VARCHAR NOT NULL,              -- the benchmark's query
    kind    VARCHAR NOT NULL CHECK (kind IN ('exact', 'words', 'meaning')),
    score   DOUBLE NOT NULL,               -- cosine, 0..1
    over    BOOLEAN NOT NULL,              -- at or above the cut; the others are near misses
    PRIMARY KEY (scan_id, item_id, qid, kind)
);

CREATE TABLE contamination_passages (
    scan_id VARCHAR NOT NULL,
    item_id VARCHAR NOT NULL,
    shared  BIGINT NOT NULL,               -- of its candidates, those that the benchmark holds
    PRIMARY KEY (scan_id, item_id)
);

CREATE SEQUENCE quarantine_seq;
CREATE TABLE quarantine_events (
    seq          BIGINT PRIMARY KEY DEFAULT nextval('quarantine_seq'),
    item_id      VARCHAR NOT NULL,
    benchmark_id VARCHAR NOT NULL,
    qid          VARCHAR NOT NULL,
    decision     VARCHAR NOT NULL CHECK (decision IN ('quarantine', 'release')),
    reason       VARCHAR NOT NULL,
    scan_id      VARCHAR,                  -- none where a person decided
    decided_by   VARCHAR NOT NULL,
    decided_at   TIMESTAMPTZ NOT NULL
);

CREATE VIEW latest_scans AS
SELECT *
FROM contamination_scans
QUALIFY row_number() OVER (PARTITION BY benchmark_id ORDER BY scan_id DESC) = 1;

CREATE VIEW pair_decisions AS
SELECT *
FROM quarantine_events
QUALIFY row_number() OVER (PARTITION BY item_id, benchmark_id, qid ORDER BY seq DESC) = 1;

CREATE VIEW quarantined_items AS
SELECT DISTINCT item_id FROM pair_decisions WHERE decision = 'quarantine';

-- What was done about the quarantined items of an approved batch; none where it had none.
CREATE TABLE batch_quarantines (
    batch_id   VARCHAR PRIMARY KEY,
    left_out   VARCHAR[] NOT NULL,         -- item ids
    kept       VARCHAR[] NOT NULL,
    reason     VARCHAR NOT NULL,           -- why they were kept
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL
);

-- Embeddings of queries, so that the next comparison, or one that was cut short, is soon done.
CREATE TABLE text_vectors (
    encoder VARCHAR NOT NULL,
    text_id VARCHAR NOT NULL,              -- content hash
    vector  FLOAT[] NOT NULL,              -- of length 1
    PRIMARY KEY (encoder, text_id)
);
