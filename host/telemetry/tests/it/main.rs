//! What goes over a wire, against servers that stand in for those of others.

mod receivers;
