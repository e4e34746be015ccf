//! Whole numbers in JSON: to a JSON Schema `4.0` is an integer, and to serde it is none.

use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// Reads a whole number, however it is written; none where the field is null.
pub(crate) fn optional<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: TryFrom<i64>,
    D: Deserializer<'de>,
{
    let number = Option::<Number>::deserialize(deserializer)?;
    number.map(|number| read(&number)).transpose()
}

/// Reads a whole number, however it is written.
pub(crate) fn required<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<i64>,
    D: Deserializer<'de>,
{
    read(&Number::deserialize(deserializer)?)
}

fn read<T: TryFrom<i64>, E: serde::de::Error>(number: &Number) -> Result<T, E> {
    let whole = number.as_i64().or_else(|| from_float(number.as_f64()?));
    whole
        .and_then(|whole| T::try_from(whole).ok())
        .ok_or_else(|| E::custom(format_args!("{number} is no whole number that fits here")))
}

/// Up to 2⁵³ every whole number is a float of its own.
fn from_float(float: f64) -> Option<i64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    let is_whole = float.fract() == 0.0 && float.abs() <= MOST;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole, and within bounds"
    )]
    is_whole.then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Given {
        #[serde(default, deserialize_with = "optional")]
        number: Option<u32>,
    }

    #[test]
    fn floats_that_are_whole_are_numbers() {
        for (text, number) in [
            ("{}", Ok(None)),
            ("{\"number\": null}", Ok(None)),
            ("{\"number\": 4}", Ok(Some(4))),
            ("{\"number\": 4.0}", Ok(Some(4))),
            ("{\"number\": 4.5}", Err(())),
            ("{\"number\": -1}", Err(())),
            ("{\"number\": 1e300}", Err(())),
            ("{\"number\": \"4\"}", Err(())),
        ] {
            let read = serde_json::from_str::<Given>(text);
            assert_eq!(
                read.map(|given| given.number).map_err(|_| ()),
                number,
                "{text}"
            );
        }
    }
}
