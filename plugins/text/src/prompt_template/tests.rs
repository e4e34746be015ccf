use super::*;
use lockgate_sdk::testing::{self, Outcome};
use serde_json::json;

fn configured(template: &str) -> Result<Ports> {
    testing::call(&crate::PLUGIN, "prompt-template")
        .config(json!({ "template": template }))
        .configure()
}

fn rendered<const N: usize>(template: &str, inputs: [(&str, Value); N]) -> Outcome {
    let call =
        testing::call(&crate::PLUGIN, "prompt-template").config(json!({ "template": template }));
    let call = inputs
        .into_iter()
        .fold(call, |call, (port, value)| call.input(port, value));
    call.run()
}

fn text<const N: usize>(template: &str, inputs: [(&str, Value); N]) -> String {
    match rendered(template, inputs)
        .result
        .expect("a prompt")
        .get("text")
    {
        Some(Value::Text(text)) => text.clone(),
        other => unreachable!("the output `text` is text: {other:?}"),
    }
}

fn place(failure: &Failure) -> (String, u64, u64) {
    let detail = failure.detail.as_deref().expect("a place");
    let detail: serde_json::Value = serde_json::from_str(detail).expect("JSON");
    let number = |key: &str| detail[key].as_u64().expect("a number");
    (
        detail["path"].as_str().expect("a path").to_owned(),
        number("line"),
        number("column"),
    )
}

#[test]
fn variables_are_inputs_in_the_order_of_their_use() {
    let ports = configured(
        "topic {{ topic }} {{ user.name }} {% for l in lines %}{{ l }}{% endfor %} {{ topic }}",
    );
    let inputs = ports.expect("a template").inputs;
    let names = inputs
        .iter()
        .map(|port| port.name.as_str())
        .collect::<Vec<_>>();
    assert_eq!(names, ["topic", "user", "lines"]);
    assert!(
        inputs
            .iter()
            .all(|port| port.required && port.kind == lockgate_sdk::ValueKind::Any)
    );
    assert_eq!(
        configured("{{ range(3)|list }}").map(|ports| ports.inputs),
        Ok(vec![])
    );
}

#[test]
fn a_variable_may_be_optional_if_it_is_there() {
    let call = |optional: &str| {
        testing::call(&crate::PLUGIN, "prompt-template").config(json!({
            "template": "{{ tone | default('kind') }}", "optional": [optional]
        }))
    };
    assert!(!call("tone").configure().expect("a template").inputs[0].required);
    assert_eq!(call("tone").run().output("text"), Some(&"kind".into()));
    let failure = call("ton").configure().expect_err("no such variable");
    assert_eq!(
        failure.message,
        "the template has no variable `ton` that could be left out"
    );
}

#[test]
fn text_and_json_are_what_they_are() {
    assert_eq!(
        text("<{{ a }}>", [("a", "春 & <b>\n".into())]),
        "<春 & <b>\n>"
    );
    assert_eq!(
        text("{{ u.name }}", [("u", json!({ "name": "Ada" }).into())]),
        "Ada"
    );
    assert_eq!(
        text("{{ u }}", [("u", json!({ "a": [1, null, "x"] }).into())]),
        r#"{"a":[1,null,"x"]}"#
    );
    assert_eq!(
        text(
            "{% for l in ls %}- {{ l }}\n{% endfor %}",
            [("ls", json!(["a", "b"]).into())]
        ),
        "- a\n- b\n"
    );
    assert_eq!(text("last line\n", []), "last line\n");
    assert_eq!(text("{{ n + 1 }}", [("n", json!(41).into())]), "42");
}

#[test]
fn bytes_are_refused() {
    let blob = Blob {
        media_type: "image/png".to_owned(),
        data: vec![1],
    };
    let failure = rendered("{{ a }}", [("a", blob.into())])
        .result
        .expect_err("bytes");
    assert_eq!(
        failure.message,
        "the input `a` is binary (image/png): a template takes text and JSON"
    );
}

#[test]
fn what_does_not_parse_is_refused_where_it_is() {
    for (template, at) in [
        ("Hello {{ name", (1, 10)),
        ("Hello\n春 {{ name }", (2, 11)),
        ("{% if a %}", (1, 9)),
        ("{% include 'other' %}", (1, 4)),
        ("{% extends 'other' %}", (1, 4)),
        ("{% import 'other' as o %}", (1, 4)),
    ] {
        let failure = configured(template).expect_err("no template");
        assert!(
            failure.message.starts_with("the template does not parse: "),
            "{failure:?}"
        );
        assert_eq!(
            place(&failure),
            ("/template".to_owned(), at.0, at.1),
            "{template}: {failure:?}"
        );
    }
}

#[test]
fn a_variable_that_can_be_no_input_is_refused_where_it_is() {
    let failure = configured("the input\n {{ a }}{{ input }}").expect_err("a reserved word");
    assert_eq!(
        failure.message,
        "the variable `input` would be an input of the node, and cannot be: the name already means something in a \
         flow's expressions; use another"
    );
    assert_eq!(place(&failure), ("/template".to_owned(), 2, 12));
    assert!(configured("{{ Name }}").is_err());
    assert!(configured("{{ x.Name }}").is_ok());
}

#[test]
fn what_is_not_there_is_a_failure_with_its_place() {
    let failure = rendered(
        "{{ u.name }}\n{{ u.nam }}",
        [("u", json!({ "name": "Ada" }).into())],
    );
    let failure = failure.result.expect_err("no such field");
    assert_eq!(failure.kind, lockgate_sdk::FailureKind::InvalidInput);
    assert_eq!(place(&failure).1, 2, "{failure:?}");
    let failure = rendered("{{ a }}", []).result.expect_err("no input");
    assert!(failure.message.contains("undefined"), "{failure:?}");
}

#[test]
fn nesting_is_bounded() {
    let failure = rendered("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", []);
    assert!(
        failure
            .result
            .expect_err("too deep")
            .message
            .contains("recursion")
    );
    assert!(configured(&"{{ ".repeat(1000)).is_err());
    assert!(
        configured(&format!(
            "{{{{ {}1{} }}}}",
            "(".repeat(5000),
            ")".repeat(5000)
        ))
        .is_err()
    );
}

#[test]
fn what_is_built_in_is_there_for_whoever_uses_it() {
    for plain in [
        "",
        "no variable",
        "{{ a }}{{b}} {{ user.name }}",
        "{# note #}{{ a }}",
    ] {
        assert!(is_plain(plain), "{plain}");
    }
    let built_in = [
        ("{{ a|upper }}", "SEA"),
        ("{{ a is string }}", "True"),
        ("{% if a is defined %}{{ a }}{% endif %}", "sea"),
        ("{{ range(2) }}{{ a }}", "[0, 1]sea"),
        ("{{ a ~ '{{' }}", "sea{{"),
        ("{{- a -}}", "sea"),
    ];
    for (template, prompt) in built_in {
        assert!(!is_plain(template), "{template}");
        assert_eq!(text(template, [("a", Value::Text("sea".into()))]), prompt);
    }
    // A function's name is no variable, whether the function is called or not.
    let ports = configured("{{ range }}").expect("a template");
    assert!(ports.inputs.is_empty(), "{ports:?}");
}

#[test]
fn what_is_filled_is_what_the_engine_renders() {
    let values = |a: Value| {
        let mut values = Values::default();
        values.push("a", a);
        values.push("long_name", "sea");
        values
    };
    let filled = [
        "",
        "no variable\n",
        "{{ a }}",
        "{{a}}{{ long_name }}{{\n\ta\n}}",
        "春 {{ a }} } }} { {a} {",
        "{{ a }}}",
    ];
    for source in filled {
        let prompt = plain::fill(source, &values("<春>\n{{ a }}".into()));
        let rendered = render(source, values("<春>\n{{ a }}".into()));
        assert_eq!(prompt, rendered.ok(), "{source}");
        assert!(prompt.is_some(), "{source}");
    }
    let not_filled = [
        "{{ b }}",
        "{{ a.b }}",
        "{{ a|upper }}",
        "{{- a -}}",
        "{{ 'a' }}",
        "{{{ a }}",
        "{{ a }",
        "{{ a",
        "{{}}",
        "{# note #}{{ a }}",
        "{% if a %}{{ a }}{% endif %}",
    ];
    for source in not_filled {
        assert_eq!(plain::fill(source, &values("春".into())), None, "{source}");
    }
    assert_eq!(plain::fill("{{ a }}", &values(json!(1).into())), None);
}
