//! Reads, checks, plans and runs flows. Knows no wasmtime.
