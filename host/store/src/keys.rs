//! Keys: who may do what. Only their hashes are stored.

use lockgate_model::Kebab;
use uuid::Uuid;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::columns::{blob, hash as hash_of, id as id_of, json, name};
use crate::fault::{Fault, taken};
use crate::writer::Durability;
use crate::{AuditRow, Result, Store, audit};

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// What names it in logs and rows.
    pub id: Uuid,
    /// The project that it is for.
    pub project: Kebab,
    /// The publisher of the plugins that are uploaded with it.
    pub publisher: Kebab,
    /// What people call it. Two keys of a project that are both in force have different names.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// What it may do: `admin`, `deploy`, `run`, `read`.
    pub scopes: Vec<String>,
    /// The flows that it is limited to. None: all.
    pub flows: Option<Vec<Kebab>>,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
}

impl Store {
    /// Adds a key. [`StoreError::Taken`](crate::StoreError::Taken) if its name, its id or its hash is.
    pub async fn add_key(&self, key: KeyRow, audit: AuditRow) -> Result<()> {
        let log = audit;
        self.0
            .writer
            .write(Durability::Power, move |tx| {
                Box::pin(async move {
                    let flows = key.flows.map(|flows| serde_json::json!(flows).to_string());
                    sqlx::query(
                        "INSERT INTO keys (id, project, publisher, name, hash, scopes, flows, created_at, revoked_at) \
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    )
                    .bind(blob(&key.id))
                    .bind(key.project.as_str())
                    .bind(key.publisher.as_str())
                    .bind(key.name.as_str())
                    .bind(key.hash.to_vec())
                    .bind(serde_json::json!(key.scopes).to_string())
                    .bind(flows)
                    .bind(key.created_at)
                    .bind(key.revoked_at)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(taken(|| format!("key `{}` of project `{}`", key.name, key.project)))?;
                    audit::add(tx, log).await
                })
            })
            .await
    }

    /// The key with this hash, revoked or not.
    pub async fn key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<KeyRow>> {
        sqlx::query("SELECT * FROM keys WHERE hash = ?")
            .bind(hash.to_vec())
            .try_map(key)
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))
    }

    /// All keys of all projects, oldest first, with those that were revoked.
    pub async fn keys(&self) -> Result<Vec<KeyRow>> {
        sqlx::query("SELECT * FROM keys ORDER BY seq")
            .try_map(key)
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))
    }

    /// Revokes a key. False if there is none that is in force.
    pub async fn revoke_key(&self, id: &Uuid, at: i64, audit: AuditRow) -> Result<bool> {
        let (id, log) = (blob(id), audit);
        self.0
            .writer
            .write(Durability::Power, move |tx| {
                Box::pin(async move {
                    let done = sqlx::query(
                        "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                    )
                    .bind(at)
                    .bind(id)
                    .execute(&mut tx.connection)
                    .await?;
                    let revoked = done.rows_affected() > 0;
                    if revoked {
                        audit::add(tx, log).await?;
                    }
                    Ok::<_, Fault>(revoked)
                })
            })
            .await
    }
}

fn key(row: SqliteRow) -> sqlx::Result<KeyRow> {
    let flows: Option<&str> = row.try_get("flows")?;
    let flows = match flows {
        None => None,
        Some(_) => {
            let names: Vec<String> = json(&row, "flows")?;
            let parsed = names.iter().map(|name| name.parse());
            Some(
                parsed
                    .collect::<Result<_, _>>()
                    .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            )
        }
    };
    Ok(KeyRow {
        id: id_of(&row, "id")?,
        project: name(&row, "project")?,
        publisher: name(&row, "publisher")?,
        name: row.try_get("name")?,
        hash: hash_of(&row, "hash")?,
        scopes: json(&row, "scopes")?,
        flows,
        created_at: row.try_get("created_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}
