//! Text becomes a checked expression.
//!
//! `cel` has two parsers. The older one, made by ANTLR, takes 20 ms for 4 KiB, and remembers what it has seen in tables
//! that all threads share and that only grow. The newer one takes microseconds, has bounds, and remembers nothing; it is
//! hidden in the crate's documentation, which is why the crate's version is pinned.

use std::ops::Range;

use cel::IdedExpr;
use cel::parser::PrattParser;
use cel::parser::pratt_parser::{Lexer, Token, TokenKind};

use super::functions::FIRST;
use super::lower::{self, Lowered};
use super::{Body, Expression};
use crate::excerpt::quoted;
use crate::fault::Code;

/// The longest expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 4096;

/// How deep an expression may nest: operators, brackets and calls, each one level. `&&` and `||` chains count
/// logarithmically, because they are balanced.
pub const MAX_EXPRESSION_DEPTH: usize = 64;

/// How many operators, brackets and dots an expression may have; `&&`, `||` and commas are free, but for those of `first`. With it the tree that
/// the parser makes before its depth can be checked needs less than 256 KiB of stack.
pub const MAX_EXPRESSION_OPERATORS: usize = 512;

/// What is wrong with an expression, and where in its text.
#[derive(Debug)]
pub(crate) struct ParseFault {
    pub(crate) code: Code,
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl ParseFault {
    pub(crate) fn new(code: Code, at: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            at,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Parses and checks an expression.
pub(crate) fn parse(text: &str) -> Result<Expression, Vec<ParseFault>> {
    let whole = 0..text.len();
    if text.len() > MAX_EXPRESSION_BYTES {
        let bytes = text.len();
        let message = format!(
            "the expression has {bytes} bytes, and at most {MAX_EXPRESSION_BYTES} are read"
        );
        return Err(vec![too_large(whole, message)]);
    }
    let tokens = Tokens::new(text);
    if tokens.operators() > MAX_EXPRESSION_OPERATORS {
        let message = format!("the expression has more than {MAX_EXPRESSION_OPERATORS} operators");
        return Err(vec![too_large(whole, message)]);
    }
    let parser = PrattParser::new().max_recursion_depth(MAX_EXPRESSION_DEPTH as u16);
    let mut tree = parser.parse(text).map_err(|errors| {
        let first = errors.errors.into_iter().min_by_key(|error| error.pos);
        vec![syntax_fault(text, first.as_ref())]
    })?;
    if depth(&tree) > MAX_EXPRESSION_DEPTH {
        return Err(vec![too_deep(whole)]);
    }
    let Lowered {
        references,
        valued,
        handed_over,
        faults,
    } = lower::lower(&mut tree, &tokens);
    if !faults.is_empty() {
        return Err(faults);
    }
    if depth(&tree) > MAX_EXPRESSION_DEPTH {
        return Err(vec![too_deep(whole)]); // a `first` is as deep as it has arguments
    }
    Ok(Expression {
        references,
        valued,
        body: handed_over.unwrap_or(Body::Computed(tree)),
    })
}

fn too_large(at: Range<usize>, message: String) -> ParseFault {
    ParseFault::new(Code::ExpressionTooLarge, at, message)
        .help("let a node do the work, or split the expression over several nodes")
}

fn too_deep(at: Range<usize>) -> ParseFault {
    let message = format!("the expression nests deeper than {MAX_EXPRESSION_DEPTH} levels");
    too_large(at, message)
}

fn syntax_fault(text: &str, error: Option<&cel::ParseError>) -> ParseFault {
    let Some(error) = error else {
        return ParseFault::new(
            Code::BadExpression,
            0..text.len(),
            "this is not an expression",
        );
    };
    if error.msg.contains("recursion limit") {
        return too_deep(0..text.len());
    }
    let at = byte_at(text, error.pos);
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let said = match error.msg.trim_start_matches("Syntax error: ") {
        ended if ended.starts_with("mismatched input '<EOF>'") => "it ends too early".to_owned(),
        said => said.replace("<EOF>", "the end"),
    };
    let fault = ParseFault::new(
        Code::BadExpression,
        at..end,
        format!("this is not an expression: {}", quoted(&said)),
    );
    if text.contains("{{") {
        fault.help("templates belong to `text/prompt-template`; an expression names a value, such as `input.topic`")
    } else {
        fault.help("text stands in quotes within the expression: `\"'Hello ' + input.name\"`")
    }
}

/// The byte of a line and a column, both from 1, the column in bytes.
fn byte_at(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or_default();
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    text.floor_char_boundary(
        (before + usize::try_from(column - 1).unwrap_or_default()).min(text.len()),
    )
}

/// How many levels a tree has. Without recursion: it is what decides whether recursion is safe.
fn depth(tree: &IdedExpr) -> usize {
    let mut deepest = 0;
    let mut open = vec![(tree, 1)];
    while let Some((expr, level)) = open.pop() {
        deepest = deepest.max(level);
        lower::for_children(expr, &mut |child| open.push((child, level + 1)));
    }
    deepest
}

/// An expression's tokens, for finding the place of what the parser's tree only names.
pub(crate) struct Tokens<'a> {
    text: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        loop {
            let token = lexer.lex();
            match token.kind {
                TokenKind::TokEnd => break,
                TokenKind::TokWhitespace | TokenKind::TokComment => {}
                _ => tokens.push(token),
            }
            if tokens.len() > text.len() {
                break; // every token has a byte: this cannot be, and must not loop
            }
        }
        Self { text, tokens }
    }

    /// How many tokens there are that make a tree deeper. The parser makes balanced trees of `&&` and `||`.
    fn operators(&self) -> usize {
        use TokenKind::{
            TokAsterisk, TokDot, TokEqualEqual, TokExclamation, TokExclamationEqual, TokGreater,
            TokGreaterEqual, TokIn, TokLeftBrace, TokLeftBracket, TokLeftParen, TokLess,
            TokLessEqual, TokMinus, TokPercent, TokPlus, TokQuestion, TokSlash,
        };
        const DEEPENING: [TokenKind; 18] = [
            TokAsterisk,
            TokDot,
            TokEqualEqual,
            TokExclamation,
            TokExclamationEqual,
            TokGreater,
            TokGreaterEqual,
            TokIn,
            TokLeftBrace,
            TokLeftBracket,
            TokLeftParen,
            TokLess,
            TokLessEqual,
            TokMinus,
            TokPercent,
            TokPlus,
            TokQuestion,
            TokSlash,
        ];
        let deepening = |token: &&Token| DEEPENING.contains(&token.kind);
        self.tokens.iter().filter(deepening).count() + self.arguments_of_first()
    }

    /// How many commas part the arguments of a `first`: each becomes a conditional.
    fn arguments_of_first(&self) -> usize {
        use TokenKind::{
            TokComma, TokLeftBrace, TokLeftBracket, TokLeftParen, TokRightBrace, TokRightBracket,
            TokRightParen,
        };
        let (mut commas, mut open) = (0, Vec::new());
        for (index, token) in self.tokens.iter().enumerate() {
            match token.kind {
                TokLeftParen => open.push(index > 0 && self.is_word(index - 1, FIRST)),
                TokLeftBrace | TokLeftBracket => open.push(false),
                TokRightParen | TokRightBrace | TokRightBracket => drop(open.pop()),
                TokComma if open.last() == Some(&true) => commas += 1,
                _ => {}
            }
        }
        commas
    }

    fn is_word(&self, index: usize, word: &str) -> bool {
        self.tokens
            .get(index)
            .is_some_and(|token| self.text.get(token.start..token.end) == Some(word))
    }

    fn kind(&self, index: usize) -> Option<TokenKind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    /// Where a name stands, with as much of `keys` behind it as is written there.
    pub(crate) fn reference(&self, root: &str, keys: &[&str]) -> Range<usize> {
        let place = |index: usize| {
            let matched = keys.iter().enumerate().take_while(|(nth, key)| {
                let dot = index + 1 + nth * 2;
                self.kind(dot) == Some(TokenKind::TokDot) && self.is_word(dot + 1, key)
            });
            let matched = matched.count();
            (
                matched,
                self.tokens[index].start..self.tokens[index + matched * 2].end,
            )
        };
        let is_root = |index: &usize| {
            let after_dot = *index > 0 && self.kind(*index - 1) == Some(TokenKind::TokDot);
            !after_dot && self.is_word(*index, root)
        };
        let roots = (0..self.tokens.len()).filter(is_root).map(place);
        let best = roots.rev().max_by_key(|(matched, _)| *matched);
        best.map_or(0..self.text.len(), |(_, place)| place)
    }

    /// Where a function is called.
    pub(crate) fn call(&self, name: &str) -> Range<usize> {
        let found = (0..self.tokens.len()).find(|&index| {
            self.is_word(index, name) && self.kind(index + 1) == Some(TokenKind::TokLeftParen)
        });
        found.map_or(0..self.text.len(), |index| {
            self.tokens[index].start..self.tokens[index].end
        })
    }

    /// The name of the first macro that loops.
    pub(crate) fn loop_macro(&self) -> Option<&'static str> {
        const LOOPS: [&str; 5] = ["all", "exists", "exists_one", "filter", "map"];
        let is_called = |name: &&&str| self.call(name) != (0..self.text.len());
        LOOPS.iter().find(is_called).copied()
    }
}
