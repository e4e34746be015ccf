//! What is wrong with a document: every fault of it, each with its place, a code for programs, a sentence for people, and
//! advice.

use std::fmt;
use std::ops::Range;

use lockgate_model::escaped;
use miette::{Diagnostic, LabeledSpan, SourceCode};

use crate::excerpt::Excerpt;
use crate::source::{Place, Source};

/// How many faults a report holds. The rest are counted.
pub const MAX_FAULTS: usize = 100;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// What sort of fault it is. The words stay what they are from version to version.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as it is written, in kebab-case.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

codes! {
    /// The text is no YAML.
    NotYaml = "not-yaml",
    /// The document is too large, too deep, or has too many values.
    DocumentTooLarge = "document-too-large",
    /// An anchor or an alias.
    Anchor = "anchor",
    /// A tag.
    Tag = "tag",
    /// The same key twice.
    DuplicateKey = "duplicate-key",
    /// The same name twice.
    DuplicateName = "duplicate-name",
    /// A key that is not text.
    BadKey = "bad-key",
    /// More than one document, or none.
    DocumentCount = "document-count",
    /// A number that JSON does not have, or that reads differently elsewhere.
    BadNumber = "bad-number",
    /// A key that the format does not have.
    UnknownKey = "unknown-key",
    /// A key that has to be there.
    MissingKey = "missing-key",
    /// A value of the wrong type.
    WrongType = "wrong-type",
    /// A name that breaks the rules for names.
    BadName = "bad-name",
    /// A version of the format that this host does not know.
    UnknownFormat = "unknown-format",
    /// A size or a time that cannot be read.
    BadQuantity = "bad-quantity",
    /// A limit that would be wider than what the node has.
    LimitTooWide = "limit-too-wide",
    /// A flow without nodes or without outputs.
    Empty = "empty",
    /// A key that means nothing beside the others, or without another.
    MisplacedKey = "misplaced-key",
    /// A word that is none of those that a key takes.
    BadChoice = "bad-choice",
    /// A kind of failure that there is not.
    UnknownFailure = "unknown-failure",
    /// A kind of failure that is never repeated.
    NeverRepeated = "never-repeated",
    /// More of something than a flow may have.
    TooMany = "too-many",
    /// A flow that cannot be a node here.
    SubFlow = "sub-flow",
    /// A plugin that is not loaded.
    UnknownPlugin = "unknown-plugin",
    /// A node that the plugin does not have.
    UnknownNode = "unknown-node",
    /// An input that the node does not have.
    UnknownInput = "unknown-input",
    /// A required input that is not wired.
    MissingInput = "missing-input",
    /// A name that nothing has.
    UnknownName = "unknown-name",
    /// An output that the node does not have.
    UnknownOutput = "unknown-output",
    /// Nodes that wait for each other.
    Cycle = "cycle",
    /// Kinds of values that do not fit.
    WrongKind = "wrong-kind",
    /// Text that is no expression.
    BadExpression = "bad-expression",
    /// An expression that is too long or too deep.
    ExpressionTooLarge = "expression-too-large",
    /// A macro that loops.
    LoopMacro = "loop-macro",
    /// A function that expressions do not have.
    UnknownFunction = "unknown-function",
    /// A function called with the wrong number or sort of arguments.
    WrongArguments = "wrong-arguments",
    /// An expression without references that fails.
    FailingExpression = "failing-expression",
    /// An input schema that is no JSON Schema.
    BadSchema = "bad-schema",
    /// An input schema that would be too costly to check with.
    SchemaTooLarge = "schema-too-large",
    /// A reference in an input schema that is not followed.
    SchemaReference = "schema-reference",
    /// A configuration that does not meet its node's schema.
    ConfigSchema = "config-schema",
    /// A configuration that its node refuses.
    ConfigRefused = "config-refused",
    /// A node that broke while it looked at its configuration.
    NodeBroke = "node-broke",
    /// A `--set` that names nothing.
    BadOverride = "bad-override",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is wrong with a document. Its texts are fit for a terminal.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What sort of fault it is.
    pub code: Code,
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where it is in the document's bytes. None for what does not stand in the document.
    pub span: Option<Range<usize>>,
    /// The same for people.
    pub place: Option<Place>,
    /// How many characters it has there, line breaks included.
    pub length: usize,
    excerpt: Option<Excerpt>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<_>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.excerpt.as_ref()?.label.clone();
        Some(Box::new(std::iter::once(
            LabeledSpan::new_primary_with_span(None, label),
        )))
    }
}

/// Every fault of a document, in the order of their places; at most [`MAX_FAULTS`].
#[derive(Debug, Clone)]
pub struct Faults {
    name: String,
    faults: Vec<Fault>,
    total: usize,
}

impl Faults {
    /// The faults; at least one.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.faults.iter()
    }

    /// What messages call the document.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many there are, those that are left out included.
    pub fn total(&self) -> usize {
        self.total
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            faults,
            total,
        } = self;
        match total {
            1 => write!(f, "`{name}` has a fault")?,
            _ => write!(f, "`{name}` has {total} faults")?,
        }
        if faults.len() < *total {
            write!(f, ", of which these are the first {}", faults.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl Diagnostic for Faults {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.faults.iter().map(|fault| fault as &dyn Diagnostic),
        ))
    }
}

/// Faults as they are found. What they quote from elsewhere is escaped when they become [`Faults`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings(Vec<Finding>);

#[derive(Debug, Clone)]
struct Finding {
    code: Code,
    message: String,
    help: Option<String>,
    span: Option<Range<usize>>,
}

impl Findings {
    /// A fault at `span`.
    pub(crate) fn add(
        &mut self,
        code: Code,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> Advice<'_> {
        self.push(code, Some(span.clone()), message.into())
    }

    /// A fault of something that is not in the document.
    pub(crate) fn add_outside(&mut self, code: Code, message: impl Into<String>) -> Advice<'_> {
        self.push(code, None, message.into())
    }

    fn push(&mut self, code: Code, span: Option<Range<usize>>, message: String) -> Advice<'_> {
        let help = None;
        self.0.push(Finding {
            code,
            message,
            help,
            span,
        });
        let last = self.0.len() - 1;
        Advice(&mut self.0[last].help)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The report, if there is anything to report.
    pub(crate) fn into_result(self, source: &Source) -> Result<(), Faults> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.into_faults(source))
        }
    }

    /// The report.
    pub(crate) fn into_faults(mut self, source: &Source) -> Faults {
        let key = |finding: &Finding| finding.span.as_ref().map(|span| span.start);
        self.0.sort_by_key(key);
        self.0
            .dedup_by(|a, b| a.span == b.span && a.message == b.message);
        Faults {
            name: escaped(&source.name),
            total: self.0.len(),
            faults: self
                .0
                .into_iter()
                .take(MAX_FAULTS)
                .map(|finding| finding.at(source))
                .collect(),
        }
    }
}

impl Finding {
    fn at(self, source: &Source) -> Fault {
        Fault {
            code: self.code,
            message: escaped(&self.message),
            help: self.help.as_deref().map(escaped),
            place: self.span.as_ref().map(|span| source.place(span.start)),
            length: self.span.as_ref().map_or(0, |span| source.length(span)),
            excerpt: self.span.as_ref().map(|span| Excerpt::new(source, span)),
            span: self.span,
        }
    }
}

/// Where the advice of the fault just added goes.
pub(crate) struct Advice<'a>(&'a mut Option<String>);

impl Advice<'_> {
    pub(crate) fn help(self, help: impl Into<String>) {
        *self.0 = Some(help.into());
    }

    /// Advice, if there is any.
    pub(crate) fn maybe_help(self, help: Option<String>) {
        *self.0 = help;
    }
}

impl Findings {
    /// The nearest of `known` to `text`, if one is near enough to be meant. Not looked for once the report is full: in a
    /// document of faults only, that would compare everything with everything.
    pub(crate) fn nearest<'a>(
        &self,
        text: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        /// Longer texts are no misspelt names, and comparing takes time with the product of the lengths.
        const LONGEST: usize = 64;
        if text.len() > LONGEST || self.len() >= MAX_FAULTS {
            return None;
        }
        let near = |name: &&str| {
            let most = text.len().max(name.len()).div_ceil(3);
            text.len().abs_diff(name.len()) <= most && strsim::osa_distance(text, name) <= most
        };
        known
            .into_iter()
            .filter(near)
            .min_by_key(|name| strsim::osa_distance(text, name))
    }

    /// `did you mean …` with the nearest of `known`.
    pub(crate) fn did_you_mean<'a>(
        &self,
        text: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Option<String> {
        self.nearest(text, known)
            .map(|name| format!("did you mean `{name}`?"))
    }
}
