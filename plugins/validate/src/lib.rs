//! The plugin 'validate' that ships with Lockgate.
