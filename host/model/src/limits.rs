//! What one call may use. Every limit is always on.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What one call of a node may use. There is no value for "unlimited".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Instructions, as wasmtime counts them: about one for each WebAssembly instruction, and one for each byte of a
    /// bulk operation on memory.
    pub fuel: u64,
    /// Time on the wall from the moment that the call is admitted, waiting in host calls included. In milliseconds.
    pub timeout_ms: u64,
    /// Bytes of all memories and tables of all instances of the component together.
    pub memory_bytes: u64,
    /// Core instances, memories and tables that the component is made of, each counted by itself.
    pub instances: u32,
    /// Handles to host resources (streams, pollables, responses) that are alive at once.
    pub resources: u32,
    /// Bytes that host calls copy into and out of the sandbox, all calls together: log lines, parts, requests, random
    /// bytes, whatever became of them. It bounds what a storm of host calls costs the host.
    pub copied_bytes: u64,
    /// Bytes of log lines that are kept, standard output and standard error included. What comes after is dropped, and
    /// the last line says so.
    pub log_bytes: u64,
    /// Bytes of all outputs together, parts included; a part counts 64 bytes more, because the host keeps each until the
    /// call ends. No one host call may hand over more than this either.
    pub output_bytes: u64,
}

const MIB: u64 = 1 << 20;

impl Limits {
    /// What a call gets where nobody says otherwise.
    pub const DEFAULT: Self = Self {
        fuel: 2_000_000_000,
        timeout_ms: 30_000,
        memory_bytes: 128 * MIB,
        instances: 100,
        resources: 100,
        copied_bytes: 64 * MIB,
        log_bytes: 64 << 10,
        output_bytes: 8 * MIB,
    };

    /// The most that any setting can give: what the host's own tables and pools are made for.
    pub const MAX: Self = Self {
        fuel: 1_000_000_000_000,
        timeout_ms: 3_600_000,
        memory_bytes: 1024 * MIB,
        instances: 200,
        resources: 1_000,
        copied_bytes: 1024 * MIB,
        log_bytes: 16 * MIB,
        output_bytes: 256 * MIB,
    };

    /// The deadline as a duration.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// What `limit` is.
    pub fn get(&self, limit: Limit) -> u64 {
        match limit {
            Limit::Fuel => self.fuel,
            Limit::Timeout => self.timeout_ms,
            Limit::Memory => self.memory_bytes,
            Limit::Instances => self.instances.into(),
            Limit::Resources => self.resources.into(),
            Limit::CopiedBytes => self.copied_bytes,
            Limit::LogBytes => self.log_bytes,
            Limit::OutputBytes => self.output_bytes,
        }
    }

    /// These limits with what `narrow` sets, or every value of `narrow` that would widen them.
    pub fn narrowed(&self, narrow: &NarrowLimits) -> Result<Self, Vec<TooWide>> {
        let mut narrowed = *self;
        let mut faults = Vec::new();
        for limit in Limit::ALL {
            let Some(asked) = narrow.get(limit) else {
                continue;
            };
            let most = self.get(limit);
            if asked > most || asked == 0 {
                faults.push(TooWide { limit, asked, most });
            } else {
                narrowed.set(limit, asked);
            }
        }
        if faults.is_empty() {
            Ok(narrowed)
        } else {
            Err(faults)
        }
    }

    /// The first limit that is wider than `most` has it.
    pub fn over(&self, most: &Self) -> Option<Limit> {
        Limit::ALL
            .into_iter()
            .find(|&limit| self.get(limit) > most.get(limit))
    }

    /// These limits, each at most as `most` has it.
    pub fn at_most(&self, most: &Self) -> Self {
        let mut cut = *self;
        for limit in Limit::ALL {
            cut.set(limit, self.get(limit).min(most.get(limit)));
        }
        cut
    }

    fn set(&mut self, limit: Limit, value: u64) {
        let small = u32::try_from(value).unwrap_or(u32::MAX);
        match limit {
            Limit::Fuel => self.fuel = value,
            Limit::Timeout => self.timeout_ms = value,
            Limit::Memory => self.memory_bytes = value,
            Limit::Instances => self.instances = small,
            Limit::Resources => self.resources = small,
            Limit::CopiedBytes => self.copied_bytes = value,
            Limit::LogBytes => self.log_bytes = value,
            Limit::OutputBytes => self.output_bytes = value,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One of the things that [`Limits`] bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// [`Limits::fuel`].
    Fuel,
    /// [`Limits::timeout_ms`].
    Timeout,
    /// [`Limits::memory_bytes`].
    Memory,
    /// [`Limits::instances`].
    Instances,
    /// [`Limits::resources`].
    Resources,
    /// [`Limits::copied_bytes`].
    CopiedBytes,
    /// [`Limits::log_bytes`].
    LogBytes,
    /// [`Limits::output_bytes`].
    OutputBytes,
}

impl Limit {
    /// Every limit, in the order of the fields of [`Limits`].
    pub const ALL: [Self; 8] = [
        Self::Fuel,
        Self::Timeout,
        Self::Memory,
        Self::Instances,
        Self::Resources,
        Self::CopiedBytes,
        Self::LogBytes,
        Self::OutputBytes,
    ];

    /// Its key under `limits` in a flow.
    pub fn key(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Instances => "instances",
            Self::Resources => "resources",
            Self::CopiedBytes => "copied_bytes",
            Self::LogBytes => "log_bytes",
            Self::OutputBytes => "output_bytes",
        }
    }

    /// The unit behind a number of it, with a space before it; empty where the limit's name says it.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Fuel | Self::Instances | Self::Resources => "",
            Self::Timeout => " ms",
            Self::Memory | Self::CopiedBytes | Self::LogBytes | Self::OutputBytes => " bytes",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fuel => "fuel",
            Self::Timeout => "time",
            Self::Memory => "memory",
            Self::Instances => "instances",
            Self::Resources => "resources",
            Self::CopiedBytes => "copied bytes",
            Self::LogBytes => "log bytes",
            Self::OutputBytes => "output bytes",
        })
    }
}

/// The limits that a flow narrows for one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NarrowLimits([Option<u64>; Limit::ALL.len()]);

impl NarrowLimits {
    /// What it says of `limit`, if anything.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.0[limit as usize]
    }

    /// Says that `limit` is at most `value`, in the limit's unit.
    pub fn set(&mut self, limit: Limit, value: u64) {
        self.0[limit as usize] = Some(value);
    }
}

/// A limit that a flow may not set to this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit on {limit} is {asked}{unit}, and has to be from 1 to {most}{unit}: a flow narrows what its nodes may use",
    unit = limit.unit()
)]
pub struct TooWide {
    /// Which limit.
    pub limit: Limit,
    /// What the flow asked for.
    pub asked: u64,
    /// What the node may have.
    pub most: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_a_maximum_is_found_and_cut() {
        for limit in Limit::ALL {
            let mut wide = Limits::DEFAULT;
            wide.set(limit, Limits::MAX.get(limit) + 1);
            assert_eq!(wide.over(&Limits::MAX), Some(limit));
            assert_eq!(
                wide.at_most(&Limits::MAX).get(limit),
                Limits::MAX.get(limit)
            );
            assert_eq!(wide.at_most(&Limits::MAX).over(&Limits::MAX), None);
        }
        assert_eq!(Limits::DEFAULT.at_most(&Limits::MAX), Limits::DEFAULT);
    }

    #[test]
    fn every_limit_narrows_and_none_widens() {
        for limit in Limit::ALL {
            let most = Limits::DEFAULT.get(limit);
            assert!(most <= Limits::MAX.get(limit), "{limit}");
            let mut narrow = NarrowLimits::default();
            narrow.set(limit, most - 1);
            let narrowed = Limits::DEFAULT.narrowed(&narrow).expect("narrower");
            for other in Limit::ALL {
                let expected = Limits::DEFAULT.get(other) - u64::from(other == limit);
                assert_eq!(
                    narrowed.get(other),
                    expected,
                    "{other} after narrowing {limit}"
                );
            }
            for wide in [0, most + 1, u64::MAX] {
                narrow.set(limit, wide);
                let faults = Limits::DEFAULT.narrowed(&narrow).expect_err("not narrower");
                assert_eq!(
                    faults,
                    [TooWide {
                        limit,
                        asked: wide,
                        most
                    }]
                );
            }
        }
    }
}
