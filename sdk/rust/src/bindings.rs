//! What wit-bindgen makes of the contract. Generated code, and nothing else.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated code, which calls the canonical ABI"
)]

wit_bindgen::generate!({
    world: "lockgate:node/node",
    path: "../../wit/node@0.1.0",
    additional_derives: [PartialEq, Eq, Clone],
    generate_unused_types: true,
    pub_export_macro: true,
    export_macro_name: "export_plugin",
    default_bindings_module: "lockgate_sdk::__private::bindings",
    runtime_path: "::lockgate_sdk::__private::wit_bindgen::rt",
});
