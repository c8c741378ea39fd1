-- What the Table page does to many items at once, the tags of items, and views that were named.

-- A bulk action's own row, and its id on every event it made: so it can be taken back as a whole.
CREATE TABLE bulk_actions (
    bulk_id VARCHAR PRIMARY KEY,
    action  VARCHAR NOT NULL CHECK (action IN ('approve', 'reject', 'tag', 'untag', 'undo')),
    detail  VARCHAR NOT NULL,              -- the reasons, the tag; of an undo, the bulk_id it takes back
    n_items BIGINT NOT NULL,               -- that it changed
    done_by VARCHAR NOT NULL,
    done_at TIMESTAMPTZ NOT NULL
);
ALTER TABLE judgment_events ADD COLUMN bulk_id VARCHAR;

CREATE SEQUENCE tag_seq;
CREATE TABLE tag_events (
    seq       BIGINT PRIMARY KEY DEFAULT nextval('tag_seq'),
    item_id   VARCHAR NOT NULL,
    tag       VARCHAR NOT NULL,
    kind      VARCHAR NOT NULL CHECK (kind IN ('add', 'remove')),
    bulk_id   VARCHAR NOT NULL,
    tagged_by VARCHAR NOT NULL,
    tagged_at TIMESTAMPTZ NOT NULL
);

-- The latest word on each tag of each item, and the tags that items have now.
CREATE VIEW latest_tags AS
SELECT *
FROM tag_events
QUALIFY row_number() OVER (PARTITION BY item_id, tag ORDER BY seq DESC) = 1;

CREATE VIEW item_tags AS
SELECT item_id, tag, tagged_by, tagged_at FROM latest_tags WHERE kind = 'add';

-- Filters of the table that somebody named. The latest row of a name holds.
CREATE TABLE saved_views (
    name     VARCHAR NOT NULL,
    fields   JSON,                         -- the filter's fields; none where the view was dropped
    saved_by VARCHAR NOT NULL,
    saved_at TIMESTAMPTZ NOT NULL
);
