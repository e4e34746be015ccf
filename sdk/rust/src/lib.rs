//! What the author of a Lockgate node in Rust uses.
