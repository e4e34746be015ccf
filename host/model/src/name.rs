//! Names: of plugins, nodes, flows, ports. A name that exists is valid, because only parsing makes one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;

use crate::range::{InvalidRange, VersionRange};

/// The longest name of any kind, in bytes. Names travel into metrics and file names, which cut longer ones.
const MAX_NAME_BYTES: usize = 64;

/// Words that no identifier may be: CEL's reserved words and literals, and what a flow's expressions already mean.
pub const RESERVED: &[&str] = &[
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

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a name here: {rule}", text.escape_debug())]
pub struct InvalidName {
    /// What was given, cut to a length that fits in a message.
    pub text: String,
    /// The rule that it breaks, as advice.
    pub rule: &'static str,
}

impl InvalidName {
    fn new(text: &str, rule: &'static str) -> Self {
        Self {
            text: text.chars().take(MAX_NAME_BYTES + 1).collect(),
            rule,
        }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same name, and nothing shared with this one.
            pub fn copied(&self) -> Self {
                Self(Arc::from(&*self.0))
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(rule) => Err(InvalidName::new(text, rule)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The name of a port, or of a node within a flow: `[a-z][a-z0-9_]*`, as expressions write it, and none of
    /// [`RESERVED`].
    Ident, check_ident
}

name! {
    /// The name of a plugin, of a node within a plugin, or of a flow: kebab-case, such as `prompt-template`.
    Kebab, check_kebab
}

fn check_ident(text: &str) -> Result<(), &'static str> {
    let rest_fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    if text.len() > MAX_NAME_BYTES {
        Err("it has at most 64 characters")
    } else if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.bytes().all(rest_fits) {
        Err("it starts with a letter a-z, and has letters a-z, digits and _ after it")
    } else if RESERVED.contains(&text) {
        Err("this word already means something in expressions")
    } else {
        Ok(())
    }
}

fn check_kebab(text: &str) -> Result<(), &'static str> {
    let word_fits = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if text.len() > MAX_NAME_BYTES {
        Err("it has at most 64 characters")
    } else if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.split('-').all(word_fits)
    {
        Err(
            "it is kebab-case: words of a-z and 0-9 with single hyphens between them, a letter first",
        )
    } else {
        Ok(())
    }
}

/// A plugin's full name, `publisher:name`. `lockgate:` may be left out when it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginName {
    /// Who uploaded it. The host knows this; a plugin cannot claim it.
    pub publisher: Kebab,
    /// What it calls itself.
    pub name: Kebab,
}

impl PluginName {
    /// The publisher of the plugins that ship with Lockgate, and what a name without a publisher means.
    pub const HOUSE: &str = "lockgate";

    /// A plugin of Lockgate's own publisher.
    pub fn house(name: Kebab) -> Self {
        Self {
            publisher: Kebab(Self::HOUSE.into()),
            name,
        }
    }
}

impl FromStr for PluginName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.split_once(':') {
            None => Ok(Self::house(text.parse()?)),
            Some((publisher, name)) => Ok(Self {
                publisher: publisher.parse()?,
                name: name.parse()?,
            }),
        }
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.publisher.as_str() != Self::HOUSE {
            write!(f, "{}:", self.publisher)?;
        }
        write!(f, "{}", self.name)
    }
}

/// What a flow's `use` names: `[publisher:]plugin/node[@range]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRef {
    /// The plugin that has it.
    pub plugin: PluginName,
    /// The node's name within the plugin.
    pub node: Kebab,
    /// Which versions of the plugin will do. None: any.
    pub range: Option<VersionRange>,
}

/// Why a text names no node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNodeRef {
    /// A name in it is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// What follows the `@` is no range of versions.
    #[error(transparent)]
    Range(#[from] InvalidRange),
}

impl FromStr for NodeRef {
    type Err = InvalidNodeRef;

    fn from_str(text: &str) -> Result<Self, InvalidNodeRef> {
        let (name, range) = match text.split_once('@') {
            Some((name, range)) => (name, Some(range.parse()?)),
            None => (text, None),
        };
        let (plugin, node) = name.split_once('/').ok_or_else(|| {
            InvalidName::new(
                name,
                "a node is named `plugin/node` or `publisher:plugin/node`",
            )
        })?;
        Ok(Self {
            plugin: plugin.parse()?,
            node: node.parse()?,
            range,
        })
    }
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.plugin, self.node)?;
        match &self.range {
            Some(range) => write!(f, "@{range}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        for good in ["a", "max_chars", "x1"] {
            assert_eq!(
                good.parse::<Ident>().map(|name| name.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            "A",
            "1a",
            "_a",
            "a-b",
            "é",
            "input",
            "in",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<Ident>().is_err(), "{bad}");
        }
    }

    #[test]
    fn kebab_case() {
        for good in ["a", "prompt-template", "gpt4-mini"] {
            assert!(good.parse::<Kebab>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a--b",
            "A",
            "4a",
            "a_b",
            "a/b",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<Kebab>().is_err(), "{bad}");
        }
    }

    #[test]
    fn node_references() {
        let house: NodeRef = "text/upper".parse().expect("a house node");
        assert_eq!(house.plugin.publisher.as_str(), "lockgate");
        assert_eq!(house.to_string(), "text/upper");
        assert_eq!("lockgate:text/upper".parse(), Ok(house));
        let other: NodeRef = "acme:text/upper".parse().expect("another publisher's node");
        assert_eq!(other.to_string(), "acme:text/upper");
        let ranged: NodeRef = "text/upper@>=1.2, <1.5".parse().expect("a range");
        let range = ranged.range.as_ref().map(VersionRange::as_str);
        assert_eq!(range, Some(">=1.2, <1.5"));
        assert_eq!(ranged.to_string(), "text/upper@>=1.2, <1.5");
        for bad in [
            "text",
            "a/b/c",
            "a:b:c/d",
            "/b",
            "a/",
            "a@1/b",
            "a/b@",
            "a/b@1@2",
            "a/b@latest",
        ] {
            assert!(bad.parse::<NodeRef>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bad_name_is_escaped_and_cut_in_its_message() {
        let error = "\u{1b}[31m"
            .parse::<Kebab>()
            .expect_err("an escape sequence");
        assert!(error.to_string().starts_with("`\\u{1b}[31m`"), "{error}");
        let long = "x".repeat(10_000).parse::<Ident>().expect_err("too long");
        assert!(long.to_string().len() < 200);
    }
}
