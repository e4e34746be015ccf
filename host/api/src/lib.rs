//! The HTTP interface of a host.
