//! Whether what a reference gives can be what it is wanted for. The table of coercions in `docs/flow-format.md` is this
//! and [`crate::coerce`].

use lockgate_model::ValueKind;

use super::references::Known;
use super::shape::{Shape, Types};
use crate::coerce::{fits, kind_name};
use crate::excerpt::quoted;
use crate::expression::Reference;

/// What an expression is to give.
pub(super) struct Target<'s> {
    pub(super) wanted: Wanted,
    /// What is known of the documents that fit.
    pub(super) shape: Shape<'s>,
}

/// What an expression is to give, in a word.
pub(super) enum Wanted {
    /// A value for a port of this kind, where that is known.
    Value(Option<ValueKind>),
    /// True or false, for `when`.
    Truth,
    /// A list, for `each`.
    List,
}

/// What an expression does with a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Valued {
    /// It hands over what is there.
    HandedOver,
    /// It computes with it.
    Computed,
    /// It asks whether it is there.
    Asked,
}

impl Valued {
    pub(super) fn computed(is_valued: bool) -> Self {
        if is_valued {
            Self::Computed
        } else {
            Self::Asked
        }
    }
}

impl Target<'_> {
    /// The kind of the port, where there is one and it is known.
    pub(super) fn kind(&self) -> Option<ValueKind> {
        match self.wanted {
            Wanted::Value(kind) => kind,
            Wanted::Truth | Wanted::List => None,
        }
    }
}

/// Why a reference does not fit, and what to do.
pub(super) struct Misfit {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Why a reference does not fit; None where it does, or where only its value decides.
pub(super) fn misfit(
    reference: &Reference,
    known: &Known<'_>,
    valued: Valued,
    target: &Target<'_>,
) -> Option<Misfit> {
    let written = quoted(&reference.to_string());
    match (valued, &target.wanted) {
        (Valued::Asked, _) => None,
        (Valued::Computed, _) => (known.kind == ValueKind::Binary).then(|| Misfit {
            message: format!("`{written}` is bytes, and expressions do not compute with bytes"),
            help: Some(
                "hand the bytes over whole: the reference alone, with nothing around it".to_owned(),
            ),
        }),
        (Valued::HandedOver, Wanted::Truth) => no_type(known, Types::BOOLEAN).map(|given| Misfit {
            message: format!("`{written}` is {given}, and `when` takes true or false"),
            help: Some(format!(
                "compare it, as in `size({written}) > 0`, or ask `has({written})`"
            )),
        }),
        (Valued::HandedOver, Wanted::List) => no_type(known, Types::LIST).map(|given| Misfit {
            message: format!("`{written}` is {given}, and `each` goes through a list"),
            help: None,
        }),
        (Valued::HandedOver, Wanted::Value(to)) => value(&written, known, (*to)?, target.shape),
    }
}

/// What a value is, if it is never of these types.
fn no_type(known: &Known<'_>, types: Types) -> Option<String> {
    match known.kind {
        ValueKind::Text | ValueKind::Binary => Some(kind_name(known.kind).to_owned()),
        ValueKind::Json | ValueKind::Any => {
            let given = known.shape.types();
            (!given.meet(types)).then(|| given.to_string())
        }
    }
}

/// A value that is handed over to a port.
fn value(written: &str, known: &Known<'_>, to: ValueKind, shape: Shape<'_>) -> Option<Misfit> {
    let takes = kind_name(to);
    let plain = |message| {
        Some(Misfit {
            message,
            help: None,
        })
    };
    if known.is_whole {
        if !fits(known.kind, to) {
            let given = kind_name(known.kind);
            let help = (known.kind, to) == (ValueKind::Json, ValueKind::Text);
            return Some(Misfit {
                message: format!("`{written}` gives {given}, and the port takes {takes}"),
                help: help.then(|| {
                    "name a field that holds text, or write `string(…)` around a number".to_owned()
                }),
            });
        }
    } else if to == ValueKind::Binary && !known.may_be_bytes {
        return plain(format!(
            "`{written}` gives a part of a JSON document, and the port takes {takes}"
        ));
    }
    let given = known.shape.types();
    let needed = match to {
        ValueKind::Text if !known.is_whole => Types::TEXT,
        ValueKind::Binary if !known.is_whole => Types::OBJECT,
        ValueKind::Json if known.shape.excludes(shape) => {
            return Some(Misfit {
                message: format!(
                    "`{written}` never meets the schema of the port: it is {given}, and the port takes {}",
                    shape.types()
                ),
                help: Some("`lockgate plugin inspect` shows the schemas of both ends".to_owned()),
            });
        }
        _ => return None,
    };
    (!given.meet(needed)).then(|| Misfit {
        message: format!("`{written}` is {given}, and the port takes {takes}"),
        help: (needed == Types::TEXT)
            .then(|| "`string(…)` makes text of a number or a boolean".to_owned()),
    })
}
