//! How metrics are reported to CMS.

/// How metrics are reported to CMS.
#[derive(Debug, Clone)]
pub struct CmsConfig {
    /// Whether every call is reported as it is, or what a period came to.
    pub mode: Mode,
    /// The application group that metrics belong to; 0: none.
    pub group_id: u64,
    /// What tells this host from others: the dimension `instance`.
    pub instance: String,
}

/// Whether every call is reported as it is, or what a period came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// What a minute and what five minutes came to. CMS does not charge for it.
    Aggregated,
    /// Durations, fuel and memory of single calls, which CMS charges for; everything else as what a period came to.
    Raw {
        /// The share of calls that is reported, from 0 to 1. Nothing is scaled by it: it is the dimension `sample`.
        sample: f64,
    },
}
