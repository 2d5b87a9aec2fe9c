-- Which run made a dataset file, so that a file that is replaced is kept under its maker's number; and whether
-- forgetting somebody erased anything (NULL: by an older version, so it cannot be told), so that a mistake can be
-- taken back.
ALTER TABLE runs ADD COLUMN files TEXT NOT NULL DEFAULT '[]'; -- SHA-256 of each, a JSON list
ALTER TABLE opt_outs ADD COLUMN erased INTEGER;
