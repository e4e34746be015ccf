//! Turns what compilers make into components.
fn main() {}
