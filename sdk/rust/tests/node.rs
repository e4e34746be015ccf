//! A plugin with one of everything, seen as a host sees it.

use lockgate_sdk::{FailureKind, Level, NodeKind, ValueKind, Values, prelude::*, testing};
use serde_json::json;

#[derive(Serialize, Deserialize, JsonSchema)]
struct User {
    /// How to address them.
    name: String,
}

#[derive(Deserialize, JsonSchema)]
struct Options {
    /// What to say.
    #[serde(default = "hello")]
    greeting: String,
}

fn hello() -> String {
    "Hello".to_owned()
}

#[derive(Outputs)]
struct Greeting {
    /// For people.
    text: String,
    /// For programs.
    #[port(data)]
    user: Json<User>,
    /// The picture, if there was one.
    picture: Option<Blob>,
}

/// Greets a user.
///
/// And more, which is not in the summary.
#[node(transform, pure)]
fn greet(
    /// Whom to greet.
    user: Json<User>,
    picture: Option<Blob>,
    options: Config<Options>,
) -> Result<Greeting> {
    let text = format!("{}, {}!", options.greeting, user.0.name);
    Ok(Greeting {
        text,
        user,
        picture,
    })
}

struct Names(Vec<String>);

#[derive(Deserialize, JsonSchema)]
struct NamesConfig {
    names: Vec<String>,
}

impl Configure for Names {
    type Config = NamesConfig;

    fn configure(config: NamesConfig) -> Result<Self> {
        log::warn!("looking at {} names", config.names.len());
        Ok(Self(config.names))
    }

    fn ports(&self) -> Result<Ports> {
        let ports = || self.0.iter().map(|name| Port::input::<Value>(name, ""));
        Ok(Ports {
            inputs: ports().collect(),
            outputs: ports().collect(),
        })
    }
}

struct Quiet(Names);

impl Configure for Quiet {
    type Config = NamesConfig;

    fn configure(config: NamesConfig) -> Result<Self> {
        Ok(Self(Names(config.names)))
    }

    fn ports(&self) -> Result<Ports> {
        self.0.ports()
    }
}

/// Gives back what its configuration names.
#[node(template, name = "pass-through")]
fn pass(
    /// Another input.
    fixed: String,
    Config(_names): Config<Quiet>,
    values: Values,
    call: CallInfo,
) -> Values {
    log::info!("attempt {} of {} with {fixed}", call.attempt, call.id);
    values
}

/// Speaks in `configure`, which it may not.
#[node(adapter)]
fn loud(_names: Config<Names>) {}

lockgate_sdk::plugin! {
    name: "example",
    nodes: [greet, pass, loud],
}

#[test]
fn a_description_comes_from_the_function() {
    let plugin = PLUGIN.describe();
    assert_eq!(
        (plugin.name.as_str(), plugin.version.as_str()),
        ("example", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(plugin.summary, env!("CARGO_PKG_DESCRIPTION"));

    let [greet, pass, _] = &plugin.nodes[..] else {
        unreachable!("three nodes: {plugin:?}")
    };
    assert_eq!(
        (greet.name.as_str(), greet.summary.as_str()),
        ("greet", "Greets a user.")
    );
    assert_eq!((greet.kind, greet.pure), (NodeKind::Transform, true));
    let ports = |ports: &[Port]| {
        let told = ports.iter().map(|port| {
            (
                port.name.clone(),
                port.summary.clone(),
                port.kind,
                port.required,
            )
        });
        told.collect::<Vec<_>>()
    };
    let port = |name: &str, summary: &str, kind, required| {
        (name.to_owned(), summary.to_owned(), kind, required)
    };
    assert_eq!(
        ports(&greet.ports.inputs),
        [
            port("user", "Whom to greet.", ValueKind::Json, true),
            port("picture", "", ValueKind::Binary, false),
        ]
    );
    assert_eq!(
        ports(&greet.ports.outputs),
        [
            port("text", "For people.", ValueKind::Text, true),
            port("data", "For programs.", ValueKind::Json, true),
            port(
                "picture",
                "The picture, if there was one.",
                ValueKind::Binary,
                false
            ),
        ]
    );
    let schema = greet.ports.inputs[0].schema.as_deref().expect("a schema");
    assert!(schema.contains("How to address them."), "{schema}");
    assert!(
        greet.config_schema.contains("What to say."),
        "{}",
        greet.config_schema
    );
    assert!(
        greet
            .config_schema
            .contains(r#""additionalProperties":false"#),
        "{}",
        greet.config_schema
    );

    assert_eq!(
        (pass.name.as_str(), pass.kind, pass.pure),
        ("pass-through", NodeKind::Template, false)
    );
    assert_eq!(
        ports(&pass.ports.inputs),
        [port("fixed", "Another input.", ValueKind::Text, true)]
    );
}

#[test]
fn a_call_goes_through() {
    let outcome = testing::call(&PLUGIN, "greet")
        .config(json!({ "greeting": "你好" }))
        .input("user", json!({ "name": "Ada" }))
        .run();
    assert_eq!(outcome.output("text"), Some(&"你好, Ada!".into()));
    assert_eq!(
        outcome.output("data"),
        Some(&json!({ "name": "Ada" }).into())
    );
    assert_eq!(outcome.output("picture"), None);
}

#[test]
fn a_wrong_call_is_refused_with_what_is_wrong() {
    let user = || json!({ "name": "Ada" });
    let call = |node: &str| testing::call(&PLUGIN, node);
    for (call, message) in [
        (
            call("great"),
            "the plugin `example` has no node `great`; it has `greet`, `pass-through`, `loud`",
        ),
        (call("greet"), "the input `user` is missing"),
        (
            call("greet").input("user", "Ada"),
            "the input `user` takes json, and was given text",
        ),
        (
            call("greet").input("user", json!({})),
            "the input `user` does not fit: missing field `name`",
        ),
        (
            call("greet").input("user", user()).input("usr", "x"),
            "there is no input `usr`: the node takes `user`, `picture`",
        ),
        (
            call("greet")
                .input("user", user())
                .config(json!({ "greeting": 1 })),
            "the configuration does not fit: at /greeting: invalid type: integer `1`, expected a string",
        ),
    ] {
        let failure = call.run().result.expect_err("a wrong call");
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::InvalidInput, message)
        );
    }
}

#[test]
fn a_configuration_adds_ports() {
    let call = |names: serde_json::Value| {
        testing::call(&PLUGIN, "pass-through").config(json!({ "names": names }))
    };
    let ports = call(json!(["a", "b"])).configure().expect("ports");
    assert_eq!(
        ports
            .inputs
            .iter()
            .map(|port| &*port.name)
            .collect::<Vec<_>>(),
        ["fixed", "a", "b"]
    );

    let outcome = call(json!(["a", "b"]))
        .input("b", "2")
        .input("fixed", "f")
        .input("a", json!(1))
        .run();
    assert_eq!(outcome.output("a"), Some(&json!(1).into()));
    assert_eq!(outcome.output("b"), Some(&"2".into()));
    assert_eq!(
        outcome.lines,
        [(Level::Info, "attempt 1 of test with f".to_owned())]
    );
}

#[test]
fn ports_that_cannot_be_are_refused() {
    let call = |names: serde_json::Value| {
        testing::call(&PLUGIN, "pass-through").config(json!({ "names": names }))
    };
    for (names, fragment) in [
        (json!(["A"]), "does not start with a letter from a to z"),
        (
            json!(["input"]),
            "already means something in a flow's expressions",
        ),
        (json!(["fixed"]), "which the node has already"),
        (json!(["a", "a"]), "which the node has already"),
    ] {
        let failure = call(names).configure().expect_err("no ports");
        assert!(failure.message.contains(fragment), "{failure:?}");
    }
}

#[test]
fn a_configuration_that_is_checked_calls_nothing() {
    let call = testing::call(&PLUGIN, "loud").config(json!({ "names": [] }));
    let failure = call.configure().expect_err("a line in the log");
    assert_eq!(
        failure.message,
        "the node called `log` in `configure`, which may call nothing"
    );
}

#[test]
fn functions_stay_functions() {
    let user = Json(User {
        name: "Ada".to_owned(),
    });
    let greeting = greet(user, None, Config(Options { greeting: hello() })).expect("a greeting");
    assert_eq!(greeting.text, "Hello, Ada!");
}
