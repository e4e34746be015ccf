//! Counts answers by route and status: an atomic addition each, and a look-up of the route.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::http::StatusCode;

/// The name of requests that no route matched.
const NO_ROUTE: &str = "none";

/// The statuses that there are here, in their order; others count as 500.
const STATUSES: [u16; 21] = [
    200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 428, 429, 431,
    500, 503,
];

/// How many answers there were, by route and status.
#[derive(Debug)]
pub(crate) struct Counts {
    routes: HashMap<String, [AtomicU64; STATUSES.len()]>,
}

impl Counts {
    /// Nothing counted yet, for these routes. Others count as none, so there are no more series than routes.
    pub(crate) fn new<'r>(routes: impl Iterator<Item = &'r str>) -> Self {
        let routes = routes.chain([NO_ROUTE]);
        let routes = routes.map(|route| (route.to_owned(), Default::default()));
        Self {
            routes: routes.collect(),
        }
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, route: Option<&str>, status: StatusCode) {
        let known = route.and_then(|route| self.routes.get(route));
        let Some(counts) = known.or_else(|| self.routes.get(NO_ROUTE)) else {
            return;
        };
        let index = STATUSES.binary_search(&status.as_u16());
        let index = index.or_else(|_| STATUSES.binary_search(&500));
        if let Some(count) = index.ok().and_then(|index| counts.get(index)) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// What was counted, by route and status, in their order; what was never answered is left out.
    pub(crate) fn counted(&self) -> Vec<(&str, u16, u64)> {
        let mut counted = Vec::new();
        for (route, counts) in &self.routes {
            for (status, count) in STATUSES.iter().zip(counts) {
                let count = count.load(Relaxed);
                if count > 0 {
                    counted.push((route.as_str(), *status, count));
                }
            }
        }
        counted.sort_unstable();
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_route_matched_is_one_series() {
        let counts = Counts::new(["/healthz"].into_iter());
        counts.answered(Some("/healthz"), StatusCode::OK);
        counts.answered(Some("/healthz"), StatusCode::OK);
        counts.answered(Some("/made-up"), StatusCode::NOT_FOUND);
        counts.answered(None, StatusCode::IM_A_TEAPOT);
        assert_eq!(
            counts.counted(),
            [("/healthz", 200, 2), ("none", 404, 1), ("none", 500, 1)]
        );
        assert!(STATUSES.is_sorted());
    }
}
