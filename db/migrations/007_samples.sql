-- Several samples of one teacher on one item. The first (sample 0) is the one under review; a later
-- one may have been shown the candidates in another order, which its chain's numbers refer to.
CREATE TABLE ranking_origins (
    ranking_id VARCHAR PRIMARY KEY,
    job_id     VARCHAR NOT NULL,           -- the generate job that asked for it
    sample     BIGINT NOT NULL,            -- 0-based
    shown      VARCHAR[] NOT NULL,         -- docids in the order the teacher saw them
    prompt     VARCHAR NOT NULL,           -- the template's name and content hash: listwise@1a2b3c4d
    price      DOUBLE,                     -- US dollars; none where the model has no price
    seconds    DOUBLE NOT NULL             -- from sending the request to the whole answer
);

CREATE OR REPLACE VIEW teacher_rankings AS
SELECT r.*
FROM rankings r
LEFT JOIN ranking_origins o USING (ranking_id)
WHERE r.author <> 'checkpoint'
QUALIFY row_number() OVER (
    PARTITION BY r.item_id
    ORDER BY r.author <> 'teacher', coalesce(o.sample, 0), r.created_at, r.ranking_id
) = 1;
