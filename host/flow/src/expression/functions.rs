//! The functions that expressions have. An explicit table: what the crate has beyond it may grow without bound
//! (`replace`, `format`), loop, or depend on where it runs.

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `size(x)`.
    Global,
    /// `x.size()`.
    Method,
}

/// A function and the numbers of arguments that it takes, the receiver of a method not counted.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    style: Style,
    arguments: &'static [usize],
}

/// The pattern of a `matches` has at most this many bytes, and is written out in the expression.
pub(crate) const MAX_MATCH_PATTERN_BYTES: usize = 256;

/// What a compiled pattern may occupy. The crate compiles one at each call: small ones take microseconds.
const MAX_COMPILED_PATTERN_BYTES: usize = 64 << 10;

const fn global(name: &'static str) -> Function {
    Function {
        name,
        style: Style::Global,
        arguments: &[1],
    }
}

const fn method(name: &'static str, arguments: &'static [usize]) -> Function {
    Function {
        name,
        style: Style::Method,
        arguments,
    }
}

/// The macro that gives the first of its arguments that is there.
pub(crate) const FIRST: &str = "first";

/// How many arguments `first` takes at most.
pub(crate) const MAX_FIRST_ARGUMENTS: usize = 16;

/// Every function. `docs/flow-format.md` says what each does.
pub(crate) const FUNCTIONS: &[Function] = &[
    global("size"),
    global("string"),
    global("int"),
    global("uint"),
    global("double"),
    global("bool"),
    Function {
        name: FIRST,
        style: Style::Global,
        arguments: &[
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            9,
            10,
            11,
            12,
            13,
            14,
            15,
            MAX_FIRST_ARGUMENTS,
        ],
    },
    method("size", &[0]),
    method("contains", &[1]),
    method("startsWith", &[1]),
    method("endsWith", &[1]),
    method("matches", &[1]),
    method("indexOf", &[1]),
    method("substring", &[1, 2]),
    method("lowerAscii", &[0]),
    method("upperAscii", &[0]),
    method("trim", &[0]),
];

/// Why a call is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such function.
    Unknown,
    /// It is called the other way, as in this example.
    OtherStyle(String),
    /// It takes other numbers of arguments.
    Arguments(&'static [usize]),
}

/// Checks a call by its name, its style and its number of arguments.
pub(crate) fn check(name: &str, style: Style, arguments: usize) -> Result<(), Refusal> {
    let named = || FUNCTIONS.iter().filter(|function| function.name == name);
    let Some(function) = named().find(|function| function.style == style) else {
        return Err(named().next().map_or(Refusal::Unknown, |function| {
            Refusal::OtherStyle(function.example())
        }));
    };
    if function.arguments.contains(&arguments) {
        Ok(())
    } else {
        Err(Refusal::Arguments(function.arguments))
    }
}

impl Function {
    fn example(&self) -> String {
        match self.style {
            Style::Global if self.name == FIRST => "first(a.text, b.text)".to_owned(),
            Style::Global => format!("{}(x)", self.name),
            Style::Method => {
                let arguments = ["a", "b"][..self.arguments[0].min(2)].join(", ");
                format!("x.{}({arguments})", self.name)
            }
        }
    }
}

/// Checks the pattern of a `matches`, so that compiling it at each evaluation is cheap.
pub(crate) fn check_pattern(pattern: &str) -> Result<(), String> {
    if pattern.len() > MAX_MATCH_PATTERN_BYTES {
        return Err(format!(
            "the pattern has {} bytes, and at most {MAX_MATCH_PATTERN_BYTES} are allowed",
            pattern.len()
        ));
    }
    let compiled = regex::RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED_PATTERN_BYTES)
        .build();
    compiled.map(drop).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "the pattern is too large when it is compiled".to_owned()
        }
        error => format!(
            "the pattern is no regular expression: {}",
            last_line(&error.to_string())
        ),
    })
}

/// The crate draws the pattern above the reason; the reason is the last line.
pub(crate) fn last_line(text: &str) -> &str {
    text.lines()
        .last()
        .unwrap_or_default()
        .trim_start_matches("error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_checked_against_the_table() {
        assert_eq!(check("size", Style::Global, 1), Ok(()));
        assert_eq!(check("size", Style::Method, 0), Ok(()));
        assert_eq!(
            check("size", Style::Global, 2),
            Err(Refusal::Arguments(&[1]))
        );
        assert_eq!(check("nosuch", Style::Global, 1), Err(Refusal::Unknown));
        assert_eq!(
            check("contains", Style::Global, 2),
            Err(Refusal::OtherStyle("x.contains(a)".into()))
        );
        assert_eq!(
            check("string", Style::Method, 0),
            Err(Refusal::OtherStyle("string(x)".into()))
        );
    }

    #[test]
    fn patterns_are_bounded() {
        assert_eq!(check_pattern("^[a-z]+$"), Ok(()));
        for bad in ["(", r"(\w{100}){100}", &"a".repeat(257)] {
            assert!(check_pattern(bad).is_err(), "{bad}");
        }
    }
}
