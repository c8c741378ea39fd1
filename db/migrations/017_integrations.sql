-- Who may read the API, and who is told what happened. Both are appended; what holds is a view.
CREATE SEQUENCE api_token_seq;
CREATE TABLE api_token_events (
    seq        BIGINT PRIMARY KEY DEFAULT nextval('api_token_seq'),
    token_id   VARCHAR NOT NULL,
    kind       VARCHAR NOT NULL CHECK (kind IN ('add', 'revoke')),
    name       VARCHAR NOT NULL,
    token_hash VARCHAR NOT NULL,           -- SHA-256 in hex; the token itself stands nowhere
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL
);

CREATE VIEW api_tokens AS
SELECT token_id, name, token_hash, decided_by AS made_by, decided_at AS made_at
FROM api_token_events
WHERE kind = 'add' AND token_id NOT IN (SELECT token_id FROM api_token_events WHERE kind = 'revoke');

CREATE SEQUENCE webhook_seq;
CREATE TABLE webhook_events (
    seq             BIGINT PRIMARY KEY DEFAULT nextval('webhook_seq'),
    webhook_id      VARCHAR NOT NULL,
    kind            VARCHAR NOT NULL CHECK (kind IN ('add', 'remove')),
    url             VARCHAR NOT NULL,
    events          VARCHAR[] NOT NULL,    -- what it is told of
    secret_variable VARCHAR NOT NULL,      -- environment variable that holds the signing secret
    decided_by      VARCHAR NOT NULL,
    decided_at      TIMESTAMPTZ NOT NULL
);

CREATE VIEW webhooks AS
SELECT webhook_id, url, events, secret_variable, decided_by AS made_by, decided_at AS made_at
FROM webhook_events
WHERE kind = 'add' AND webhook_id NOT IN (SELECT webhook_id FROM webhook_events WHERE kind = 'remove');

-- The outbox: written in the transaction of what it tells, one row for each webhook that wants it.
CREATE TABLE webhook_deliveries (
    delivery_id VARCHAR PRIMARY KEY,
    webhook_id  VARCHAR NOT NULL,
    event       VARCHAR NOT NULL,
    data        JSON NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE webhook_attempts (
    delivery_id  VARCHAR NOT NULL,
    attempt      BIGINT NOT NULL,          -- 1-based
    outcome      VARCHAR NOT NULL CHECK (outcome IN ('ok', 'retry', 'failed')),
    status       BIGINT,                   -- of the HTTP response; none where there was no response
    detail       VARCHAR NOT NULL,         -- what went wrong
    next_at      TIMESTAMPTZ,              -- retry: not before
    attempted_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (delivery_id, attempt)
);

-- Where each delivery stands: the outcome of its last attempt; `dropped` where nobody waits for it.
CREATE VIEW webhook_states AS
SELECT
    d.*, w.url, w.secret_variable, coalesce(a.attempt, 0) AS attempts, a.status, a.detail,
    a.attempted_at, a.next_at,
    CASE
        WHEN a.outcome IN ('ok', 'failed') THEN a.outcome
        WHEN w.webhook_id IS NULL THEN 'dropped'
        ELSE 'pending'
    END AS state
FROM webhook_deliveries d
LEFT JOIN webhooks w USING (webhook_id)
LEFT JOIN (
    SELECT * FROM webhook_attempts
    QUALIFY row_number() OVER (PARTITION BY delivery_id ORDER BY attempt DESC) = 1
) a USING (delivery_id);
