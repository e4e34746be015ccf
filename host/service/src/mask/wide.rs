//! Full-width letters, digits and signs, as input methods for Chinese write them: `１３８` is 138. The patterns that come with
//! the host look at a copy in which they are ASCII; an operator's own look at the text as it is.

use std::borrow::Cow;

/// What is looked for in all texts, besides what the patterns look for: what may be something once it is ASCII.
pub(super) const LOOK: &str = r"[０-９＠＋]|（\+?[0-9]{3}";

/// A text with ASCII in place of what is wide.
pub(super) struct Narrow<'t> {
    pub(super) bytes: Cow<'t, [u8]>,
    /// Where in `bytes` something stands that has three bytes in the text.
    wide: Vec<usize>,
}

impl<'t> Narrow<'t> {
    /// An end that is a part of a character is left out.
    pub(super) fn of(text: &'t [u8]) -> Self {
        let text = &text[..text.len() - half(text)];
        let mut places = 0..if text.contains(&0xef) { text.len() } else { 0 };
        let Some(first) = places.find(|&at| narrow(&text[at..]).is_some()) else {
            return Self {
                bytes: text.into(),
                wide: Vec::new(),
            };
        };
        let mut bytes = text[..first].to_vec();
        let mut wide = Vec::new();
        let mut rest = &text[first..];
        while let [next, after @ ..] = rest {
            rest = match narrow(rest) {
                Some(ascii) => {
                    wide.push(bytes.len());
                    bytes.push(ascii);
                    &rest[3..]
                }
                None => {
                    bytes.push(*next);
                    after
                }
            };
        }
        Self {
            bytes: bytes.into(),
            wide,
        }
    }

    /// Whether nothing in it is wide.
    pub(super) fn is_same(&self) -> bool {
        self.wide.is_empty()
    }

    /// The place in the text.
    pub(super) fn in_text(&self, place: usize) -> usize {
        place + 2 * self.wide.partition_point(|&wide| wide < place)
    }

    /// The place in `bytes` of one in the text: of the character around it.
    pub(super) fn place(&self, in_text: usize) -> usize {
        let (mut low, mut high) = (0, self.bytes.len());
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.in_text(middle) <= in_text {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }
}

/// The ASCII that a wide character at the beginning stands for, where a pattern asks for it.
fn narrow(text: &[u8]) -> Option<u8> {
    let ascii = match text {
        [0xef, 0xbc, last @ 0x81..=0xbf, ..] => last - 0x60,
        [0xef, 0xbd, last @ 0x80..=0x9e, ..] => last - 0x20,
        _ => return None,
    };
    let is_asked = ascii.is_ascii_alphanumeric() || b"@+-._()".contains(&ascii);
    is_asked.then_some(ascii)
}

/// How many bytes at the end may be the beginning of a wide character.
pub(super) fn half(text: &[u8]) -> usize {
    match text {
        [.., 0xef] => 1,
        [.., 0xef, 0xbc | 0xbd] => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_told_in_both() {
        let text = "a１３Ｘ，＠~～ｚb１".as_bytes();
        let narrow = Narrow::of(text);
        assert_eq!(&*narrow.bytes, "a13X，@~～zb1".as_bytes());
        for (place, byte) in narrow.bytes.iter().enumerate() {
            let in_text = narrow.in_text(place);
            assert_eq!(narrow.place(in_text), place);
            assert!(text[in_text] == *byte || text[in_text] == 0xef);
        }
        assert_eq!(narrow.in_text(narrow.bytes.len()), text.len());
        assert_eq!(narrow.place(2), 1, "within");
        assert!(Narrow::of("春眠，（x）".as_bytes()).bytes.ends_with(b"(x)"));
        assert!(Narrow::of("春眠，不觉".as_bytes()).is_same());
        assert_eq!(&*Narrow::of(b"a\xef\xbc").bytes, b"a");
        assert_eq!(&*Narrow::of(b"a\xef").bytes, b"a");
    }
}
