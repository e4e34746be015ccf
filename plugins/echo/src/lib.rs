//! The plugin 'echo' that ships with Lockgate.
