//! `#[node]`: the function stays as it is, and beside it comes a type of the same name that the host can ask and call.

mod arguments;
mod signature;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Error, Ident, ItemFn, LitStr, Result};

use crate::docs;
use arguments::Arguments;
use signature::{Param, Signature};

/// Keeps the function, and implements `Node` for a type of its name.
pub(crate) fn expand(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let mut function: ItemFn = syn::parse2(function)?;
    let signature = Signature::take(&mut function)?;
    if let (Some((name, _)), syn::ReturnType::Default) = (&arguments.output, &function.sig.output) {
        return Err(Error::new_spanned(
            name,
            "a function that gives an output has a return type",
        ));
    }
    let summary = docs::summary(&function.attrs);
    if summary.is_empty() {
        return Err(Error::new_spanned(
            &function.sig.ident,
            "a node has a doc comment: its first paragraph is what people read when they choose the node",
        ));
    }

    let (ident, visibility) = (&function.sig.ident, &function.vis);
    let name = node_name(&arguments, ident);
    let (kind, pure) = (&arguments.kind, arguments.pure);
    let params = signature.params.iter().map(spec);
    let types = signature
        .params
        .iter()
        .map(|param| &param.ty)
        .collect::<Vec<_>>();
    let places = 0..types.len();
    let run = run(&arguments, &signature, ident);
    let outputs = outputs(&arguments, &signature);
    Ok(quote! {
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types, reason = "it stands for the function of this name")]
        #visibility struct #ident {}

        #[automatically_derived]
        impl ::lockgate_sdk::Node for #ident {
            const NAME: &'static str = #name;
            const SUMMARY: &'static str = #summary;
            const KIND: ::lockgate_sdk::NodeKind = ::lockgate_sdk::NodeKind::#kind;
            const PURE: bool = #pure;
            const PARAMS: &'static [::lockgate_sdk::__private::ParamSpec] = &[#(#params),*];

            fn describe(description: &mut ::lockgate_sdk::__private::Description) {
                #(<#types as ::lockgate_sdk::Param>::describe(&Self::PARAMS[#places], description);)*
                description.ports.outputs.extend(#outputs);
            }

            fn configure(
                config: &str,
                ports: &mut ::lockgate_sdk::Ports,
            ) -> ::std::result::Result<(), ::lockgate_sdk::Failure> {
                #(<#types as ::lockgate_sdk::Param>::configure(config, ports)?;)*
                ::std::result::Result::Ok(())
            }

            #run
        }
    })
}

fn node_name(arguments: &Arguments, ident: &Ident) -> TokenStream {
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => LitStr::new(&docs::plain(ident).replace('_', "-"), ident.span()),
    };
    quote_spanned! { name.span() => ::lockgate_sdk::__private::node_name(#name) }
}

fn spec(param: &Param) -> TokenStream {
    let Param { name, summary, ty } = param;
    let role = quote_spanned! { ty.span() => <#ty as ::lockgate_sdk::Param>::ROLE };
    quote_spanned! { name.span() => ::lockgate_sdk::__private::ParamSpec::new(#name, #summary, #role) }
}

/// The function that takes the arguments out of a call, calls the author's function, and gives what it answers.
fn run(arguments: &Arguments, signature: &Signature, ident: &Ident) -> TokenStream {
    let types = signature.params.iter().map(|param| &param.ty);
    let places = 0..signature.params.len();
    let taken = places
        .clone()
        .map(|place| quote::format_ident!("argument_{place}"))
        .collect::<Vec<_>>();
    let question = signature.fallible.then(|| quote! { ? });
    let give = match &arguments.output {
        Some((name, _)) => {
            let name = docs::plain(name);
            quote! {
                let mut values = ::lockgate_sdk::Values::default();
                ::lockgate_sdk::Output::give(answer, #name, &mut values)?;
                ::std::result::Result::Ok(values)
            }
        }
        None => quote! { ::lockgate_sdk::Outputs::into_values(answer) },
    };
    let answer = &signature.answer;
    quote! {
        fn run(
            mut call: ::lockgate_sdk::__private::Incoming<'_>,
        ) -> ::std::result::Result<::lockgate_sdk::Values, ::lockgate_sdk::Failure> {
            #(let #taken = <#types as ::lockgate_sdk::Param>::take(&Self::PARAMS[#places], &mut call)?;)*
            call.finish()?;
            let answer: #answer = #ident(#(#taken),*) #question;
            #give
        }
    }
}

/// The ports of what the function answers.
fn outputs(arguments: &Arguments, signature: &Signature) -> TokenStream {
    let answer = &signature.answer;
    match &arguments.output {
        Some((ident, summary)) => {
            let name = LitStr::new(&docs::plain(ident), ident.span());
            let name = quote_spanned! { ident.span() =>
                const { ::lockgate_sdk::__private::port_name(#name) }
            };
            quote_spanned! { answer.span() =>
                [<#answer as ::lockgate_sdk::Output>::port(#name, #summary)]
            }
        }
        None => quote_spanned! { answer.span() => <#answer as ::lockgate_sdk::Outputs>::ports() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(arguments: TokenStream, function: TokenStream) -> String {
        expand(arguments, function)
            .expect_err("no node")
            .to_string()
    }

    #[test]
    fn a_node_is_named_after_its_function() {
        let function = quote! {
            /// Renders.
            fn prompt_template() {}
        };
        let named = |arguments| {
            expand(arguments, function.clone())
                .expect("a node")
                .to_string()
        };
        assert!(named(quote!(template)).contains(r#""prompt-template""#));
        assert!(named(quote!(template, name = "render")).contains(r#""render""#));
    }

    #[test]
    fn what_parameters_say_is_taken_off_them() {
        let node = expand(
            quote!(transform),
            quote! {
                /// Joins.
                fn join(
                    /// What to join.
                    #[port(parts)] list: Json<Vec<String>>,
                ) {}
            },
        );
        let node = node.expect("a node").to_string();
        assert!(
            node.contains(r#"ParamSpec :: new ("parts" , "What to join.""#),
            "{node}"
        );
        assert!(
            node.contains("fn join (list : Json < Vec < String > > ,) { }"),
            "{node}"
        );
    }

    #[test]
    fn what_cannot_be_a_node_is_named() {
        let good = quote! {
            /// Does.
            fn f() {}
        };
        for (arguments, function, fragment) in [
            (quote!(), good.clone(), "say which kind of node this is"),
            (quote!(pure), good.clone(), "say which kind of node this is"),
            (
                quote!(transfrom),
                good.clone(),
                "`transfrom` means nothing here",
            ),
            (
                quote!(transform, template),
                good.clone(),
                "a node is of one kind",
            ),
            (
                quote!(transform, pure, pure),
                good.clone(),
                "`pure` is said twice",
            ),
            (
                quote!(transform, output(a = "")),
                good,
                "a function that gives an output has a return type",
            ),
            (
                quote!(transform),
                quote! { fn f() {} },
                "a node has a doc comment",
            ),
            (
                quote!(transform),
                quote! { /** Does. */ async fn f() {} },
                "a node is a plain function",
            ),
            (
                quote!(transform),
                quote! { /** Does. */ fn f<T>(t: T) {} },
                "a node's ports are known when it is compiled",
            ),
            (
                quote!(transform),
                quote! { /** Does. */ fn f(&self) {} },
                "a node is a function of its own",
            ),
            (
                quote!(transform),
                quote! { /** Does. */ fn f(text: &str) {} },
                "a node owns what it is given",
            ),
            (quote!(transform), quote! { struct F; }, "expected `fn`"),
        ] {
            let message = message(arguments, function);
            assert!(message.contains(fragment), "{message}");
        }
    }
}
