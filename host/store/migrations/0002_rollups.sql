-- What runs did, by minute, hour and day. `counts` is whoever counts' own business: two of a series can be added.
--
-- A series is named once, so that a row is little more than its counts. `first` and `newest` are the days between which it
-- has rows: what reads need not look for others.
CREATE TABLE rollup_series (
    id             INTEGER PRIMARY KEY,
    project        TEXT NOT NULL,
    flow           TEXT NOT NULL,
    version        INTEGER NOT NULL,
    node           TEXT NOT NULL,
    plugin         TEXT NOT NULL,
    plugin_version TEXT NOT NULL,
    first          INTEGER NOT NULL,
    newest         INTEGER NOT NULL,
    UNIQUE (project, flow, version, node, plugin, plugin_version)
) STRICT;
CREATE INDEX rollup_series_newest ON rollup_series (newest);

-- By time first: what is written together lies together, and what is old goes together. `grain` is 0 for a minute, 1 for an
-- hour, 2 for a day; `at` is when that began. A row has some 80 to 250 bytes; a series that is written each minute for ever
-- has about 0.8 MB, with what is kept by default.
CREATE TABLE rollups (
    grain  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    series INTEGER NOT NULL,
    counts BLOB NOT NULL,
    PRIMARY KEY (grain, at, series)
) STRICT, WITHOUT ROWID;

-- What was, at the end of each minute in which a host counted: so that a flow that stopped is told apart from a host that did.
CREATE TABLE host_minutes (
    at             INTEGER PRIMARY KEY,
    queue_depth    INTEGER NOT NULL,
    queue_age_s    REAL NOT NULL,
    sandbox_active INTEGER NOT NULL
) STRICT;
