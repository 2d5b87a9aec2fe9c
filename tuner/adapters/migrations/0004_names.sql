-- Who is known by which name, so that a name is known again behind an `@` whoever it belonged to and whenever
-- they bore it. No name is in here, only keyed digests (key in meta.salt) of names as they are compared.
-- `speaker` is as in messages: an opaque number for people outside, whose names are hidden. `hidden` says that
-- the name has been hidden in all that is stored.
CREATE TABLE names (
    speaker INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    hidden INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (speaker, digest)
) WITHOUT ROWID;
CREATE INDEX names_by_digest ON names (digest);
CREATE INDEX names_to_hide ON names (digest) WHERE speaker < 0 AND NOT hidden;

-- Messages in which somebody may be named: <@id> alone names nobody.
CREATE INDEX messages_with_names ON messages (id)
    WHERE (instr(replace(content, '<@', ''), '@') OR instr(extras, '@'));

-- Whoever gave a thread its title: a speaker as in messages; NULL for channels, and where it is not known.
ALTER TABLE channels ADD COLUMN author INTEGER;

-- Of titles stored so far nobody knows whose words they are, and the names of direct messages are people's.
-- Reading the channel again brings back those that may be kept.
CREATE TEMP TABLE untitled AS SELECT id FROM channels
    WHERE (guild_id = 0 AND guild_name = 'Direct Messages') OR (parent_id IS NOT NULL AND (
        EXISTS (SELECT 1 FROM opt_outs)
        OR EXISTS (SELECT 1 FROM meta WHERE key = 'audience' AND NOT json_extract(value, '$.everyone'))));
UPDATE channels SET name = iif(parent_id IS NULL, 'direct-message', 'thread') WHERE id IN (SELECT id FROM untitled);
UPDATE runs SET progress = json_set(progress, '$.channels', json('{}'), '$.notes', json('[]')), message = ''
    WHERE progress <> '{}' AND EXISTS (SELECT 1 FROM untitled);
INSERT OR REPLACE INTO meta SELECT 'traces', hex(randomblob(8)) WHERE EXISTS (SELECT 1 FROM untitled);
DROP TABLE untitled;
