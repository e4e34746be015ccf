//! The signature of a function that is to be a node.

use syn::spanned::Spanned as _;
use syn::{
    Error, FnArg, GenericArgument, ItemFn, LitStr, Pat, PatType, PathArguments, Result, ReturnType,
    Type, parse_quote,
};

use super::super::docs;

/// A node's parameters and what it answers.
pub(super) struct Signature {
    /// In the function's order.
    pub(super) params: Vec<Param>,
    /// The type of the outputs: what is in the `Result`, where the function returns one.
    pub(super) answer: Type,
    /// Whether the function returns a `Result`.
    pub(super) fallible: bool,
}

/// One parameter.
pub(super) struct Param {
    /// The port's name, if its type makes it a port. Empty where the parameter is a pattern.
    pub(super) name: LitStr,
    /// The first paragraph of its doc comment.
    pub(super) summary: String,
    /// Its type, which decides what it is.
    pub(super) ty: Type,
}

impl Signature {
    /// Reads the signature, and takes doc comments and `#[port]` off the parameters, where the compiler refuses them.
    pub(super) fn take(function: &mut ItemFn) -> Result<Self> {
        check(function)?;
        let params = function
            .sig
            .inputs
            .iter_mut()
            .map(take_param)
            .collect::<Result<_>>()?;
        let (answer, fallible) = answer(&function.sig.output);
        Ok(Self {
            params,
            answer,
            fallible,
        })
    }
}

fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let plain = "a node is a plain function: not async, const, unsafe or extern";
    if let Some(token) = &signature.asyncness {
        return Err(Error::new(token.span(), plain));
    }
    if let Some(token) = &signature.constness {
        return Err(Error::new(token.span(), plain));
    }
    if let Some(token) = &signature.abi {
        return Err(Error::new(token.span(), plain));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a node's ports are known when it is compiled: no type or lifetime can be left open here",
        ));
    }
    Ok(())
}

fn take_param(input: &mut FnArg) -> Result<Param> {
    let input = match input {
        FnArg::Typed(input) => input,
        FnArg::Receiver(receiver) => {
            return Err(Error::new_spanned(
                receiver,
                "a node is a function of its own, not a method: what it knows comes in through its parameters",
            ));
        }
    };
    if let Type::Reference(reference) = &*input.ty {
        return Err(Error::new_spanned(
            reference,
            "a node owns what it is given: take the value itself, `String` and not `&str`",
        ));
    }
    let param = Param {
        name: name(input)?,
        summary: docs::summary(&input.attrs),
        ty: (*input.ty).clone(),
    };
    input
        .attrs
        .retain(|attribute| !docs::is_doc(attribute) && !docs::is_port(attribute));
    Ok(param)
}

fn name(input: &PatType) -> Result<LitStr> {
    let ident = match &*input.pat {
        Pat::Ident(pattern) => Some(&pattern.ident),
        _ => None,
    };
    let name = docs::port_name(&input.attrs, ident)?;
    if ident.is_none() && name.value().is_empty() {
        return Ok(LitStr::new("", input.pat.span()));
    }
    Ok(name)
}

/// The type in a `Result`, recognised by its name, or the whole type.
fn answer(output: &ReturnType) -> (Type, bool) {
    let ReturnType::Type(_, whole) = output else {
        return (parse_quote!(()), false);
    };
    if let Type::Path(path) = &**whole
        && let Some(last) = path.path.segments.last()
        && last.ident == "Result"
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(ok)) = arguments.args.first()
    {
        return (ok.clone(), true);
    }
    ((**whole).clone(), false)
}
