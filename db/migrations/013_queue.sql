-- What lists of items show, sort and filter by: the ranking under review of each item and the verdict
-- in force, so that no list looks at every ranking, every judgment, or a list of passages. Derived:
-- whatever appends rankings, their origins or judgments brings it up to date in the same
-- transaction. No column but the key is indexed or a list, so rows are changed in place.
CREATE TABLE item_heads (
    item_id        VARCHAR PRIMARY KEY,
    domain         VARCHAR NOT NULL,
    n_candidates   BIGINT NOT NULL,
    n_relevant     BIGINT NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,    -- the item's
    ranking_id     VARCHAR NOT NULL,        -- the ranking under review
    author_name    VARCHAR NOT NULL,
    status         VARCHAR NOT NULL,
    ndcg           DOUBLE NOT NULL,
    recall         DOUBLE NOT NULL,
    overlap        DOUBLE NOT NULL,
    first_relevant BIGINT NOT NULL,
    failed         VARCHAR NOT NULL,        -- checks that the chain fails, a space around each
    verdict_seq    BIGINT,                  -- the judgment in force
    verdict        VARCHAR,
    reviewer       VARCHAR,
    judged_at      TIMESTAMPTZ
);
INSERT INTO item_heads
SELECT
    i.item_id, i.domain, len(i.docids), len(i.relevant_docids), i.created_at, t.ranking_id,
    t.author_name, t.status, t.ndcg, t.recall, t.overlap, t.first_relevant,
    CASE WHEN len(c.failed) > 0 THEN ' ' || array_to_string(c.failed, ' ') || ' ' ELSE '' END, v.seq,
    v.verdict, v.reviewer, v.judged_at
FROM items i
JOIN teacher_rankings t USING (item_id)
LEFT JOIN ranking_checks c USING (ranking_id)
LEFT JOIN item_verdicts v USING (item_id);

CREATE OR REPLACE VIEW teacher_rankings AS
SELECT r.*
FROM item_heads h
JOIN rankings r USING (ranking_id);

CREATE INDEX sample_agreement_by_item ON sample_agreement (item_id);

-- Who has which item in hand. Events share one sequence with the judgments, so that the two logs
-- have one order: a verdict ends the claim before it, not the one after an undo.
CREATE TABLE queue_events (
    seq         BIGINT PRIMARY KEY DEFAULT nextval('judgment_seq'),
    kind        VARCHAR NOT NULL CHECK (kind IN ('claim', 'renew', 'release', 'skip', 'decline')),
    item_id     VARCHAR NOT NULL,
    reviewer    VARCHAR NOT NULL,
    until       TIMESTAMPTZ,                -- claim and renew: when it ends by itself
    happened_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX queue_events_by_item ON queue_events (item_id);

-- Claims that nothing but time has ended; those with until > now are in force.
CREATE VIEW queue_claims AS
SELECT item_id, reviewer, until, happened_at
FROM (
    SELECT seq, kind, item_id, reviewer, until, happened_at FROM queue_events
    UNION ALL
    SELECT seq, kind, item_id, reviewer, NULL, judged_at FROM judgment_events WHERE kind = 'judge'
)
QUALIFY row_number() OVER (PARTITION BY item_id, reviewer ORDER BY seq DESC) = 1
    AND kind IN ('claim', 'renew');

-- What the queue puts first, and how it is shared out; the latest row holds.
CREATE TABLE queue_policies (
    policy_id VARCHAR PRIMARY KEY,
    settings  JSON NOT NULL,                -- see curation/queue_policy.py
    note      VARCHAR NOT NULL,
    saved_by  VARCHAR NOT NULL,
    saved_at  TIMESTAMPTZ NOT NULL
);

-- Items whose answer a lead gave, to measure care with. The latest event of an item holds.
CREATE SEQUENCE gold_seq;
CREATE TABLE gold_events (
    seq             BIGINT PRIMARY KEY DEFAULT nextval('gold_seq'),
    kind            VARCHAR NOT NULL CHECK (kind IN ('set', 'withdraw')),
    item_id         VARCHAR NOT NULL,
    verdict         VARCHAR CHECK (verdict IN ('approve', 'reject', 'fix', 'cannot_judge')),
    relevant_docids VARCHAR[],              -- the right labels, if they are part of the answer
    docids          VARCHAR[],              -- the right order, likewise; best first
    set_by          VARCHAR NOT NULL,
    set_at          TIMESTAMPTZ NOT NULL
);
CREATE VIEW gold_items AS
SELECT item_id, verdict, relevant_docids, docids, set_by, set_at
FROM gold_events
QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY seq DESC) = 1 AND kind = 'set';

-- One verdict for each judged item: the latest judgment in force by anyone. On a gold item it is
-- the lead's: what others say there measures them, not the item.
CREATE OR REPLACE VIEW item_verdicts AS
SELECT e.*
FROM item_heads h
JOIN judgment_events e ON e.item_id = h.item_id AND e.seq = h.verdict_seq;

-- Items whose queries mean alike, by their embeddings; computed on demand, the whole anew.
CREATE TABLE item_clusters (
    item_id VARCHAR PRIMARY KEY,
    cluster BIGINT NOT NULL,                -- 0-based
    place   BIGINT NOT NULL                 -- 1-based, from the middle of its cluster outwards
);

-- Groups of rollouts of GRPO jobs, by the file they stand in; one group may be in several files.
CREATE TABLE rollout_groups (
    job_id   VARCHAR NOT NULL,
    file     VARCHAR NOT NULL,
    item_id  VARCHAR NOT NULL,
    step     BIGINT NOT NULL,
    rollouts BIGINT NOT NULL,
    lowest   DOUBLE NOT NULL,               -- reward
    highest  DOUBLE NOT NULL,
    PRIMARY KEY (job_id, file, item_id)
);
