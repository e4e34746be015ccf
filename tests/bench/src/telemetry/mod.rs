//! What it costs to count: one node, a whole host that tells everybody, and the memory of many series.

mod exporting;
mod record;
mod series;
mod sink;

use anyhow::Result;

use crate::report::Report;

pub(crate) use series::SERIES;
pub(crate) use series::print_memory;

/// Measures all of it.
pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    record::measure(report);
    series::measure(report)?;
    exporting::measure(report).await
}
