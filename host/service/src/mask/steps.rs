//! How much work it is: tests count it, because time says little on a machine that others use too.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts bytes that were looked at, or places that were compared.
#[cfg(test)]
pub(super) fn did(steps: usize) {
    STEPS.with(|all| all.set(all.get() + steps));
}

#[cfg(not(test))]
pub(super) fn did(_: usize) {}

/// How many there were while this was done.
#[cfg(test)]
pub(super) fn of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    STEPS.with(|all| all.set(0));
    let done = work();
    (done, STEPS.with(std::cell::Cell::get))
}
