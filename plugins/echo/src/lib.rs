//! The plugin `echo`: gives back what it takes, whole or in parts. It is how a host, a flow and a measurement see what
//! the way to a node and back costs, so it does nothing else.

use lockgate_sdk::prelude::*;

/// Gives its input back.
#[node(transform, pure, output(value = "The same value."))]
pub fn echo(
    /// Any value.
    value: Value,
) -> Value {
    value
}

/// Passes a text on, part by part, as the parts come in.
#[node(transform, pure)]
pub fn stream(
    /// The text.
    text: Parts<String>,
    /// The same text, in the same parts.
    #[port(text)]
    mut out: Emit<String>,
) -> Result<()> {
    log::info!("passing parts on");
    for part in text {
        if !out.send(part?)? {
            break;
        }
    }
    Ok(())
}

lockgate_sdk::plugin! {
    name: "echo",
    summary: "Gives back what it takes.",
    nodes: [echo, stream],
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::{Level, testing};

    #[test]
    fn a_value_of_any_kind_comes_back() {
        let blob = Blob {
            media_type: "image/png".to_owned(),
            data: vec![0, 255],
        };
        for value in [
            "春".into(),
            serde_json::json!({ "a": [1] }).into(),
            blob.into(),
        ] {
            let value: Value = value;
            let outcome = testing::call(&PLUGIN, "echo")
                .input("value", value.clone())
                .run();
            assert_eq!(outcome.output("value"), Some(&value));
        }
    }

    #[test]
    fn parts_pass_one_by_one_and_one_line_is_logged() {
        let outcome = testing::call(&PLUGIN, "stream")
            .parts("text", ["春", "", "天"])
            .run();
        assert_eq!(
            outcome.parts("text"),
            [&"春".into(), &"".into(), &"天".into()]
        );
        assert_eq!(outcome.output("text"), Some(&"春天".into()));
        assert_eq!(
            outcome.lines,
            [(Level::Info, "passing parts on".to_owned())]
        );
    }

    #[test]
    fn no_part_is_an_empty_text() {
        let outcome = testing::call(&PLUGIN, "stream").run();
        assert_eq!(outcome.output("text"), Some(&"".into()));
    }

    #[test]
    fn it_stops_when_nobody_reads() {
        let outcome = testing::call(&PLUGIN, "stream")
            .parts("text", ["a", "b", "c"])
            .reader_leaves("text", 1)
            .run();
        assert_eq!(outcome.result.map(|_| ()), Ok(()));
    }

    #[test]
    fn a_producers_failure_passes_too() {
        let outcome = testing::call(&PLUGIN, "stream")
            .parts("text", ["a"])
            .breaks("text", Failure::upstream("gone"))
            .run();
        assert_eq!(outcome.parts("text"), [&"a".into()]);
        assert_eq!(outcome.result, Err(Failure::upstream("gone")));
    }
}
