//! The front: a piece that an instance has from the start, handed out from one end to the other.

use core::alloc::Layout;
use core::cell::Cell;
use core::mem::MaybeUninit;

/// Enough for a small call, and little enough that one which allocates and frees without end soon leaves it: then it uses
/// the same few pages again and again.
const FRONT_BYTES: usize = 16 << 10;

static mut BYTES: [MaybeUninit<u8>; FRONT_BYTES] = [MaybeUninit::uninit(); FRONT_BYTES];

pub(super) static FRONT: Front = Front {
    free: Cell::new((&raw mut BYTES).cast()),
};

/// Memory of which only the last piece is taken back.
pub(super) struct Front {
    /// Where what is free begins.
    free: Cell<*mut u8>,
}

// SAFETY: a node has a single thread.
unsafe impl Sync for Front {}

impl Front {
    /// Takes as much as this, if there is as much.
    pub(super) fn take(&self, layout: Layout) -> Option<*mut u8> {
        let free = self.free.get();
        let start = free.wrapping_add(free.align_offset(layout.align()));
        self.end_after(start, layout.size()).then_some(start)
    }

    /// Whether this was taken from here.
    pub(super) fn holds(&self, start: *mut u8) -> bool {
        offset(start) < FRONT_BYTES
    }

    /// Gives a piece another size, where it is. False: it does not fit there.
    pub(super) fn resize(&self, start: *mut u8, size: usize, new_size: usize) -> bool {
        let is_last = start.wrapping_add(size) == self.free.get();
        (is_last && self.end_after(start, new_size)) || new_size <= size
    }

    /// Has what is free begin after a piece, if there is room for it.
    fn end_after(&self, start: *mut u8, size: usize) -> bool {
        let room = FRONT_BYTES.saturating_sub(offset(start));
        let fits = size <= room;
        if fits {
            self.free.set(start.wrapping_add(size));
        }
        fits
    }
}

/// How far this is from the start. What is elsewhere is beyond the end.
fn offset(address: *mut u8) -> usize {
    address.addr().wrapping_sub((&raw const BYTES).addr())
}
