//! Where a text may be cut, from worst to best.

/// How good a place is. A later variant is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Boundary {
    Word,
    Sentence,
    Line,
    Paragraph,
}

/// The last of the best places in `window`, as an offset that is not 0. `after` is what follows the window in the text.
pub(super) fn best(window: &str, after: &str) -> usize {
    let mut best: Option<(Boundary, usize)> = None;
    let mut sentence = Sentence::Goes;
    for (at, c) in window.char_indices() {
        sentence = sentence.then(c);
        let end = at + c.len_utf8();
        let rest = Rest(&window[end..], after);
        let boundary = boundary(sentence, rest);
        if boundary.is_some() && boundary >= best.map(|(boundary, _)| boundary) {
            best = boundary.map(|boundary| (boundary, end));
        }
    }
    best.map_or(window.len(), |(_, end)| end)
}

/// What stands at a place, if it is one to cut at.
fn boundary(sentence: Sentence, rest: Rest<'_>) -> Option<Boundary> {
    let mut next = rest.chars();
    match (next.next(), next.next()) {
        (Some('\n'), Some('\n')) => Some(Boundary::Paragraph),
        (Some('\n'), _) => Some(Boundary::Line),
        (Some(c), _) if c.is_whitespace() && sentence != Sentence::Goes => Some(Boundary::Sentence),
        (Some(c), _) if sentence == Sentence::Ended && !ends(c) && !closes(c) => {
            Some(Boundary::Sentence)
        }
        (Some(c), _) if c.is_whitespace() => Some(Boundary::Word),
        _ => None,
    }
}

/// What follows a place: the rest of the window, then what is after it.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a str, &'a str);

impl<'a> Rest<'a> {
    fn chars(self) -> impl Iterator<Item = char> + 'a {
        self.0.chars().chain(self.1.chars())
    }
}

/// Whether a sentence has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sentence {
    /// It goes on.
    Goes,
    /// It has ended if a blank follows: a full stop also stands in numbers and names.
    MayHaveEnded,
    /// It has ended.
    Ended,
}

impl Sentence {
    fn then(self, c: char) -> Self {
        match c {
            '。' | '！' | '？' | '…' => Self::Ended,
            '.' | '!' | '?' => Self::MayHaveEnded,
            closer if closes(closer) => self,
            _ => Self::Goes,
        }
    }
}

fn ends(c: char) -> bool {
    Sentence::Goes.then(c) != Sentence::Goes
}

fn closes(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』' | '）' | '】' | '》'
    )
}
