//! The plugin `validate`: nodes that give their input back unchanged, or say why not. Every node is pure.
//!
//! What is wrong with a configuration is found when a flow is saved; what is wrong with a value is a `rejected` failure
//! whose message a person can act on, and whose detail a program can read.

mod json_schema;
mod length;
mod regex;

lockgate_sdk::plugin! {
    name: "validate",
    summary: "Gives values back unchanged, or says why not.",
    nodes: [json_schema::json_schema, regex::regex, length::length],
}
