-- Jobs that train a model at a provider. A row is written before anything is sent, so that a job is never started
-- twice and none is forgotten, whenever the process dies.
CREATE TABLE training_jobs (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    identity TEXT NOT NULL, -- the same for jobs that would train the same model in the same way
    mark TEXT NOT NULL UNIQUE, -- what the job bears at the provider's, to be found again by
    ordered TEXT NOT NULL, -- JSON: where, which files, which model, how; and what was said of its price
    owner TEXT NOT NULL,
    requester INTEGER NOT NULL, -- user id; 0 when nobody in Discord asked
    created_at TEXT NOT NULL,
    ended_at TEXT,
    run_id INTEGER, -- which build made the dataset
    people_known INTEGER NOT NULL, -- whether training_people names everybody whose words are in it
    asked_at REAL, -- when its creation was last asked for, in unix time
    base_url TEXT NOT NULL,
    account TEXT NOT NULL,
    remote_id TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '', -- the tuned model
    reason TEXT NOT NULL DEFAULT '', -- the provider's words
    progress TEXT NOT NULL DEFAULT '{}', -- JSON
    misses INTEGER NOT NULL DEFAULT 0, -- times in a row that the provider did not know it
    report_guild INTEGER,
    report_channel INTEGER,
    report_message INTEGER,
    report_posted_at REAL,
    nonce TEXT NOT NULL, -- the same for every try to tell of its end, so that Discord makes one message of them
    told INTEGER NOT NULL DEFAULT 0 -- its end was announced
);
CREATE UNIQUE INDEX training_once ON training_jobs (identity)
    WHERE state NOT IN ('finished', 'failed', 'cancelled', 'lost');
CREATE UNIQUE INDEX training_remote ON training_jobs (base_url, account, remote_id) WHERE remote_id <> '';

-- What was uploaded where. The same content is uploaded once.
CREATE TABLE training_files (
    base_url TEXT NOT NULL,
    account TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    asked_at REAL, -- when its upload was last begun, in unix time
    remote_id TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (base_url, account, sha256)
);

-- Whose words are in the dataset of a job: what an erasure has to name.
CREATE TABLE training_people (
    job_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, job_id)
) WITHOUT ROWID;
