//! Whether what a reference gives can travel where it is wired to. The table of coercions in `docs/flow-format.md` is
//! this and [`crate::coerce`].

use lockgate_model::ValueKind;

use crate::coerce::{fits, kind_name};
use crate::excerpt::quoted;
use crate::expression::{Reference, Segment};

/// What a check of kinds compares.
pub(super) struct Ends<'a> {
    /// The kind of the output.
    pub(super) given: ValueKind,
    /// The way into it.
    pub(super) path: &'a [Segment],
    /// The value is needed, and not only whether it is there.
    pub(super) valued: bool,
    /// The reference is the whole expression.
    pub(super) lone: bool,
    /// What the port takes, where that is known.
    pub(super) to: Option<ValueKind>,
}

/// Why a reference to an output of a node does not fit, and advice; None where it fits, or where only its value decides.
pub(super) fn misfit(
    reference: &Reference,
    ends: &Ends<'_>,
) -> Option<(String, Option<&'static str>)> {
    let Ends {
        given,
        path,
        valued,
        lone,
        to,
    } = *ends;
    if !path.is_empty() && !matches!(given, ValueKind::Json | ValueKind::Any) {
        Some((
            format!(
                "`{}` looks into {}, which has no fields",
                quoted(&reference.to_string()),
                kind_name(given)
            ),
            None,
        ))
    } else if !lone && valued && given == ValueKind::Binary {
        let help = "hand the bytes over whole: the reference alone, with nothing around it";
        Some((
            format!(
                "`{}` is bytes, and expressions do not compute with bytes",
                quoted(&reference.to_string())
            ),
            Some(help),
        ))
    } else if let Some(to) = to.filter(|to| lone && path.is_empty() && !fits(given, *to)) {
        let help = match (given, to) {
            (ValueKind::Json, ValueKind::Text) => {
                Some("name a field that holds text, or write `string(…)` around a number")
            }
            _ => None,
        };
        let reference = quoted(&reference.to_string());
        Some((
            format!(
                "`{reference}` gives {}, and the port takes {}",
                kind_name(given),
                kind_name(to)
            ),
            help,
        ))
    } else if lone && !path.is_empty() && to == Some(ValueKind::Binary) {
        let reference = quoted(&reference.to_string());
        Some((
            format!(
                "`{reference}` gives a part of a JSON document, and the port takes {}",
                kind_name(ValueKind::Binary)
            ),
            None,
        ))
    } else {
        None
    }
}
