//! What does not fit in the front: an allocator that uses freed memory again, and grows the memory when it has to.
//!
//! Growing asks the kernel to map pages, and the next instance asks it to unmap them: more work than all the rest of a small
//! call. So this begins with a piece that an instance has from the start.

use core::alloc::Layout;
use core::arch::wasm32::memory_grow;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// The first piece. Pages that nobody writes take no memory of the host.
const FIRST_BYTES: usize = 240 << 10;

const PAGE_BYTES: usize = 64 << 10;

/// What the allocator keeps for itself at the edges of a piece, generously.
const EDGE_BYTES: usize = 256;

static mut FIRST: [MaybeUninit<u8>; FIRST_BYTES] = [MaybeUninit::uninit(); FIRST_BYTES];

pub(super) static REST: TalcSyncCell<FirstThenGrown, WasmBinning> =
    TalcSyncCell::new_wasm(FirstThenGrown { end: None });

/// The first piece, and then what the memory grows by.
#[derive(Debug)]
pub(super) struct FirstThenGrown {
    /// The end of the last piece; none before the first.
    end: Option<NonNull<u8>>,
}

// SAFETY: it talks to the allocator through `talc` alone, and says `Ok` only after it gave it more.
unsafe impl Source for FirstThenGrown {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let Some(end) = talc.source.end else {
            // SAFETY: nothing else names `FIRST`, and this is reached once.
            talc.source.end = unsafe { talc.claim((&raw mut FIRST).cast(), FIRST_BYTES) };
            return talc.source.end.map(drop).ok_or(());
        };
        let bytes = layout
            .size()
            .checked_add(layout.align() + EDGE_BYTES)
            .ok_or(())?;
        let pages = bytes.div_ceil(PAGE_BYTES);
        let base = match memory_grow::<0>(pages) {
            usize::MAX => return Err(()),
            before => (before * PAGE_BYTES) as *mut u8,
        };
        let size = pages * PAGE_BYTES;
        // SAFETY: the pages are new, and end where the memory ends.
        talc.source.end = unsafe {
            if end.as_ptr() == base {
                Some(talc.extend(end, base.wrapping_add(size)))
            } else {
                talc.claim(base, size)
            }
        };
        talc.source.end.map(drop).ok_or(())
    }
}
