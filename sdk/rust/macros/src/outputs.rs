//! `#[derive(Outputs)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Error, Field, Fields, Result, Token};

use crate::docs;

/// Implements `Outputs` for a struct with named fields.
pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let fields = named_fields(&input)?;
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a node's outputs are the same at every call: no type or lifetime can be left open here",
        ));
    }

    let ports = fields.iter().map(port).collect::<Result<Vec<_>>>()?;
    let values = fields.iter().map(value).collect::<Result<Vec<_>>>()?;
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl ::lockgate_sdk::Outputs for #name {
            fn ports() -> ::std::vec::Vec<::lockgate_sdk::Port> {
                ::std::vec![#(#ports),*]
            }

            fn into_values(
                self,
            ) -> ::std::result::Result<::lockgate_sdk::Values, ::lockgate_sdk::Failure> {
                let mut values = ::lockgate_sdk::Values::default();
                #(#values)*
                ::std::result::Result::Ok(values)
            }
        }
    })
}

fn named_fields(input: &DeriveInput) -> Result<&Punctuated<Field, Token![,]>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(&fields.named),
            _ => Err(Error::new_spanned(
                &input.ident,
                "outputs have names: give this struct named fields",
            )),
        },
        _ => Err(Error::new_spanned(
            &input.ident,
            "a node's outputs are a struct with one field for each output",
        )),
    }
}

fn port(field: &Field) -> Result<TokenStream> {
    let (name, ty) = (
        docs::port_name(&field.attrs, field.ident.as_ref())?,
        &field.ty,
    );
    let summary = docs::summary(&field.attrs);
    let checked =
        quote_spanned! { name.span() => const { ::lockgate_sdk::__private::port_name(#name) } };
    Ok(quote_spanned! { ty.span() =>
        <#ty as ::lockgate_sdk::Output>::port(#checked, #summary)
    })
}

fn value(field: &Field) -> Result<TokenStream> {
    let (name, ident) = (
        docs::port_name(&field.attrs, field.ident.as_ref())?,
        &field.ident,
    );
    Ok(quote! { ::lockgate_sdk::Output::give(self.#ident, #name, &mut values)?; })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_outputs_is_named() {
        for (input, message) in [
            (
                quote! { struct Out(String); },
                "outputs have names: give this struct named fields",
            ),
            (
                quote! { enum Out { A } },
                "a node's outputs are a struct with one field for each output",
            ),
            (
                quote! { struct Out<T> { value: T } },
                "a node's outputs are the same at every call: no type or lifetime can be left open here",
            ),
        ] {
            let error = expand(input).expect_err("no outputs");
            assert_eq!(error.to_string(), message);
        }
    }
}
