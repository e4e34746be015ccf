-- Times are milliseconds since 1970. Ids of runs, batches, keys and webhooks are the 16 bytes of a UUID; those of runs
-- and batches are of version 7, so that their order is the order of time. Digests are text, `sha256:…`.

CREATE TABLE plugins (
    seq         INTEGER PRIMARY KEY,
    project     TEXT NOT NULL,
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    digest      TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    info        TEXT NOT NULL,
    imports     TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL,
    uploaded_by TEXT NOT NULL,
    activated   INTEGER,
    UNIQUE (project, name, version)
) STRICT;

CREATE TABLE flows (
    project    TEXT NOT NULL,
    name       TEXT NOT NULL,
    active     INTEGER,
    newest     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE flow_versions (
    project    TEXT NOT NULL,
    flow       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    digest     TEXT NOT NULL,
    format     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    text       TEXT NOT NULL,
    PRIMARY KEY (project, flow, version),
    UNIQUE (project, flow, digest),
    FOREIGN KEY (project, flow) REFERENCES flows (project, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE locks (
    project    TEXT NOT NULL,
    flow       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    digest     TEXT NOT NULL,
    cause      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    lock       TEXT NOT NULL,
    PRIMARY KEY (project, flow, version, revision),
    FOREIGN KEY (project, flow, version) REFERENCES flow_versions (project, flow, version) ON DELETE CASCADE
) STRICT;

-- A draft's tag is its `etag`; AUTOINCREMENT gives none twice, not even after the draft was removed.
CREATE TABLE drafts (
    etag       INTEGER PRIMARY KEY AUTOINCREMENT,
    project    TEXT NOT NULL,
    flow       TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    text       TEXT NOT NULL,
    UNIQUE (project, flow)
) STRICT;

-- Runs that ended, in the order in which they did: nothing else is in here, and a row is never changed but to go. What
-- is small comes first, so that lists do not read journals.
CREATE TABLE runs (
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
    journal     BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX runs_id ON runs (project, id);
CREATE INDEX runs_flow ON runs (project, flow, id);
CREATE INDEX runs_not_ok ON runs (project, outcome, id) WHERE outcome <> 'ok';
CREATE INDEX runs_batch ON runs (project, batch, batch_index, outcome) WHERE batch IS NOT NULL;

-- Runs that were accepted and have not ended (state 0: waits, 1: leased), and dead letters (2), which are also in `runs`.
CREATE TABLE queue (
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE,
    project     TEXT NOT NULL,
    flow        TEXT,
    version     INTEGER,
    revision    INTEGER,
    priority    INTEGER NOT NULL,
    state       INTEGER NOT NULL DEFAULT 0,
    owner       TEXT,
    lease_until INTEGER,
    attempts    INTEGER NOT NULL DEFAULT 0,
    started_by  TEXT NOT NULL,
    key_id      BLOB,
    session     TEXT,
    parent      BLOB,
    batch       BLOB,
    batch_index INTEGER,
    labels      TEXT,
    created_at  INTEGER NOT NULL,
    reason      TEXT,
    dead_at     INTEGER
) STRICT;
CREATE INDEX queue_next ON queue (priority DESC, seq) WHERE state = 0;
CREATE INDEX queue_leased ON queue (lease_until) WHERE state = 1;
CREATE INDEX queue_project ON queue (project, state, id);
CREATE INDEX queue_batch ON queue (project, batch, batch_index) WHERE batch IS NOT NULL;

-- The sealed inputs are apart, so that a lease does not write them again.
CREATE TABLE queue_inputs (
    seq    INTEGER PRIMARY KEY REFERENCES queue (seq) ON DELETE CASCADE,
    sealed BLOB NOT NULL
) STRICT;

CREATE TABLE batches (
    id         BLOB PRIMARY KEY,
    project    TEXT NOT NULL,
    flow       TEXT NOT NULL,
    version    INTEGER,
    key_id     BLOB,
    total      INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    project TEXT NOT NULL,
    key     TEXT NOT NULL,
    route   TEXT NOT NULL,
    digest  TEXT NOT NULL,
    subject BLOB NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (project, key, route)
) STRICT;
CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE keys (
    seq        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE,
    project    TEXT NOT NULL,
    publisher  TEXT NOT NULL,
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    scopes     TEXT NOT NULL,
    flows      TEXT,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX keys_name ON keys (project, name) WHERE revoked_at IS NULL;

CREATE TABLE webhooks (
    seq        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE,
    project    TEXT NOT NULL,
    flow       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    secret     BLOB,
    detail     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    FOREIGN KEY (project, flow) REFERENCES flows (project, name) ON DELETE CASCADE
) STRICT;
CREATE INDEX webhooks_flow ON webhooks (project, flow);

CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    key_id  BLOB,
    address TEXT,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_project ON audit (project, seq);
