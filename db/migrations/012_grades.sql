-- What a verdict says beside its word: grades of passages, what the reviewer was told to follow and
-- how long they looked.
ALTER TABLE judgment_events ADD COLUMN grades MAP(VARCHAR, TINYINT); -- docid to 0..3; only those graded
ALTER TABLE judgment_events ADD COLUMN guideline VARCHAR;            -- version that stood beside the item
ALTER TABLE judgment_events ADD COLUMN campaign VARCHAR;             -- campaign_id it was decided in
ALTER TABLE judgment_events ADD COLUMN seconds DOUBLE;               -- from showing the item to the verdict
