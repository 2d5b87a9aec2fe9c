-- Which messages a paid-for answer may quote. It goes when the first of them changes, however that comes about: an
-- edit, a deletion, somebody who is forgotten or no longer allowed.
CREATE TABLE quoted (
    message_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (message_id, key)
) WITHOUT ROWID;
CREATE INDEX quoted_by_key ON quoted (key);

CREATE TRIGGER quotations_of_changed AFTER UPDATE OF content, extras ON messages
WHEN old.content IS NOT new.content OR old.extras IS NOT new.extras BEGIN
    DELETE FROM decisions WHERE key IN (SELECT key FROM quoted WHERE message_id = old.id);
END;
CREATE TRIGGER quotations_of_removed AFTER DELETE ON messages BEGIN
    DELETE FROM decisions WHERE key IN (SELECT key FROM quoted WHERE message_id = old.id);
END;
CREATE TRIGGER quotation_removed AFTER DELETE ON decisions WHEN old.quotes BEGIN
    DELETE FROM quoted WHERE key = old.key;
    INSERT OR REPLACE INTO meta VALUES ('traces', lower(hex(randomblob(8)))); -- until the file is purged
END;

DELETE FROM decisions WHERE quotes; -- they don't say whom
