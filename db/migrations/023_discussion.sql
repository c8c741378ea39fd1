-- What is said about items beside verdicts, and whose they are to decide.

CREATE SEQUENCE discussion_seq;
CREATE TABLE comment_events (
    seq        BIGINT PRIMARY KEY DEFAULT nextval('discussion_seq'),
    comment_id VARCHAR NOT NULL,
    kind       VARCHAR NOT NULL CHECK (kind IN ('add', 'delete')),
    item_id    VARCHAR NOT NULL,
    text       VARCHAR NOT NULL,            -- empty where it was deleted
    done_by    VARCHAR NOT NULL,
    done_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX comment_events_by_item ON comment_events (item_id);

CREATE TABLE flag_events (
    seq     BIGINT PRIMARY KEY DEFAULT nextval('discussion_seq'),
    flag_id VARCHAR NOT NULL,
    kind    VARCHAR NOT NULL CHECK (kind IN ('raise', 'resolve')),
    item_id VARCHAR NOT NULL,
    text    VARCHAR NOT NULL,               -- why it was raised; what came of it
    done_by VARCHAR NOT NULL,
    done_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX flag_events_by_item ON flag_events (item_id);

CREATE VIEW open_flags AS
SELECT flag_id, item_id, text, done_by, done_at
FROM flag_events
WHERE kind = 'raise' AND flag_id NOT IN (SELECT flag_id FROM flag_events WHERE kind = 'resolve');

-- Events share the judgments' sequence, as claims do: the queue reads all three logs in one order.
CREATE TABLE assignment_events (
    seq         BIGINT PRIMARY KEY DEFAULT nextval('judgment_seq'),
    item_id     VARCHAR NOT NULL,
    assignee    VARCHAR,                    -- none where the item is nobody's in particular again
    bulk_id     VARCHAR NOT NULL,
    assigned_by VARCHAR NOT NULL,
    assigned_at TIMESTAMPTZ NOT NULL
);

CREATE VIEW item_assignments AS
SELECT item_id, assignee, assigned_by, assigned_at
FROM assignment_events
QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY seq DESC) = 1 AND assignee IS NOT NULL;

-- Assigning is a bulk action too.
CREATE TABLE bulk_actions_before AS SELECT * FROM bulk_actions;
DROP TABLE bulk_actions;
CREATE TABLE bulk_actions (
    bulk_id VARCHAR PRIMARY KEY,
    action  VARCHAR NOT NULL CHECK (
        action IN ('approve', 'reject', 'tag', 'untag', 'assign', 'unassign', 'undo')
    ),
    detail  VARCHAR NOT NULL,              -- the reasons, the tag, whose; of an undo, what it takes back
    n_items BIGINT NOT NULL,               -- that it changed
    done_by VARCHAR NOT NULL,
    done_at TIMESTAMPTZ NOT NULL
);
INSERT INTO bulk_actions SELECT * FROM bulk_actions_before;
DROP TABLE bulk_actions_before;
