-- Which trace a run belongs to: 16 bytes. A run that waits also keeps where it goes on in the trace: the span that caused it
-- (8 bytes), the flags, and what tracing systems want to be told again.

ALTER TABLE queue ADD COLUMN trace_id BLOB;
ALTER TABLE queue ADD COLUMN trace_parent BLOB;
ALTER TABLE queue ADD COLUMN trace_flags INTEGER;
ALTER TABLE queue ADD COLUMN trace_state TEXT;

-- A column that is added comes after the journal, and who reads it reads through that: lists would read all journals. So the
-- table is made anew.
CREATE TABLE runs_traced (
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL,
    project     TEXT NOT NULL,
    flow        TEXT,
    version     INTEGER,
    revision    INTEGER,
    outcome     TEXT NOT NULL,
    started_by  TEXT NOT NULL,
    key_id      BLOB,
    session     TEXT,
    parent      BLOB,
    batch       BLOB,
    batch_index INTEGER,
    labels      TEXT,
    created_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER NOT NULL,
    duration_us INTEGER,
    cut         INTEGER NOT NULL,
    masked      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    error       TEXT,
    trace_id    BLOB,
    journal     BLOB NOT NULL
) STRICT;
INSERT INTO runs_traced (seq, id, project, flow, version, revision, outcome, started_by, key_id, session, parent, batch,
    batch_index, labels, created_at, started_at, finished_at, duration_us, cut, masked, attempts, error, journal)
SELECT seq, id, project, flow, version, revision, outcome, started_by, key_id, session, parent, batch,
    batch_index, labels, created_at, started_at, finished_at, duration_us, cut, masked, attempts, error, journal
FROM runs ORDER BY seq;
DROP TABLE runs;
ALTER TABLE runs_traced RENAME TO runs;
CREATE UNIQUE INDEX runs_id ON runs (project, id);
CREATE INDEX runs_flow ON runs (project, flow, id);
CREATE INDEX runs_not_ok ON runs (project, outcome, id) WHERE outcome <> 'ok';
CREATE INDEX runs_batch ON runs (project, batch, batch_index, outcome) WHERE batch IS NOT NULL;
