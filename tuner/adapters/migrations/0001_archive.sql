-- The archive: a server's history as far as it may be kept.
--
-- What the data is like, and what follows:
-- * Ids are Discord snowflakes: they carry the time and order messages within a channel, though two
--   messages of one millisecond may swap. There is no time column.
-- * `speaker` is a user id, or a negative opaque number (a keyed hash, key in meta.salt) for authors whose
--   words may not be kept. `content` is NULL exactly then: such a row, a stub, holds the place of a message
--   so that an answer to it is not taken for an answer to somebody else.
-- * `erased` marks content that was deleted or withdrawn. It never comes back, whatever is read later.
-- * `reply_to` may name a message that is not stored: deleted, older than the archive, or in a gap.
-- * `content` is as written (markdown, <@id>, <:emoji:id>); text exported by other tools may be rendered.
-- * A cursor row says that everything from first_id to last_id is stored. A page of history and its range
--   are written in one transaction. Exports write no ranges: they may be filtered or incomplete.
-- * authors holds the names of people whose words may be used, also of those who were only mentioned.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE channels (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    guild_id INTEGER NOT NULL,
    guild_name TEXT NOT NULL,
    parent_id INTEGER,
    topic TEXT NOT NULL
);

CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, is_bot INTEGER NOT NULL);

CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL,
    speaker INTEGER NOT NULL,
    edited_ms INTEGER NOT NULL DEFAULT 0,
    reply_to INTEGER,
    content TEXT,
    extras TEXT NOT NULL DEFAULT '{}',
    erased INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX messages_by_channel ON messages (channel_id, id);
CREATE INDEX messages_by_target ON messages (reply_to, id) WHERE reply_to IS NOT NULL;

CREATE TABLE cursors (
    channel_id INTEGER NOT NULL,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    PRIMARY KEY (channel_id, first_id)
) WITHOUT ROWID;

CREATE TABLE opt_outs (user_id INTEGER PRIMARY KEY, since TEXT NOT NULL);

-- Paid-for model answers. `quotes` marks those that may repeat words of the chat: erasing anything drops them.
CREATE TABLE decisions (
    key TEXT PRIMARY KEY,
    answer TEXT NOT NULL,
    quotes INTEGER NOT NULL,
    decided_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL, -- running, finished, interrupted, failed
    started_at TEXT NOT NULL,
    ended_at TEXT,
    owner TEXT NOT NULL, -- who started it: program, host and process
    options TEXT NOT NULL,
    progress TEXT NOT NULL DEFAULT '{}',
    message TEXT NOT NULL DEFAULT ''
);

CREATE VIRTUAL TABLE words USING fts5 (
    content, content = 'messages', content_rowid = 'id', tokenize = 'porter unicode61'
);
CREATE TRIGGER words_added AFTER INSERT ON messages WHEN new.content IS NOT NULL BEGIN
    INSERT INTO words (rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER words_removed BEFORE UPDATE OF content ON messages WHEN old.content IS NOT NULL BEGIN
    INSERT INTO words (words, rowid, content) VALUES ('delete', old.id, old.content);
END;
CREATE TRIGGER words_changed AFTER UPDATE OF content ON messages WHEN new.content IS NOT NULL BEGIN
    INSERT INTO words (rowid, content) VALUES (new.id, new.content);
END;
