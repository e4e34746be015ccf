//! Columns that are more than SQLite's types: names, ids, lists.

use std::str::FromStr;

use lockgate_model::Kebab;
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row as _};
use uuid::Uuid;

/// A column that does not hold what was written into it.
fn odd(column: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(source),
    }
}

pub(crate) fn parsed<T>(row: &SqliteRow, column: &str) -> sqlx::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|error| odd(column, error))
}

pub(crate) fn name(row: &SqliteRow, column: &str) -> sqlx::Result<Kebab> {
    parsed(row, column)
}

pub(crate) fn optional_name(row: &SqliteRow, column: &str) -> sqlx::Result<Option<Kebab>> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|error| odd(column, error)))
        .transpose()
}

pub(crate) fn id(row: &SqliteRow, column: &str) -> sqlx::Result<Uuid> {
    Uuid::from_slice(row.try_get(column)?).map_err(|error| odd(column, error))
}

pub(crate) fn optional_id(row: &SqliteRow, column: &str) -> sqlx::Result<Option<Uuid>> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    bytes
        .map(|bytes| Uuid::from_slice(bytes).map_err(|error| odd(column, error)))
        .transpose()
}

pub(crate) fn hash(row: &SqliteRow, column: &str) -> sqlx::Result<[u8; 32]> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|error| odd(column, error))
}

/// A number that is never negative.
pub(crate) fn count(row: &SqliteRow, column: &str) -> sqlx::Result<u64> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|error| odd(column, error))
}

/// A list or a map, written as JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    row: &SqliteRow,
    column: &str,
) -> sqlx::Result<T> {
    serde_json::from_str(row.try_get(column)?).map_err(|error| odd(column, error))
}

/// As SQLite has it: the 16 bytes.
pub(crate) fn blob(id: &Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

pub(crate) fn optional_blob(id: Option<&Uuid>) -> Option<Vec<u8>> {
    id.map(blob)
}

/// SQLite's integers are signed; what is larger than they can be is not stored exactly.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Many ids as one argument: statements unfold it with `(SELECT unhex(value) FROM json_each(?))`, so that a statement is
/// the same for any number of them.
pub(crate) fn ids<'a>(ids: impl IntoIterator<Item = &'a Uuid>) -> String {
    let mut list = String::from("[");
    for id in ids {
        if list.len() > 1 {
            list.push(',');
        }
        list.push('"');
        list.push_str(id.simple().encode_lower(&mut Uuid::encode_buffer()));
        list.push('"');
    }
    list.push(']');
    list
}

/// Many numbers as one argument, for `(SELECT value FROM json_each(?))`.
pub(crate) fn numbers(numbers: &[i64]) -> String {
    serde_json::json!(numbers).to_string()
}
