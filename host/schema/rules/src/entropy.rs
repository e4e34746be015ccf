//! What the library's hash tables are seeded with where there is no entropy.
//!
//! `ahash`, which `jsonschema` uses, asks `getrandom` for a seed. In the sandbox nothing is random: the function that
//! `getrandom` calls when it is built with `--cfg getrandom_backend="custom"` gives the same bytes at every call.
//! Somebody who knows them can make tables slow, and pays for that with the fuel of their own call.

use getrandom::Error;

#[expect(
    unsafe_code,
    reason = "the name and signature by which getrandom finds its source"
)]
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(dest: *mut u8, len: usize) -> Result<(), Error> {
    // SAFETY: getrandom passes the start and the length of a buffer that it owns.
    let dest = unsafe {
        std::ptr::write_bytes(dest, 0, len);
        std::slice::from_raw_parts_mut(dest, len)
    };
    for (byte, seed) in dest.iter_mut().zip((0..=u8::MAX).cycle()) {
        *byte = seed.wrapping_mul(167).wrapping_add(13);
    }
    Ok(())
}
