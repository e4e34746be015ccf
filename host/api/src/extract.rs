//! What handlers take from a request's head: the names in its path, its query, its headers, and who asks. What cannot be
//! read is a problem.

use std::fmt;
use std::str::FromStr;

use axum::extract::{self, FromRequestParts};
use axum::http::request;
use axum::http::{HeaderMap, HeaderName};
use lockgate_service::Caller;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::api::App;
use crate::problem::{Code, Problem};

/// The names in a path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, api: &App) -> Result<Self, Problem> {
        match extract::Path::from_request_parts(parts, api).await {
            Ok(extract::Path(names)) => Ok(Self(names)),
            Err(error) => Err(refused(Code::InvalidPath, &error.body_text())),
        }
    }
}

/// A query. What it may not have is refused: a name that is mistyped would change nothing, in silence.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, api: &App) -> Result<Self, Problem> {
        match extract::Query::from_request_parts(parts, api).await {
            Ok(extract::Query(query)) => Ok(Self(query)),
            Err(error) => Err(refused(Code::InvalidQuery, &error.body_text())),
        }
    }
}

/// What axum says, without what the code says already.
fn refused(code: Code, said: &str) -> Problem {
    let known = ["Invalid URL: ", "Failed to deserialize query string: "];
    let mut known = known.iter();
    let detail = known.find_map(|start| said.strip_prefix(start));
    Problem::new(code, detail.unwrap_or(said))
}

/// Who asks, as [`crate::auth`] found out.
#[derive(Debug)]
pub(crate) struct Who(pub(crate) Caller);

impl FromRequestParts<App> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, _: &App) -> Result<Self, Problem> {
        // It is not needed after this, and to move it costs less than to clone it.
        let caller = parts.extensions.remove::<Caller>();
        caller
            .map(Self)
            .ok_or_else(|| Problem::new(Code::KeyNeeded, "this path is answered with a key only"))
    }
}

/// A value that is read from text, by its own rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<T>(pub(crate) T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// The text of a header, if it is there.
pub(crate) fn header<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let refused = |why| Problem::new(Code::InvalidHeader, format!("the header `{name}` {why}"));
    if values.next().is_some() {
        return Err(refused("is there more than once"));
    }
    let text = value.to_str();
    text.map(Some)
        .map_err(|_| refused("has other characters than ASCII's"))
}
