//! Where a node's memory comes from: a front for what is small, and an allocator for the rest.
//!
//! An instance lives for one call, and most calls need little memory. They find it in the front, which takes no part of it
//! back but the last, so that to allocate is to add and to free is to compare.

mod front;
mod rest;

use core::alloc::{GlobalAlloc, Layout};

use front::FRONT;
use rest::REST;

#[global_allocator]
static MEMORY: Memory = Memory;

struct Memory;

// SAFETY: what is in the front is the front's, all else the other allocator's, and each of them keeps the contract.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match FRONT.take(layout) {
            Some(start) => start,
            // SAFETY: the caller's promise.
            None => unsafe { REST.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if FRONT.holds(start) {
            FRONT.resize(start, layout.size(), 0);
        } else {
            // SAFETY: the caller's promise, and it is not from the front.
            unsafe { REST.dealloc(start, layout) }
        }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !FRONT.holds(start) {
            // SAFETY: the caller's promise, and it is not from the front.
            return unsafe { REST.realloc(start, layout, new_size) };
        }
        if FRONT.resize(start, layout.size(), new_size) {
            return start;
        }
        // SAFETY: the caller's promise; the two do not overlap, because the old one is freed last.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(start, layout.size());
                self.dealloc(start, layout);
            }
            moved
        }
    }
}
