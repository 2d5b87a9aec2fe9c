-- Ends of builds that somebody waits to be told of: a row from a build's start until its end has been announced and
-- its status message says so. What is left here after a fault or a restart is announced later.
CREATE TABLE announcements (
    run_id INTEGER PRIMARY KEY,
    requester INTEGER NOT NULL, -- user id; 0 when nobody in Discord asked
    nonce TEXT NOT NULL, -- the same for every try, so that Discord makes one message of them
    ending TEXT NOT NULL DEFAULT '', -- JSON: how it ended, in the words of whoever saw it; empty when its process died
    announced INTEGER NOT NULL DEFAULT 0
);
