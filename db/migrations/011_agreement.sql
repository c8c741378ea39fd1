-- What several samples of one teacher on one item say about each other (see curation/agreement.py).
-- A second teacher that ranks the same lists is told apart: its rankings are not under review.
ALTER TABLE ranking_origins ADD COLUMN judge BOOLEAN DEFAULT FALSE;

CREATE OR REPLACE VIEW teacher_rankings AS
SELECT r.*
FROM rankings r
LEFT JOIN ranking_origins o USING (ranking_id)
WHERE r.author <> 'checkpoint'
QUALIFY row_number() OVER (
    PARTITION BY r.item_id
    ORDER BY
        r.author <> 'teacher', coalesce(o.judge, FALSE), coalesce(o.sample, 0), r.created_at,
        r.ranking_id
) = 1;

-- Samples that gave an order: an answer without one was filled up with the order shown.
CREATE VIEW sample_orders AS
SELECT
    r.item_id, r.author_name, o.prompt, r.ranking_id, r.docids, o.shown, o.sample, o.judge, o.job_id
FROM ranking_origins o
JOIN rankings r USING (ranking_id)
WHERE r.status NOT IN ('no_answer', 'truncated');

-- Derived from sample_orders; a row whose item has more samples by now is measured again.
CREATE TABLE sample_agreement (
    item_id      VARCHAR NOT NULL,
    author_name  VARCHAR NOT NULL,         -- model
    prompt       VARCHAR NOT NULL,
    under_review BOOLEAN NOT NULL,         -- whether the item's ranking under review is of these
    samples      BIGINT NOT NULL,          -- that gave an order
    tau          DOUBLE,                   -- mean Kendall tau of two samples, -1..1; none for one
    overlap      DOUBLE,                   -- mean share of the first 10 in common, 0..1; likewise
    consensus    VARCHAR[] NOT NULL,       -- docids, best first
    ndcg         DOUBLE NOT NULL,          -- nDCG@10 of the consensus against the item's labels
    dispersion   DOUBLE[] NOT NULL,        -- of each passage of the consensus, in places
    spread       DOUBLE NOT NULL,          -- mean of dispersion
    follows      DOUBLE,                   -- places that one place shown later costs; none if alike
    review_tau   DOUBLE,                   -- mean tau with the samples under review; none for them
    review_overlap DOUBLE,
    PRIMARY KEY (item_id, author_name, prompt)
);

-- The teacher that a generate job's items and labels are by; a judge is none.
CREATE TABLE job_teachers (
    job_id      VARCHAR PRIMARY KEY,
    author_name VARCHAR NOT NULL,
    prompt      VARCHAR NOT NULL
);
INSERT INTO job_teachers
SELECT o.job_id, r.author_name, o.prompt
FROM ranking_origins o
JOIN rankings r USING (ranking_id)
GROUP BY o.job_id, r.author_name, o.prompt
QUALIFY row_number() OVER (PARTITION BY o.job_id ORDER BY count(*) DESC, r.author_name) = 1;

-- Every order by a teacher, imported ones too. It is a judge's where it is held against the labels
-- of another: the same answer may first be a judge's, and later come in under its own labels.
CREATE VIEW teacher_answers AS
SELECT
    r.ranking_id, r.item_id, r.author_name, coalesce(o.prompt, '') AS prompt,
    coalesce(o.judge, FALSE) AND NOT EXISTS (
        SELECT 1
        FROM generated g
        JOIN job_teachers t USING (job_id)
        WHERE g.item_id = r.item_id AND t.author_name = r.author_name AND t.prompt = o.prompt
    ) AS judge,
    r.status, r.ndcg, r.completion_tokens, o.sample, o.price
FROM rankings r
LEFT JOIN ranking_origins o USING (ranking_id)
WHERE r.author = 'teacher';
