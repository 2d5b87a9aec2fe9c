-- What the bot needs to go on after a restart: where a run's status message is, and what was registered.
ALTER TABLE runs ADD COLUMN report_guild INTEGER;
ALTER TABLE runs ADD COLUMN report_channel INTEGER;
ALTER TABLE runs ADD COLUMN report_message INTEGER;
ALTER TABLE runs ADD COLUMN report_posted_at REAL;
