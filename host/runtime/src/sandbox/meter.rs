//! Counts what an instance makes the host give it, and refuses what is over the limits.

use lockgate_model::{Limit, Limits};
use wasmtime::ResourceLimiter;

use super::Stop;

/// What a part counts beside its own bytes: the host keeps each until the call ends, and an empty one is not free.
const PART_BYTES: usize = 64;

/// The host's bytes for one element of a table: a pointer.
const TABLE_ELEMENT_BYTES: u64 = 8;

/// Counts memory, instances and copied bytes of one call.
#[derive(Debug)]
pub(crate) struct Meter {
    most: Limits,
    memory: u64,
    peak_memory: u64,
    last_growth: u64,
    refused: Option<Limit>,
    copied: u64,
    output: u64,
    peak_resources: u32,
}

impl Meter {
    pub(super) fn new(most: Limits) -> Self {
        Self {
            most,
            memory: 0,
            peak_memory: 0,
            last_growth: 0,
            refused: None,
            copied: 0,
            output: 0,
            peak_resources: 0,
        }
    }

    /// The most bytes that memories and tables had together.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.peak_memory
    }

    /// Bytes that host calls copied so far.
    pub(crate) fn copied(&self) -> u64 {
        self.copied
    }

    /// Bytes of outputs so far.
    pub(crate) fn output(&self) -> u64 {
        self.output
    }

    /// The most host resources that were seen alive at once.
    pub(crate) fn peak_resources(&self) -> u32 {
        self.peak_resources
    }

    /// The limit that a growth was refused for. A guest may go on after that; if it traps, this is why.
    pub(super) fn refused(&self) -> Option<Limit> {
        self.refused
    }

    /// A host call copies `bytes`, into the sandbox or out of it.
    pub(crate) fn copy(&mut self, bytes: usize) -> Result<(), Stop> {
        count(
            &mut self.copied,
            bytes,
            self.most.copied_bytes,
            Limit::CopiedBytes,
        )
    }

    /// The call gives `bytes` of output.
    pub(crate) fn give(&mut self, bytes: usize) -> Result<(), Stop> {
        count(
            &mut self.output,
            bytes,
            self.most.output_bytes,
            Limit::OutputBytes,
        )
    }

    /// The call sends a part of `bytes`.
    pub(crate) fn give_part(&mut self, bytes: usize) -> Result<(), Stop> {
        self.give(bytes.saturating_add(PART_BYTES))
    }

    /// `alive` host resources are there now.
    pub(super) fn saw_resources(&mut self, alive: usize) {
        self.peak_resources = self
            .peak_resources
            .max(u32::try_from(alive).unwrap_or(u32::MAX));
    }

    /// Something grows from `current` to `desired` bytes. Growth within the limit counts at once; if the growth itself
    /// then fails, [`Self::growth_failed`] takes it back.
    fn grow(&mut self, current: u64, desired: u64) -> bool {
        let growth = desired.saturating_sub(current);
        match self.memory.checked_add(growth) {
            Some(sum) if sum <= self.most.memory_bytes => {
                self.memory = sum;
                self.last_growth = growth;
                self.peak_memory = self.peak_memory.max(sum);
                true
            }
            _ => {
                self.last_growth = 0;
                self.refused = Some(Limit::Memory);
                false
            }
        }
    }

    /// The sandbox itself refused: its pool bounds each memory and table too.
    fn growth_failed(&mut self) {
        self.memory -= self.last_growth;
        self.last_growth = 0;
        self.refused = Some(Limit::Memory);
    }
}

fn count(sum: &mut u64, bytes: usize, most: u64, limit: Limit) -> Result<(), Stop> {
    // What is refused is not used, so a receipt never says more than the limit.
    let wanted = sum.saturating_add(bytes as u64);
    if wanted > most {
        return Err(Stop::Exhausted(limit));
    }
    *sum = wanted;
    Ok(())
}

/// wasmtime asks at each creation and growth of a memory or table, before it happens.
impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current as u64, desired as u64))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.growth_failed();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| (elements as u64).saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(self.grow(bytes(current), bytes(desired)))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.growth_failed();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.most.instances as usize
    }

    fn memories(&self) -> usize {
        self.most.instances as usize
    }

    fn tables(&self) -> usize {
        self.most.instances as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(memory_bytes: u64) -> Meter {
        Meter::new(Limits {
            memory_bytes,
            copied_bytes: 10,
            ..Limits::DEFAULT
        })
    }

    #[test]
    fn memories_and_tables_are_summed() {
        let mut meter = meter(100);
        assert!(meter.memory_growing(0, 40, None).expect("answers"));
        assert!(
            meter.memory_growing(0, 40, None).expect("answers"),
            "a second memory"
        );
        assert!(meter.table_growing(0, 2, None).expect("answers"));
        assert_eq!(meter.refused(), None);
        assert!(
            !meter.table_growing(2, 3, None).expect("answers"),
            "one element too many"
        );
        assert_eq!(
            (meter.refused(), meter.peak_memory()),
            (Some(Limit::Memory), 96)
        );
    }

    #[test]
    fn a_growth_that_fails_is_taken_back() {
        let mut meter = meter(100);
        assert!(meter.memory_growing(0, 100, None).expect("answers"));
        meter
            .memory_grow_failed(wasmtime::Error::msg("no pages"))
            .expect("takes it back");
        assert!(meter.memory_growing(0, 100, None).expect("answers"));
        assert!(!meter.memory_growing(0, usize::MAX, None).expect("answers"));
        meter
            .memory_grow_failed(wasmtime::Error::msg("refused"))
            .expect("takes nothing back");
        assert!(!meter.memory_growing(0, 1, None).expect("answers"));
    }

    #[test]
    fn copies_are_counted_to_the_byte() {
        let mut meter = meter(0);
        assert!(meter.copy(10).is_ok());
        assert!(matches!(
            meter.copy(1),
            Err(Stop::Exhausted(Limit::CopiedBytes))
        ));
        assert!(meter.copy(usize::MAX).is_err());
    }
}
