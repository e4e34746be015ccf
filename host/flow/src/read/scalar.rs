//! What a plain scalar is: YAML 1.2's core schema, less what JSON cannot say or other readers would read differently.

use serde_json::Value as Json;

/// The value of a plain scalar, or why it is none. Text is a value too.
pub(crate) fn resolve(text: &str) -> Result<Json, &'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Json::Null),
        "true" | "True" | "TRUE" => return Ok(Json::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Json::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err("JSON has no number for it");
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(Json::String(text.to_owned()));
    }
    let (digits, radix) = match unsigned.get(..2) {
        Some("0x") => (&unsigned[2..], 16),
        Some("0o") => (&unsigned[2..], 8),
        _ => (unsigned, 10),
    };
    if !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)) {
        return if radix != 10 && digits.len() != text.len() - 2 {
            Ok(Json::String(text.to_owned())) // the core schema has no signs before 0x and 0o
        } else if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
            Err("a number that begins with 0 is octal to some readers and decimal to others")
        } else {
            integer(digits, radix, text.starts_with('-'))
        };
    }
    if is_float(unsigned) {
        return float(text);
    }
    Ok(Json::String(text.to_owned()))
}

fn integer(digits: &str, radix: u32, negative: bool) -> Result<Json, &'static str> {
    const TOO_LARGE: &str = "it does not fit in 64 bits";
    let magnitude = u64::from_str_radix(digits, radix).map_err(|_| TOO_LARGE)?;
    if !negative {
        return Ok(magnitude.into());
    }
    0_i64
        .checked_sub_unsigned(magnitude)
        .map(Json::from)
        .ok_or(TOO_LARGE)
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, as the core schema has it, after its sign.
fn is_float(text: &str) -> bool {
    let all_digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent_fits
}

fn float(text: &str) -> Result<Json, &'static str> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.and_then(serde_json::Number::from_f64);
    number.map(Json::Number).ok_or("it does not fit in 64 bits")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_core_schema() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("Null", json!(null)),
            ("nULL", json!("nULL")),
            ("TRUE", json!(true)),
            ("yes", json!("yes")),
            ("0", json!(0)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551615", json!(u64::MAX)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("-0x1F", json!("-0x1F")),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("-1.5e3", json!(-1500.0)),
            ("1e", json!("1e")),
            (".", json!(".")),
            ("-", json!("-")),
            ("1.2.3", json!("1.2.3")),
            ("12:30", json!("12:30")),
            ("1_000", json!("1_000")),
            ("2024-01-01", json!("2024-01-01")),
            ("é", json!("é")),
            ("0é", json!("0é")),
        ] {
            assert_eq!(resolve(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        for text in [
            ".inf",
            "-.INF",
            ".nan",
            "010",
            "-007",
            "18446744073709551616",
            "-9223372036854775809",
            "1e999",
        ] {
            assert!(resolve(text).is_err(), "{text}");
        }
    }
}
