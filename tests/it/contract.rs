//! The contract, spoken in four languages: what goes in comes out, and nothing on the way changes it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use lockgate_model::{Blob, Input, Json, Limits, LogLevel, NodeKind, NodeRunner, Value};

use crate::support::calls::{self, Heard, call, heard_call};
use crate::support::{guests, host};

const ECHOES: [&str; 4] = [
    "plugins/echo",
    "guests/echo-c",
    "guests/echo-python",
    "guests/echo-js",
];

/// Speaks the world `pure-node`, which has no streams and no log.
const PURE: &str = "guests/pure-c";

#[tokio::test]
async fn values_of_every_kind_pass_unchanged() -> Result<()> {
    let long = "春天 \u{0} \u{10ffff} ".repeat(20_000);
    let values = [
        Value::text(""),
        Value::text(long),
        Value::Json(Json::parse(
            r#" {"b": [1, 1.0, 1e400e0, null], "a": "é", "a": 2} "#.replace("1e400e0", "1e40"),
        )?),
        Value::Json(Json::parse("18446744073709551615")?),
        blob("image/png", (0..=255).collect()),
        blob("", Vec::new()),
    ];
    for echo in ECHOES.into_iter().chain([PURE]) {
        let node = node(echo, "echo").await?;
        for value in &values {
            let end = node
                .run(call(vec![("value", Input::Value(value.clone()))]))
                .await;
            let outputs = end
                .result
                .with_context(|| format!("{echo} of {value:.60?}"))?;
            assert!(
                outputs == [(calls::ident("value"), value.clone())],
                "{echo} of {value:.60?}"
            );
        }
    }
    Ok(())
}

/// More than a guest has from the start: it grows its memory.
#[tokio::test]
async fn large_values_pass_unchanged() -> Result<()> {
    let large = Value::text("春".repeat((4 << 20) / 3));
    for echo in ECHOES.into_iter().chain([PURE]) {
        let node = node(echo, "echo").await?;
        let end = node
            .run(call(vec![("value", Input::Value(large.clone()))]))
            .await;
        let outputs = end.result.with_context(|| echo.to_owned())?;
        assert!(
            outputs == [(calls::ident("value"), large.clone())],
            "{echo}"
        );
    }
    Ok(())
}

/// The C SDK's allocator, in a plugin that tries it from within.
#[tokio::test]
async fn allocations_in_c_keep_their_word() -> Result<()> {
    let component = guests::built("guests/allocations-c")?;
    // What it has at once takes 4.8 MiB; without merging what is free it would take 7 and more.
    let limits = Limits {
        memory_bytes: 6 << 20,
        ..Limits::DEFAULT
    };
    let node = calls::ready(&host::shared()?, component, limits).await?;
    let outputs = node.run(call(Vec::new())).await.result?;
    assert_eq!(outputs, []);
    Ok(())
}

/// All together more than a guest may have at once: it frees what it has passed on.
#[tokio::test]
async fn many_parts_pass_through_little_memory() -> Result<()> {
    let part = |i: usize| Value::text("X".repeat(i * 7919 % 40_000));
    let parts: Vec<_> = (0..1_000).map(part).collect();
    let limits = Limits {
        memory_bytes: 2 << 20,
        output_bytes: 32 << 20,
        ..Limits::DEFAULT
    };
    for echo in ["plugins/echo", "guests/echo-c"] {
        let plugin = calls::load(&host::shared()?, guests::built(echo)?).await?;
        let node = calls::configured(&plugin, "stream", "{}", limits).await?;
        let heard = Arc::new(Heard::default());
        let inputs = vec![("text", calls::parts(parts.clone()))];
        let end = node.run(heard_call(inputs, heard.clone())).await;
        end.result.with_context(|| echo.to_owned())?;
        let passed: Vec<_> = heard.parts().into_iter().map(|(_, part)| part).collect();
        assert!(passed == parts, "{echo}");
    }
    Ok(())
}

#[tokio::test]
async fn parts_pass_one_by_one_and_are_joined() -> Result<()> {
    for (echo, port, upper) in [
        ("plugins/echo", "text", false),
        ("guests/echo-c", "text", true),
        ("guests/echo-python", "text", true),
        ("guests/echo-js", "text", true),
    ] {
        let node = node(echo, "stream").await?;
        let heard = Arc::new(Heard::default());
        let input = calls::parts(["ab", "春", "c"].map(Value::text).to_vec());
        let end = node
            .run(heard_call(vec![("text", input)], heard.clone()))
            .await;
        let outputs = end.result.with_context(|| echo.to_owned())?;
        let cased = |text: &str| {
            Value::text(if upper {
                text.to_uppercase()
            } else {
                text.to_owned()
            })
        };
        assert_eq!(outputs, [(calls::ident(port), cased("ab春c"))], "{echo}");
        let parts: Vec<_> = heard.parts().into_iter().map(|(_, part)| part).collect();
        assert_eq!(parts, ["ab", "春", "c"].map(cased), "{echo}");
        assert!(
            heard
                .lines()
                .iter()
                .any(|(level, _)| *level == LogLevel::Info),
            "{echo}: {:?}",
            heard.lines()
        );
    }
    Ok(())
}

#[tokio::test]
async fn each_says_what_it_is() -> Result<()> {
    for echo in ECHOES {
        let plugin = calls::load(&host::shared()?, guests::built(echo)?).await?;
        let info = plugin.info();
        assert_eq!(
            Some(info.name.as_str()),
            echo.split('/').next_back(),
            "{echo}"
        );
        assert_eq!(plugin.id().name.to_string(), format!("test:{}", info.name));
        let names: Vec<_> = info.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["echo", "stream"], "{echo}");
        for node in &info.nodes {
            assert_eq!(
                (node.kind, node.pure),
                (NodeKind::Transform, true),
                "{echo}"
            );
            assert_eq!(
                (node.ports.inputs.len(), node.ports.outputs.len()),
                (1, 1),
                "{echo}"
            );
        }
        assert!(
            info.nodes[1].ports.inputs[0].streaming && info.nodes[1].ports.outputs[0].streaming,
            "{echo}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_pure_node_needs_nothing_from_the_host() -> Result<()> {
    let plugin = calls::load(&host::shared()?, guests::built(PURE)?).await?;
    // Names for its types, and no function.
    assert_eq!(plugin.imports(), ["lockgate:node/types@0.1.0"]);
    let end = node(PURE, "echo").await?.run(call(Vec::new())).await;
    let error = end.result.expect_err("its input is required");
    assert!(error.to_string().contains("`value` is missing"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_configuration_that_the_schema_refuses_is_refused_with_its_place() -> Result<()> {
    for echo in ECHOES {
        let plugin = calls::load(&host::shared()?, guests::built(echo)?).await?;
        let refused =
            calls::configured(&plugin, "echo", r#"{"no_such_key": 1}"#, Limits::DEFAULT).await;
        assert!(
            matches!(refused, Err(lockgate_model::ConfigureError::Schema(_))),
            "{echo}: {:?}",
            refused.err()
        );
    }
    Ok(())
}

async fn node(component: &str, node: &str) -> Result<Arc<dyn NodeRunner>> {
    let plugin = calls::load(&host::shared()?, guests::built(component)?).await?;
    Ok(calls::configured(&plugin, node, "{}", Limits::DEFAULT).await?)
}

fn blob(media_type: &str, data: Vec<u8>) -> Value {
    Value::Binary(Blob {
        media_type: media_type.into(),
        data: data.into(),
    })
}
