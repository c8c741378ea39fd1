-- Benchmarks that are reported together. The latest row of a name holds.
CREATE TABLE suites (
    name          VARCHAR NOT NULL,
    benchmark_ids VARCHAR[] NOT NULL,      -- in the order they are shown
    made_at       TIMESTAMPTZ NOT NULL
);
