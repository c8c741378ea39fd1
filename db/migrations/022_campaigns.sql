-- What reviewers go by, and what they aim at together.

-- Guidelines in Markdown. Several may stand side by side, each under its name; of a name, the latest
-- version is in force. A judgment is stamped with the one that was: `general v3`.
CREATE TABLE guideline_versions (
    name         VARCHAR NOT NULL,
    version      BIGINT NOT NULL,           -- 1-based
    text         VARCHAR NOT NULL,
    note         VARCHAR NOT NULL,          -- what changed
    published_by VARCHAR NOT NULL,
    published_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (name, version)
);

-- Campaigns. Each event holds the whole campaign as it left it; the latest holds.
CREATE SEQUENCE campaign_seq;
CREATE TABLE campaign_events (
    seq         BIGINT PRIMARY KEY DEFAULT nextval('campaign_seq'),
    campaign_id VARCHAR NOT NULL,
    kind        VARCHAR NOT NULL CHECK (kind IN ('create', 'change', 'close', 'reopen')),
    name        VARCHAR NOT NULL,
    filter      JSON NOT NULL,              -- of the items: what differs from an empty db.records.ItemFilter
    goal        BIGINT NOT NULL,            -- items to decide
    due_on      DATE,                       -- UTC, that day included
    guideline   VARCHAR NOT NULL,           -- name of the guidelines to go by
    members     VARCHAR[] NOT NULL,         -- who takes part; none means everybody
    done_by     VARCHAR NOT NULL,
    done_at     TIMESTAMPTZ NOT NULL
);

CREATE VIEW campaigns AS
SELECT *, min(done_at) OVER (PARTITION BY campaign_id) AS created_at
FROM campaign_events
QUALIFY row_number() OVER (PARTITION BY campaign_id ORDER BY seq DESC) = 1;
