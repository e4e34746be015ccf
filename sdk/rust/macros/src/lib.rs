//! The macros of lockgate-sdk, which documents and re-exports them.
//!
//! They read what an author wrote and write calls into the SDK; every decision that types can make is left to the
//! SDK's traits. What an author got wrong is said at the token that is wrong.

mod docs;
mod node;
mod outputs;

use proc_macro::TokenStream;

/// Makes a function a node. Documented where lockgate-sdk re-exports it.
#[proc_macro_attribute]
pub fn node(arguments: TokenStream, function: TokenStream) -> TokenStream {
    node::expand(arguments.into(), function.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}

/// Makes the fields of a struct the outputs of a node. Documented where lockgate-sdk re-exports it.
#[proc_macro_derive(Outputs, attributes(port))]
pub fn outputs(input: TokenStream) -> TokenStream {
    outputs::expand(input.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}
