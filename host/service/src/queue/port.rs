//! Where the queue is kept: SQLite on one machine, something else for several.

use futures::future::BoxFuture;
use lockgate_model::Kebab;
use lockgate_store::{
    Accept, Accepted, AuditRow, ClaimedRun, DeadRun, QueueState, Recovered, Store, StoreError,
};
use uuid::Uuid;

/// What a queue gives.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Where the queue is kept. Everything that it says it did outlives the process.
pub trait Queue: Send + Sync {
    /// Accepts runs, all or none.
    fn accept(&self, accept: Accept) -> Answer<'_, Accepted>;

    /// Leases at most `most` runs to `owner` until `lease_until_ms`, the highest priority first and of that the one
    /// accepted first.
    fn claim<'a>(
        &'a self,
        owner: &'a str,
        most: u32,
        lease_until_ms: i64,
    ) -> Answer<'a, Vec<ClaimedRun>>;

    /// Keeps runs for longer; gives those that this owner has no longer.
    fn renew<'a>(
        &'a self,
        owner: &'a str,
        runs: Vec<Uuid>,
        lease_until_ms: i64,
    ) -> Answer<'a, Vec<Uuid>>;

    /// Gives runs back, at the places that they had. It counts as no attempt.
    fn release<'a>(&'a self, owner: &'a str, runs: Vec<Uuid>) -> Answer<'a, u64>;

    /// Takes runs back from owners that are gone, and those whose lease is over.
    fn recover<'a>(
        &'a self,
        owner: &'a str,
        now_ms: i64,
        max_attempts: u32,
    ) -> Answer<'a, Recovered>;

    /// How it is, for one project or for all.
    fn state<'a>(&'a self, project: Option<&'a Kebab>) -> Answer<'a, QueueState>;

    /// How many runs are before this one; None: it does not wait.
    fn place<'a>(&'a self, run: &'a Uuid) -> Answer<'a, Option<u64>>;

    /// Ends a run that waits as `cancelled`; false: it does not wait.
    fn cancel_waiting<'a>(&'a self, project: &'a Kebab, run: &'a Uuid, at: i64)
    -> Answer<'a, bool>;

    /// Runs that were given up, the last accepted first.
    fn dead<'a>(
        &'a self,
        project: &'a Kebab,
        before: Option<i64>,
        limit: u32,
    ) -> Answer<'a, Vec<DeadRun>>;

    /// Puts one back, as if it had never been tried; false: there is none.
    fn requeue_dead<'a>(
        &'a self,
        project: &'a Kebab,
        run: &'a Uuid,
        audit: AuditRow,
    ) -> Answer<'a, bool>;

    /// Drops one and its input; false: there is none.
    fn remove_dead<'a>(
        &'a self,
        project: &'a Kebab,
        run: &'a Uuid,
        audit: AuditRow,
    ) -> Answer<'a, bool>;
}

/// One machine's queue. Methods of the same name belong to the store itself, which is why they are called by their path.
impl Queue for Store {
    fn accept(&self, accept: Accept) -> Answer<'_, Accepted> {
        Box::pin(Store::accept(self, accept))
    }

    fn claim<'a>(
        &'a self,
        owner: &'a str,
        most: u32,
        lease_until_ms: i64,
    ) -> Answer<'a, Vec<ClaimedRun>> {
        Box::pin(Store::claim(self, owner, most, lease_until_ms))
    }

    fn renew<'a>(
        &'a self,
        owner: &'a str,
        runs: Vec<Uuid>,
        lease_until_ms: i64,
    ) -> Answer<'a, Vec<Uuid>> {
        Box::pin(Store::renew(self, owner, runs, lease_until_ms))
    }

    fn release<'a>(&'a self, owner: &'a str, runs: Vec<Uuid>) -> Answer<'a, u64> {
        Box::pin(Store::release(self, owner, runs))
    }

    fn recover<'a>(
        &'a self,
        owner: &'a str,
        now_ms: i64,
        max_attempts: u32,
    ) -> Answer<'a, Recovered> {
        Box::pin(Store::recover(self, owner, now_ms, max_attempts))
    }

    fn state<'a>(&'a self, project: Option<&'a Kebab>) -> Answer<'a, QueueState> {
        Box::pin(Store::queue(self, project))
    }

    fn place<'a>(&'a self, run: &'a Uuid) -> Answer<'a, Option<u64>> {
        Box::pin(Store::place(self, run))
    }

    fn cancel_waiting<'a>(
        &'a self,
        project: &'a Kebab,
        run: &'a Uuid,
        at: i64,
    ) -> Answer<'a, bool> {
        Box::pin(Store::cancel_waiting(self, project, run, at))
    }

    fn dead<'a>(
        &'a self,
        project: &'a Kebab,
        before: Option<i64>,
        limit: u32,
    ) -> Answer<'a, Vec<DeadRun>> {
        Box::pin(Store::dead(self, project, before, limit))
    }

    fn requeue_dead<'a>(
        &'a self,
        project: &'a Kebab,
        run: &'a Uuid,
        audit: AuditRow,
    ) -> Answer<'a, bool> {
        Box::pin(Store::requeue_dead(self, project, run, audit))
    }

    fn remove_dead<'a>(
        &'a self,
        project: &'a Kebab,
        run: &'a Uuid,
        audit: AuditRow,
    ) -> Answer<'a, bool> {
        Box::pin(Store::remove_dead(self, project, run, audit))
    }
}
