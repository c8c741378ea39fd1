-- What a reviewer entered for an item and has not decided on: no history, the last state alone. A
-- verdict takes its place.
CREATE TABLE drafts (
    item_id  VARCHAR NOT NULL,
    reviewer VARCHAR NOT NULL,
    content  VARCHAR NOT NULL,             -- JSON, see app/drafts.py
    saved_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (item_id, reviewer)
);

-- What a judgment says of order and chain beside its verdict; only for judgments that say any of it.
CREATE TABLE judgment_details (
    event_id     VARCHAR PRIMARY KEY,
    started_from VARCHAR,                  -- fix: ranking_id of the order it began as
    ranked       BIGINT,                   -- fix: places from the top that were ranked; none for all
    tied         VARCHAR[] NOT NULL,       -- fix: docids that stand level with the one before them
    chain_id     VARCHAR,                  -- ranking whose chain the steps are of
    steps        STRUCT(start BIGINT, stop BIGINT, mark TINYINT)[] NOT NULL -- half-open, in characters
);

-- Human rankings whose chain a person wrote or edited.
CREATE TABLE rewritten_chains (
    ranking_id VARCHAR PRIMARY KEY
);

-- Labels of one reviewer before and after seeing the teacher's: the blind marks, and what the
-- verdict in force stands for. An approval stands for the teacher's labels; others say nothing.
CREATE VIEW revealed_labels AS
SELECT
    r.item_id, r.reviewer, i.docids, r.relevant_docids AS before, i.relevant_docids AS shown,
    CASE j.verdict
        WHEN 'approve' THEN i.relevant_docids
        WHEN 'fix' THEN coalesce(j.relevant_docids, i.relevant_docids)
    END AS after
FROM (
    SELECT item_id, reviewer, relevant_docids
    FROM judgment_events
    WHERE kind = 'reveal'
    QUALIFY row_number() OVER (PARTITION BY item_id, reviewer ORDER BY seq) = 1
) r
JOIN items i USING (item_id)
LEFT JOIN judgments j USING (item_id, reviewer);
