-- Benchmarks that are made of the workspace's own items: to see how a checkpoint orders those, not how
-- good it is. Their qids are item ids, their docids passage ids.
ALTER TABLE benchmarks ADD COLUMN of_items BOOLEAN DEFAULT FALSE;
