-- Where several people judged an item and do not agree, a reviewer decides. The decision is a judgment
-- event like any other, and is undone as one; this is what makes it the last word.
CREATE TABLE adjudications (
    event_id VARCHAR PRIMARY KEY,          -- the judgment that decides
    item_id  VARCHAR NOT NULL,
    cause    VARCHAR NOT NULL CHECK (cause IN ('ambiguous', 'guideline_gap', 'slip')),
    taken    VARCHAR,                      -- event_id of the judgment that was taken; none for a merge
    over     VARCHAR[] NOT NULL            -- event_ids of the judgments that were decided over
);

-- What people said by themselves: the latest judgment of each on each item that was not undone. An
-- adjudication is none: it was made with all of them in sight.
CREATE VIEW opinions AS
SELECT *
FROM judgment_events
WHERE kind = 'judge'
  AND event_id NOT IN (SELECT undoes FROM judgment_events WHERE kind = 'undo')
  AND event_id NOT IN (SELECT event_id FROM adjudications)
QUALIFY row_number() OVER (PARTITION BY item_id, reviewer ORDER BY seq DESC) = 1;
