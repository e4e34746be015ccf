//! An expression's tokens: for counting what makes a tree deep before there is one, and for finding the place of what the
//! parser's tree only names.

use std::ops::Range;

use cel::parser::pratt_parser::{Lexer, Token, TokenKind};

use super::functions::FIRST;

/// An expression's tokens.
pub(super) struct Tokens<'a> {
    text: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
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
    pub(super) fn operators(&self) -> usize {
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
    pub(super) fn reference(&self, root: &str, keys: &[&str]) -> Range<usize> {
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
    pub(super) fn call(&self, name: &str) -> Range<usize> {
        let found = (0..self.tokens.len()).find(|&index| {
            self.is_word(index, name) && self.kind(index + 1) == Some(TokenKind::TokLeftParen)
        });
        found.map_or(0..self.text.len(), |index| {
            self.tokens[index].start..self.tokens[index].end
        })
    }

    /// The name of the first macro that loops.
    pub(super) fn loop_macro(&self) -> Option<&'static str> {
        const LOOPS: [&str; 5] = ["all", "exists", "exists_one", "filter", "map"];
        let is_called = |name: &&&str| self.call(name) != (0..self.text.len());
        LOOPS.iter().find(is_called).copied()
    }
}
