//! Small charts: a character for each piece of time, as high as its value.

/// How many characters a chart has at most.
pub(super) const WIDTH: usize = 24;

/// What charts are drawn with, from the lowest to the highest.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The same where the terminal has no other characters than ASCII's.
const ASCII: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

/// What a chart is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glyphs {
    Blocks,
    Ascii,
}

impl Glyphs {
    /// What the locale has: the first that is set of `LC_ALL`, `LC_CTYPE` and `LANG`, which is the order that POSIX says.
    pub(super) fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
        let set = names.filter_map(variable).find(|value| !value.is_empty());
        let set = set.unwrap_or_default().to_ascii_lowercase();
        match set.contains("utf-8") || set.contains("utf8") {
            true => Self::Blocks,
            false => Self::Ascii,
        }
    }
}

/// How values that fall into one character become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    /// They are added: counts.
    Sum,
    /// The greatest of them: durations.
    Greatest,
}

/// A chart of values over time, [`WIDTH`] characters at most. Where nothing was, it is empty; what is little and not
/// nothing has the lowest character.
pub(super) fn chart(values: &[Option<u64>], joined: Joined, glyphs: Glyphs) -> String {
    let values = narrowed(values, joined);
    let greatest = values.iter().flatten().max().copied().unwrap_or(0);
    let glyphs = match glyphs {
        Glyphs::Blocks => BLOCKS,
        Glyphs::Ascii => ASCII,
    };
    let glyph = |value: &Option<u64>| match value {
        None => ' ',
        Some(value) => glyphs[level(*value, greatest)],
    };
    values.iter().map(glyph).collect()
}

/// From 0 to 7.
fn level(value: u64, greatest: u64) -> usize {
    if greatest == 0 {
        return 0;
    }
    let eighths = (u128::from(value) * 8).div_ceil(u128::from(greatest));
    usize::try_from(eighths).map_or(7, |eighths| eighths.clamp(1, 8) - 1)
}

fn narrowed(values: &[Option<u64>], joined: Joined) -> Vec<Option<u64>> {
    let each = values.len().div_ceil(WIDTH).max(1);
    let one = |piece: &[Option<u64>]| {
        let there = piece.iter().flatten().copied();
        match joined {
            Joined::Sum => there.reduce(u64::saturating_add),
            Joined::Greatest => there.max(),
        }
    };
    values.chunks(each).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_as_high_as_its_values_and_empty_where_nothing_was() {
        let values = [Some(1), None, Some(50), Some(100), Some(0), Some(13)];
        let drawn = |glyphs| chart(&values, Joined::Sum, glyphs);
        assert_eq!(drawn(Glyphs::Blocks), "▁ ▄█▁▂");
        assert_eq!(drawn(Glyphs::Ascii), "_ -#_.");
        assert_eq!(chart(&[], Joined::Sum, Glyphs::Ascii), "");
        assert_eq!(chart(&[None, Some(0)], Joined::Sum, Glyphs::Ascii), " _");
        let most = [Some(u64::MAX), Some(u64::MAX / 2)];
        assert_eq!(chart(&most, Joined::Greatest, Glyphs::Ascii), "#-");
    }

    #[test]
    fn many_values_become_few_characters() {
        let mut values = vec![Some(1); 100];
        values[7] = Some(9);
        values[99] = None;
        let sums = chart(&values, Joined::Sum, Glyphs::Ascii);
        assert_eq!(sums.chars().count(), 20);
        assert!(sums.starts_with("-#-") && sums.ends_with("-:"), "{sums}");
        let greatest = chart(&values, Joined::Greatest, Glyphs::Ascii);
        assert!(greatest.starts_with("_#_"), "{greatest}");
        for count in 1..300 {
            let drawn = chart(&vec![Some(1); count], Joined::Sum, Glyphs::Ascii);
            assert!((1..=WIDTH).contains(&drawn.len()), "{count}");
        }
    }

    #[test]
    fn the_locale_says_what_a_terminal_can_show() {
        let of = |set: &[(&str, &str)]| {
            let found = |name: &str| {
                let mut named = set.iter().filter(|(known, _)| *known == name);
                named.next().map(|(_, value)| (*value).to_owned())
            };
            Glyphs::of_locale(found)
        };
        assert_eq!(of(&[("LANG", "en_US.UTF-8")]), Glyphs::Blocks);
        assert_eq!(of(&[("LC_CTYPE", "zh_CN.utf8")]), Glyphs::Blocks);
        assert_eq!(of(&[("LANG", "C")]), Glyphs::Ascii);
        assert_eq!(of(&[]), Glyphs::Ascii);
        let over = [("LC_ALL", "C"), ("LANG", "en_US.UTF-8")];
        assert_eq!(of(&over), Glyphs::Ascii);
        let empty = [("LC_ALL", ""), ("LANG", "C.UTF-8")];
        assert_eq!(of(&empty), Glyphs::Blocks);
    }
}
