//! Lists that come in pieces.

use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::ServiceError;

/// A piece of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is in this piece.
    pub items: Vec<T>,
    /// Where the list goes on, to be given back as `cursor`; left out where that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How many items a piece of a list has at most.
pub const MAX_PAGE: u32 = 200;

/// How many items a piece of a list has where nobody says otherwise.
pub const USUAL_PAGE: u32 = 50;

/// How many items are asked for.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, ServiceError> {
    match asked {
        None => Ok(USUAL_PAGE),
        Some(limit @ 1..=MAX_PAGE) => Ok(limit),
        Some(limit) => Err(ServiceError::InvalidRequest(format!(
            "`limit` is {limit}, and goes from 1 to {MAX_PAGE}"
        ))),
    }
}

/// Where a list goes on.
pub(crate) fn cursor<T: FromStr>(text: &str) -> Result<T, ServiceError> {
    text.parse().map_err(|_| {
        ServiceError::InvalidRequest("`cursor` is none that a list of this kind gave".into())
    })
}
