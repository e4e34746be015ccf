//! Keeps plugins, flows, runs, keys and the queue of runs in SQLite.
