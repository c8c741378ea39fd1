-- Jobs that ask a teacher. The table is made anew, because a check cannot be changed in place.
CREATE TABLE jobs_before AS SELECT * FROM jobs;
DROP TABLE jobs;

CREATE TABLE jobs (
    job_id        VARCHAR PRIMARY KEY,
    kind          VARCHAR NOT NULL CHECK (kind IN ('sft', 'grpo', 'evaluate', 'generate')),
    name          VARCHAR NOT NULL,
    recipe        VARCHAR,
    snapshot_id   VARCHAR,
    benchmark_id  VARCHAR,
    checkpoint_id VARCHAR,                 -- parent of a training job, subject of an evaluation
    config        VARCHAR NOT NULL,        -- config.yaml as it was written
    created_by    VARCHAR NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    source_id     VARCHAR                  -- what a generate job labels
);
INSERT INTO jobs SELECT *, NULL FROM jobs_before;
DROP TABLE jobs_before;

-- What became of each query of a source, the latest line of jobs/<id>/items.jsonl.
CREATE TABLE generated (
    job_id            VARCHAR NOT NULL,
    qid               VARCHAR NOT NULL,
    domain            VARCHAR NOT NULL,
    outcome           VARCHAR NOT NULL,    -- labelled | waiting | no_positives | malformed | failed
    reason            VARCHAR NOT NULL,    -- why it is not labelled
    item_id           VARCHAR,             -- of a labelled one
    statuses          JSON NOT NULL,       -- parse status of the answers about labels, by stage
    price             DOUBLE NOT NULL,     -- US dollars that its answers cost, whoever paid
    prompt_tokens     BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    PRIMARY KEY (job_id, qid)
);

-- How far each items.jsonl was read, in bytes; written together with what the lines brought.
CREATE TABLE generated_reads (
    job_id  VARCHAR NOT NULL,
    read_to BIGINT NOT NULL,
    PRIMARY KEY (job_id, read_to)
);
