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
