-- What made a benchmark's first-stage run, by the run's own tag; empty where the run does not say.
ALTER TABLE benchmarks ADD COLUMN retriever VARCHAR DEFAULT '';
