//! The rules for names, checked where a name is written in code when that code is compiled, and where a configuration
//! brings one when it is read.

/// The longest name of any kind, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Words that no port may be called: expressions in flows already mean something by them.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "failure",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "index",
    "input",
    "item",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "vars",
    "void",
    "while",
];

/// Says why no port can have this name, in words that follow it in a sentence. `None`: a port can.
///
/// ```
/// use lockgate_sdk::port_name_fault;
/// assert_eq!(port_name_fault("topic"), None);
/// assert_eq!(port_name_fault("input"), Some("already means something in a flow's expressions"));
/// ```
pub const fn port_name_fault(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Some("is empty");
    }
    if bytes.len() > MAX_NAME_BYTES {
        return Some("is longer than 64 characters");
    }
    if !bytes[0].is_ascii_lowercase() {
        return Some("does not start with a letter from a to z");
    }
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_lowercase() || bytes[at].is_ascii_digit() || bytes[at] == b'_') {
            return Some("has other characters than a to z, 0 to 9 and _");
        }
        at += 1;
    }
    let mut at = 0;
    while at < RESERVED.len() {
        if same(RESERVED[at], name) {
            return Some("already means something in a flow's expressions");
        }
        at += 1;
    }
    None
}

/// The name, if a port can have it. Otherwise the constant that calls this does not compile.
#[doc(hidden)]
pub const fn port_name(name: &'static str) -> &'static str {
    assert!(
        port_name_fault(name).is_none(),
        "a port's name starts with a letter a-z, has letters a-z, digits and _ after it, and is none of the words that \
         mean something in a flow's expressions (input, item, index, vars, failure, in, loop and the like); \
         write #[port(name)] to give it a name of its own"
    );
    name
}

/// The name, if a node or plugin can have it. Otherwise the constant that calls this does not compile.
#[doc(hidden)]
pub const fn node_name(name: &'static str) -> &'static str {
    assert!(
        is_kebab(name),
        "a name is kebab-case: words of a-z and 0-9 with single hyphens between them, a letter first, at most 64 in all"
    );
    name
}

const fn is_kebab(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_NAME_BYTES || !bytes[0].is_ascii_lowercase() {
        return false;
    }
    let mut at = 1;
    while at < bytes.len() {
        let hyphen = bytes[at] == b'-';
        if hyphen && (bytes[at - 1] == b'-' || at + 1 == bytes.len()) {
            return false;
        }
        if !hyphen && !bytes[at].is_ascii_lowercase() && !bytes[at].is_ascii_digit() {
            return false;
        }
        at += 1;
    }
    true
}

/// Whether two names are the same, where `==` is not to be had.
pub(crate) const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_model::{Ident, Kebab};

    const NAMES: &[&str] = &[
        "",
        "a",
        "max_chars",
        "x1",
        "A",
        "1a",
        "_a",
        "a-b",
        "é",
        "a--b",
        "a-",
        "-a",
        "4a",
        "a/b",
        "gpt4-mini",
    ];

    #[test]
    fn the_sdk_and_the_host_agree_on_names() {
        let long = ["a".repeat(64), "a".repeat(65)];
        let names = NAMES.iter().copied().chain(long.iter().map(String::as_str));
        for name in names.chain(lockgate_model::RESERVED.iter().copied()) {
            assert_eq!(
                port_name_fault(name).is_none(),
                name.parse::<Ident>().is_ok(),
                "{name}"
            );
            assert_eq!(is_kebab(name), name.parse::<Kebab>().is_ok(), "{name}");
        }
        assert_eq!(RESERVED, lockgate_model::RESERVED);
    }
}
