-- What a chain's checks found (see curation/chain_checks.py). A ranking without a row was not
-- checked yet: it is from before there were checks.
CREATE TABLE ranking_checks (
    ranking_id VARCHAR PRIMARY KEY,
    failed     VARCHAR[] NOT NULL
);
