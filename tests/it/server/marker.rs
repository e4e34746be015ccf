//! A plugin that says which version of it ran, in as many versions as a test wants.

use anyhow::Result;

use crate::support::wat;

/// What it is called. Its publisher is the key's.
pub(super) const NAME: &str = "marker";

/// The component of version `1.MINOR.0`; its node `mark` gives the version on its output `text`. `minor` is at most 9.
pub(super) fn version(minor: u32) -> Result<Vec<u8>> {
    assert!(minor < 10, "a version has five characters here");
    wat::component(&text(minor))
}

/// One of the same version, and with other bytes.
pub(super) fn other(minor: u32) -> Result<Vec<u8>> {
    wat::component(&format!("{}(func $other)\n", text(minor)))
}

/// One whose version the flows of the tests do not run with: its node has another name.
pub(super) fn without_mark(minor: u32) -> Result<Vec<u8>> {
    wat::component(&text(minor).replace("\"mark\"", "\"gone\""))
}

fn text(minor: u32) -> String {
    format!(
        r#"(data (i32.const 1024) "{NAME}  " "1.{minor}.0   " "mark" "{{}}  " "text    " "value   ")
;; plugin-info: name, version, summary, nodes
(data (i32.const 64) (i32 1024 6  1032 5  0 0  96 1))
;; node-info: name, summary, kind (transform), inputs, outputs, config-schema, pure
(data (i32.const 96) (i32 1040 4  0 0) (i8 3 0 0 0) (i32 160 1  224 1  1044 2) (i8 0))
;; ports: name, summary, kind, required, streaming, schema
(data (i32.const 160) (i32 1056 5  0 0) (i8 3 0 0 0) (i32 0 0 0))
(data (i32.const 224) (i32 1048 4  0 0) (i8 0 1 0 0) (i32 0 0 0))
(func (export "lockgate:node/plugin@0.1.0#describe") (result i32)
  (i32.const 64))
(data (i32.const 320) (i8 0 0 0 0 0 0 0 0) (i32 160 1  224 1))
(func (export "lockgate:node/plugin@0.1.0#configure") (param i32 i32 i32 i32) (result i32)
  (i32.const 320))
;; result<list<port-value>, failure>: ok; a port's name, and its value: a text
(data (i32.const 512) (i32 0 0 528 1) (i32 1048 4  0  1032 5))
(func (export "lockgate:node/plugin@0.1.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
  (i32.const 512))
"#
    )
}
