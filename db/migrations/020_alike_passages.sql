-- Relevant passages of items that are like relevant passages of a benchmark, by words or meaning.
-- None where a scan compared the passages exactly alone.
ALTER TABLE contamination_scans ADD COLUMN alike_passages BIGINT;
ALTER TABLE contamination_passages ADD COLUMN alike BIGINT;
