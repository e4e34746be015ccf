//! Errors on their way out: what a statement failed with, before it is known which file it was about.

use std::path::Path;
use std::sync::Arc;

use crate::StoreError;

/// What ends a piece of work on a connection.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite, or how a row was read.
    Sql(sqlx::Error),
    /// What the caller asked for is not possible.
    Store(StoreError),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// There is no such thing.
    pub(crate) fn missing(what: String) -> Self {
        Self::Store(StoreError::Missing { what })
    }

    /// The error that callers see.
    pub(crate) fn of(self, file: &Path) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sql(error) => of_sql(error, file),
        }
    }
}

/// For `map_err`: a broken UNIQUE means that this is there already.
pub(crate) fn taken(what: impl FnOnce() -> String) -> impl FnOnce(sqlx::Error) -> Fault {
    move |error| match error.as_database_error() {
        Some(database) if database.is_unique_violation() => {
            StoreError::Taken { what: what() }.into()
        }
        _ => error.into(),
    }
}

/// For `map_err`, before [`taken`]: a broken FOREIGN KEY means that what this belongs to is not there.
pub(crate) fn homeless(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|database| database.is_foreign_key_violation())
}

/// SQLite's primary result codes that somebody can do something about: <https://sqlite.org/rescode.html>.
pub(crate) fn of_sql(error: sqlx::Error, file: &Path) -> StoreError {
    let file = || file.to_owned();
    match &error {
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => StoreError::Closed,
        sqlx::Error::PoolTimedOut => StoreError::Busy { file: file() },
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Damaged {
            file: file(),
            detail: error.to_string(),
        },
        sqlx::Error::Database(database) => {
            let code = database
                .code()
                .and_then(|code| code.parse::<i32>().ok())
                .map(|extended| extended & 0xff);
            let detail = || database.message().to_owned();
            match code {
                Some(5 | 6) => StoreError::Busy { file: file() },
                Some(8 | 14) => StoreError::ReadOnly {
                    file: file(),
                    detail: detail(),
                },
                Some(11 | 26) => StoreError::Damaged {
                    file: file(),
                    detail: detail(),
                },
                Some(13) => StoreError::Full { file: file() },
                _ => StoreError::Database {
                    file: file(),
                    source: Arc::new(error),
                },
            }
        }
        _ => StoreError::Database {
            file: file(),
            source: Arc::new(error),
        },
    }
}
