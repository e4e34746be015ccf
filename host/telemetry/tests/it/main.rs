//! What exporters tell, held against what was counted.

mod counted;
mod otlp;
mod prometheus;
