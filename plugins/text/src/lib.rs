//! The plugin 'text' that ships with Lockgate.
