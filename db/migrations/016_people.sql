-- Who may do what. Changes of accounts and settings are appended; the latest row of a name holds.
CREATE SEQUENCE account_seq;
CREATE TABLE account_events (
    seq        BIGINT PRIMARY KEY DEFAULT nextval('account_seq'),
    account    VARCHAR NOT NULL,           -- the name one signs in with, and that verdicts carry
    change     VARCHAR NOT NULL CHECK (change IN ('add', 'roles', 'email', 'disable', 'enable', 'password')),
    email      VARCHAR,                    -- what a sign-in by OIDC is known by; lower case
    roles      VARCHAR[] NOT NULL,
    active     BOOLEAN NOT NULL,
    changed_by VARCHAR NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);

CREATE VIEW accounts AS
SELECT *
FROM account_events
QUALIFY row_number() OVER (PARTITION BY account ORDER BY seq DESC) = 1;

CREATE SEQUENCE setting_seq;
CREATE TABLE setting_events (
    seq    BIGINT PRIMARY KEY DEFAULT nextval('setting_seq'),
    name   VARCHAR NOT NULL,
    value  VARCHAR NOT NULL,
    set_by VARCHAR NOT NULL,
    set_at TIMESTAMPTZ NOT NULL
);

-- No history: a password that was replaced leaves no hash behind.
CREATE TABLE credentials (
    account       VARCHAR PRIMARY KEY,
    password_hash VARCHAR NOT NULL,        -- argon2id
    temporary     BOOLEAN NOT NULL,        -- given by an admin; to be changed before anything else
    set_at        TIMESTAMPTZ NOT NULL
);

CREATE TABLE sessions (
    token_hash VARCHAR PRIMARY KEY,        -- SHA-256; the token itself is in the browser alone
    account    VARCHAR NOT NULL,
    began_at   TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL,       -- to the minute
    ended_at   TIMESTAMPTZ
);

CREATE SEQUENCE sign_in_seq;
CREATE TABLE sign_in_events (
    seq         BIGINT PRIMARY KEY DEFAULT nextval('sign_in_seq'),
    kind        VARCHAR NOT NULL CHECK (kind IN ('in', 'out', 'failed')),
    account     VARCHAR NOT NULL,          -- as it was typed, where it failed
    address     VARCHAR NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL
);

-- What is done to files and processes, which have no table that says by whom.
CREATE SEQUENCE action_seq;
CREATE TABLE action_events (
    seq     BIGINT PRIMARY KEY DEFAULT nextval('action_seq'),
    action  VARCHAR NOT NULL,              -- export | stop | resume | prices | prompt
    subject VARCHAR NOT NULL,              -- the snapshot, job, model or prompt
    before  VARCHAR NOT NULL,
    after   VARCHAR NOT NULL,
    done_by VARCHAR NOT NULL,
    done_at TIMESTAMPTZ NOT NULL
);

-- None for what came before there were accounts.
ALTER TABLE imports ADD COLUMN imported_by VARCHAR;
ALTER TABLE sources ADD COLUMN added_by VARCHAR;
ALTER TABLE benchmarks ADD COLUMN added_by VARCHAR;
ALTER TABLE suites ADD COLUMN made_by VARCHAR;
ALTER TABLE baseline_pins ADD COLUMN pinned_by VARCHAR;
