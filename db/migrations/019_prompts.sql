-- Versions of the prompts that a query was asked with, by stage, such as {"select": "name@1a2b3c4d"};
-- none in what was read before this.
ALTER TABLE generated ADD COLUMN prompts JSON DEFAULT '{}';
