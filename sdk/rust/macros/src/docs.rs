//! What doc comments and `#[port]` attributes say of a function, a parameter or a field.

use proc_macro2::Span;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Result};

/// The first paragraph of the doc comment, as one line. Empty without one.
pub(crate) fn summary(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(doc_text);
    lines
        .flat_map(|text| {
            text.lines()
                .map(str::trim)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .skip_while(String::is_empty)
        .take_while(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether this attribute is a line of a doc comment.
pub(crate) fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

/// Whether this attribute is `#[port(…)]`.
pub(crate) fn is_port(attribute: &Attribute) -> bool {
    attribute.path().is_ident("port")
}

/// The port's name: from `#[port(name)]`, or else the identifier. Its span is where a wrong name is pointed at.
pub(crate) fn port_name(attributes: &[Attribute], ident: Option<&Ident>) -> Result<LitStr> {
    let mut renames = attributes.iter().filter(|attribute| is_port(attribute));
    let name = match (renames.next(), ident) {
        (Some(rename), _) => rename.parse_args_with(|input: syn::parse::ParseStream<'_>| {
            input.call(<Ident as syn::ext::IdentExt>::parse_any)
        })?,
        (None, Some(ident)) => ident.clone(),
        (None, None) => return Ok(LitStr::new("", Span::call_site())),
    };
    if let Some(second) = renames.next() {
        return Err(syn::Error::new_spanned(second, "a port has one name"));
    }
    Ok(LitStr::new(&plain(&name), name.span()))
}

/// An identifier's text, `r#type` as `type`.
pub(crate) fn plain(ident: &Ident) -> String {
    use syn::ext::IdentExt as _;
    ident.unraw().to_string()
}

fn doc_text(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(doc) if is_doc(attribute) => match &doc.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value() + "\n"),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn a_summary_is_the_first_paragraph_on_one_line() {
        let function: syn::ItemFn = parse_quote! {
            ///
            /// Takes a text
            ///   apart.
            ///
            /// And more.
            fn split() {}
        };
        assert_eq!(summary(&function.attrs), "Takes a text apart.");
        assert_eq!(summary(&[]), "");
    }

    #[test]
    fn a_port_may_be_renamed_once() {
        let ident: Ident = parse_quote!(r#type);
        let renamed: syn::ItemFn = parse_quote! { #[port(text)] fn f() {} };
        let twice: syn::ItemFn = parse_quote! { #[port(a)] #[port(b)] fn f() {} };
        let name =
            |attributes: &[Attribute]| port_name(attributes, Some(&ident)).map(|name| name.value());
        assert_eq!(name(&[]).expect("the identifier"), "type");
        assert_eq!(name(&renamed.attrs).expect("the new name"), "text");
        assert_eq!(
            name(&twice.attrs).expect_err("two names").to_string(),
            "a port has one name"
        );
    }
}
