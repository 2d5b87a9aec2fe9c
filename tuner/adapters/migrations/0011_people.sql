-- Which files hold words of this archive, so that what is withdrawn later can be taken out of them, too.
--
-- * `written` are the places that runs wrote to: records, transcripts (a folder), stats. Absolute paths.
-- * A dataset is written down before its files take their places. `people` of it are whose words or names are in it.
--   Its row goes when Tuner itself replaces the files and keeps none of them.
-- * meta.outdated stands while written files may hold words that the archive does not hold any more. It is written with
--   the erasure itself, and goes when all of them were gone through.
-- * training_files.stale: what was uploaded holds withdrawn words and has to be deleted at its provider.

CREATE TABLE written (
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (path, kind)
) WITHOUT ROWID;

CREATE TABLE datasets (run_id INTEGER PRIMARY KEY, records TEXT NOT NULL);

CREATE TABLE dataset_people (
    run_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, run_id)
) WITHOUT ROWID;
CREATE TRIGGER dataset_people_of_removed AFTER DELETE ON datasets BEGIN
    DELETE FROM dataset_people WHERE run_id = old.run_id;
END;

ALTER TABLE training_files ADD COLUMN stale INTEGER NOT NULL DEFAULT 0;

-- What people decided about their words, every decision a row: they are never changed, the last one counts.
CREATE TABLE consents (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    decision TEXT NOT NULL, -- agreed, declined, gone (from the server)
    text_version TEXT NOT NULL, -- of what they agreed to
    interaction TEXT NOT NULL UNIQUE, -- by which it was told, so that none is told twice
    decided_at TEXT NOT NULL
);
CREATE INDEX consents_of_person ON consents (user_id, id);
