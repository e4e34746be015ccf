//! What stands in the parentheses of `#[node(…)]`.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Result, Token, parenthesized};

const KINDS: [(&str, &str); 4] = [
    ("template", "Template"),
    ("validator", "Validator"),
    ("adapter", "Adapter"),
    ("transform", "Transform"),
];

/// The arguments of `#[node]`.
pub(super) struct Arguments {
    /// The variant of `NodeKind`.
    pub(super) kind: Ident,
    /// Whether the node is pure.
    pub(super) pure: bool,
    /// The node's name, where it is not the function's.
    pub(super) name: Option<LitStr>,
    /// Name and summary of the output that the function's value is, where it is one and not a struct of outputs.
    pub(super) output: Option<(Ident, LitStr)>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut kind, mut pure, mut name, mut output) = (None, None, None, None);
        while !input.is_empty() {
            let word = input.call(Ident::parse_any)?;
            match word.to_string().as_str() {
                "pure" => once(&mut pure, true, &word)?,
                "name" => {
                    input.parse::<Token![=]>()?;
                    once(&mut name, input.parse()?, &word)?;
                }
                "output" => once(&mut output, named_output(input)?, &word)?,
                other => match KINDS.iter().find(|(kind, _)| *kind == other) {
                    Some(_) if kind.is_some() => {
                        return Err(Error::new(word.span(), "a node is of one kind"));
                    }
                    Some((_, variant)) => kind = Some(Ident::new(variant, word.span())),
                    None => return Err(unknown(&word)),
                },
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let kind = kind.ok_or_else(|| {
            Error::new(
                Span::call_site(),
                "say which kind of node this is: #[node(transform)], template, validator or adapter",
            )
        })?;
        Ok(Self {
            kind,
            pure: pure.unwrap_or(false),
            name,
            output,
        })
    }
}

fn once<T>(place: &mut Option<T>, value: T, word: &Ident) -> Result<()> {
    if place.replace(value).is_some() {
        return Err(Error::new(word.span(), format!("`{word}` is said twice")));
    }
    Ok(())
}

/// `(text = "What it is.")`.
fn named_output(input: ParseStream<'_>) -> Result<(Ident, LitStr)> {
    let inner;
    parenthesized!(inner in input);
    let name = inner.call(Ident::parse_any)?;
    inner.parse::<Token![=]>()?;
    let summary = inner.parse()?;
    inner.parse::<Option<Token![,]>>()?;
    if inner.is_empty() {
        Ok((name, summary))
    } else {
        Err(inner.error(
            "this names the one output of a function that returns one value; for more of them return a struct \
             that derives Outputs",
        ))
    }
}

fn unknown(word: &Ident) -> Error {
    Error::new(
        word.span(),
        format!(
            "`{word}` means nothing here; a node is a `transform`, `template`, `validator` or `adapter`, may be `pure`, \
             and takes `name = \"other-name\"` and `output(port = \"What comes out.\")`"
        ),
    )
}
