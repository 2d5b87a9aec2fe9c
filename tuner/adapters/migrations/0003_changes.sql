-- What happened to messages that are not stored yet, and what reading again did not show.
--
-- * messages.erased is 1 where content was deleted or withdrawn for good, and 2 where it is only missing: Discord
--   did not show the message any more, asked twice, or showed it older than it is known to be. A message that is
--   shown again gets its text back from 2, never from 1.
-- * A tombstone is left by an event about a message that is not stored: its page may be on the way. edited_ms is
--   when it was edited, NULL when it was deleted. Only ids: no words.
-- * A gone channel was deleted. Nothing that still arrives of it, or of its threads, is kept.
-- * `missing` are stored messages that reading again did not show. They keep their text until their channel has
--   been read, and for as long as they are too many to be erased unasked.
-- * `rechecks` says how far each channel has been read again in small portions, and since when it needs none.

CREATE TABLE tombstones (message_id INTEGER PRIMARY KEY, edited_ms INTEGER, noted_at INTEGER NOT NULL);

CREATE TABLE gone_channels (channel_id INTEGER PRIMARY KEY);

CREATE TABLE missing (
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    PRIMARY KEY (channel_id, message_id)
) WITHOUT ROWID;

CREATE TABLE rechecks (
    channel_id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL, -- everything up to this id is done
    since INTEGER NOT NULL -- unix seconds
);
