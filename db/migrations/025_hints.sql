-- Answers of a teacher that was asked again with a reviewer's hint. They have no origin: the hint
-- decides, so they are no sample like the others, and they are never under review.
CREATE TABLE hinted_rankings (
    ranking_id VARCHAR PRIMARY KEY,
    hint       VARCHAR NOT NULL,
    prompt     VARCHAR NOT NULL,           -- the template's name and content hash: listwise@1a2b3c4d
    asked_by   VARCHAR NOT NULL,
    asked_at   TIMESTAMPTZ NOT NULL
);

-- A chain that a reviewer took from such an answer, word by word, is not a person's.
ALTER TABLE rewritten_chains ADD COLUMN hinted BOOLEAN DEFAULT FALSE;
