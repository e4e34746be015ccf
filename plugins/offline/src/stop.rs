//! Stop sequences in a text that is sent while it is made: what could be the start of one is held back.

/// Lets a text through up to the first stop sequence.
#[derive(Debug)]
pub(crate) struct Stops<'a> {
    sequences: &'a [String],
    /// The end of the text so far, which a sequence may begin with.
    held: String,
}

/// What a piece of text came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// This much can be sent; more may follow.
    Text(String),
    /// This much can be sent, and then a stop sequence stands. It is not among it.
    Last(String),
}

impl<'a> Stops<'a> {
    /// No sequence is empty.
    pub(crate) fn new(sequences: &'a [String]) -> Self {
        Self {
            sequences,
            held: String::new(),
        }
    }

    /// Takes the next piece of the text.
    pub(crate) fn pass(&mut self, piece: &str) -> Passed {
        self.held.push_str(piece);
        let found = self
            .sequences
            .iter()
            .filter_map(|stop| self.held.find(stop));
        if let Some(at) = found.min() {
            self.held.truncate(at);
            return Passed::Last(std::mem::take(&mut self.held));
        }
        let undecided = self.held.split_off(self.decided());
        Passed::Text(std::mem::replace(&mut self.held, undecided))
    }

    /// What is held back when the text is over.
    pub(crate) fn rest(self) -> String {
        self.held
    }

    /// How many bytes no stop sequence can begin in any more.
    fn decided(&self) -> usize {
        let may_begin = |rest: &str| self.sequences.iter().any(|stop| stop.starts_with(rest));
        self.held
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| may_begin(&self.held[*at..]))
            .unwrap_or(self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(stops: &[&str], pieces: &[&str]) -> (Vec<String>, String) {
        let stops = stops
            .iter()
            .map(|stop| (*stop).to_owned())
            .collect::<Vec<_>>();
        let mut through = Stops::new(&stops);
        let mut sent = Vec::new();
        for piece in pieces {
            match through.pass(piece) {
                Passed::Text(text) => sent.push(text),
                Passed::Last(text) => {
                    sent.push(text);
                    return (sent, "stopped".to_owned());
                }
            }
        }
        (sent, through.rest())
    }

    #[test]
    fn without_stops_everything_passes_at_once() {
        let (sent, rest) = passed(&[], &["a", "b"]);
        assert_eq!(sent, ["a", "b"]);
        assert_eq!(rest, "");
    }

    #[test]
    fn the_first_stop_ends_the_text_wherever_its_pieces_end() {
        let whole = "one END two";
        for stops in [&["END"][..], &["two", "END"], &["END t", "END"]] {
            for at in (0..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
                let (sent, rest) = passed(stops, &[&whole[..at], &whole[at..]]);
                assert_eq!((sent.concat().as_str(), rest.as_str()), ("one ", "stopped"));
            }
        }
    }

    #[test]
    fn what_only_looked_like_a_stop_passes_later() {
        let (sent, rest) = passed(&["春天"], &["春", "雨", "春"]);
        assert_eq!(sent, ["", "春雨", ""]);
        assert_eq!(rest, "春");
    }

    #[test]
    fn a_start_within_a_start_is_found() {
        let (sent, rest) = passed(&["aab"], &["a", "a", "a", "b"]);
        assert_eq!((sent.concat().as_str(), rest.as_str()), ("a", "stopped"));
    }
}
