//! Plugins: what is known of each uploaded version. The bytes are with [`Components`](crate::Components).

use lockgate_model::Kebab;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::columns::{count, json, signed};
use crate::fault::{Fault, taken};
use crate::writer::Tx;
use crate::{Result, Store};

/// One version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRow {
    /// The full name, `publisher:name`.
    pub name: String,
    /// The version.
    pub version: String,
    /// The component's digest, `sha256:…`.
    pub digest: String,
    /// The component's size.
    pub bytes: u64,
    /// What the plugin says of itself, as JSON.
    pub info: String,
    /// What the component imports.
    pub imports: Vec<String>,
    /// When it was uploaded, in milliseconds since 1970.
    pub uploaded_at: i64,
    /// Who uploaded it: a key's name.
    pub uploaded_by: String,
    /// Its last activation, a counter of the project that goes up. None: never.
    pub activated: Option<i64>,
}

impl Store {
    /// All versions of all plugins of a project, by name and then as they were uploaded.
    pub async fn plugins(&self, project: &Kebab) -> Result<Vec<PluginRow>> {
        sqlx::query("SELECT * FROM plugins WHERE project = ? ORDER BY name, seq")
            .bind(project.as_str())
            .try_map(plugin)
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| self.fault(error))
    }
}

fn plugin(row: SqliteRow) -> sqlx::Result<PluginRow> {
    Ok(PluginRow {
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        digest: row.try_get("digest")?,
        bytes: count(&row, "bytes")?,
        info: row.try_get("info")?,
        imports: json(&row, "imports")?,
        uploaded_at: row.try_get("uploaded_at")?,
        uploaded_by: row.try_get("uploaded_by")?,
        activated: row.try_get("activated")?,
    })
}

fn title(name: &str, version: &str) -> String {
    format!("plugin `{name}@{version}`")
}

/// Adds a version of a plugin.
pub(crate) async fn add(tx: &mut Tx, project: &Kebab, row: PluginRow) -> Result<(), Fault> {
    let what = title(&row.name, &row.version);
    let imports = serde_json::json!(row.imports).to_string();
    tx.wrote(row.info.len());
    sqlx::query(
        "INSERT INTO plugins (project, name, version, digest, bytes, info, imports, uploaded_at, uploaded_by, activated) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(project.as_str())
    .bind(row.name)
    .bind(row.version)
    .bind(row.digest)
    .bind(signed(row.bytes))
    .bind(row.info)
    .bind(imports)
    .bind(row.uploaded_at)
    .bind(row.uploaded_by)
    .bind(row.activated)
    .execute(&mut tx.connection)
    .await
    .map_err(taken(|| what))?;
    Ok(())
}

/// Adds a version of a plugin, in the place of the one that has its name and version, if there is one.
pub(crate) async fn replace(tx: &mut Tx, project: &Kebab, row: PluginRow) -> Result<(), Fault> {
    sqlx::query("DELETE FROM plugins WHERE project = ? AND name = ? AND version = ?")
        .bind(project.as_str())
        .bind(row.name.as_str())
        .bind(row.version.as_str())
        .execute(&mut tx.connection)
        .await?;
    add(tx, project, row).await
}

/// Makes a version of a plugin the one activated last.
pub(crate) async fn activate(
    tx: &mut Tx,
    project: &Kebab,
    name: &str,
    version: &str,
    activated: i64,
) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE plugins SET activated = ? WHERE project = ? AND name = ? AND version = ?",
    )
    .bind(activated)
    .bind(project.as_str())
    .bind(name)
    .bind(version)
    .execute(&mut tx.connection)
    .await?;
    match done.rows_affected() {
        0 => Err(Fault::missing(title(name, version))),
        _ => Ok(()),
    }
}

/// Removes a version of a plugin.
pub(crate) async fn remove(
    tx: &mut Tx,
    project: &Kebab,
    name: &str,
    version: &str,
) -> Result<(), Fault> {
    let done = sqlx::query("DELETE FROM plugins WHERE project = ? AND name = ? AND version = ?")
        .bind(project.as_str())
        .bind(name)
        .bind(version)
        .execute(&mut tx.connection)
        .await?;
    match done.rows_affected() {
        0 => Err(Fault::missing(title(name, version))),
        _ => Ok(()),
    }
}
