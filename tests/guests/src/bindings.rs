//! What wit-bindgen makes of the world in `wit/guest.wit`. Generated code, and nothing else.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated code, which calls the canonical ABI"
)]

wit_bindgen::generate!({
    world: "lockgate:guests/guest",
    path: ["../../wit/node@0.1.0", "wit"],
    generate_all,
    generate_unused_types: true,
    pub_export_macro: true,
    export_macro_name: "export_guest",
    default_bindings_module: "lockgate_test_guests::bindings",
});
