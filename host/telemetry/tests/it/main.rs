//! What exporters tell, held against what was counted.

mod counted;
mod prometheus;
