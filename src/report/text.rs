//! Words and numbers for people: thousands separators, frame ranges, wrapped paragraphs, and the escaping
//! of everything that may come from a network.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::model::Report;
use crate::units::{FrameNumber, listed};
pub(crate) use crate::units::{count, counted, duration};

/// Whether a character may do more to a terminal than stand there: controls (C0, DEL, C1), and the
/// invisible ones that reorder or hide text.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` made safe for a terminal: unsafe characters (see [`is_unsafe`]) are escaped as in Rust
/// (`\n`, `\u{1b}`); without `unicode` the typographic characters imgnet writes get their ASCII
/// equivalents and every other one is escaped.
pub(crate) fn plain(text: &str, unicode: bool) -> Cow<'_, str> {
    // Nearly always: looked at byte by byte, many at a time.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    if text
        .chars()
        .all(|c| !is_unsafe(c) && (unicode || c.is_ascii()))
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                _ => out.extend(c.escape_unicode()),
            }
        } else if unicode || c.is_ascii() {
            out.push(c);
        } else {
            match c {
                '–' | '—' | '−' => out.push('-'),
                '…' => out.push_str("..."),
                '×' => out.push('x'),
                '→' => out.push_str("->"),
                '≠' => out.push_str("!="),
                '≤' => out.push_str("<="),
                '≥' => out.push_str(">="),
                '‘' | '’' => out.push('\''),
                '“' | '”' => out.push('"'),
                'µ' => out.push('u'),
                '·' => out.push('|'),
                '\u{a0}' => out.push(' '),
                _ => out.extend(c.escape_unicode()),
            }
        }
    }
    Cow::Owned(out)
}

/// The first `most` characters of `text`, with an ellipsis where that is not all of it.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

/// The captures of a report, in few words.
pub(crate) fn files(report: &Report) -> String {
    match report.captures.as_slice() {
        [] => "no file".to_owned(),
        [one] if one.path == "-" => "standard input".to_owned(),
        [one] => one.path.clone(),
        [first, .., last] => format!(
            "{} files, {} to {}",
            count(report.captures.len() as u64),
            first.path,
            last.path
        ),
    }
}

/// Sender and receiver: `127.0.0.1:53516 → :5050`, the receiver's address left out where it is the sender's.
pub(crate) fn route(from: SocketAddr, to: SocketAddr, unicode: bool) -> String {
    let arrow = if unicode { "→" } else { "->" };
    if from.ip() == to.ip() {
        format!("{from} {arrow} :{}", to.port())
    } else {
        format!("{from} {arrow} {to}")
    }
}

/// Frames as a person reads them: `frame 50`, `frames 44–46, 54`. Absent where there is none.
pub(crate) fn frames(frames: &[FrameNumber], unicode: bool) -> Option<String> {
    let (text, one) = listed(frames, if unicode { "–" } else { "-" })?;
    Some(if one {
        format!("frame {text}")
    } else {
        format!("frames {text}")
    })
}

/// A range of frames in a table cell: `8–21`, or a dash where it is unknown.
pub(crate) fn frame_range(
    first: Option<FrameNumber>,
    last: Option<FrameNumber>,
    unicode: bool,
) -> String {
    let dash = if unicode { "–" } else { "-" };
    match (first, last) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first}{dash}{last}"),
        _ => dash.to_owned(),
    }
}

/// Breaks a paragraph into lines of at most `width` columns (a longer word stands alone), the first after
/// `first` and the others after `rest`, which count.
pub(crate) fn wrap(text: &str, width: usize, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut used = first.chars().count();
    let mut empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if !empty && used + 1 + length > width {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            used = rest.chars().count();
            empty = true;
        }
        if !empty {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
        empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(12_088), "12,088");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(1, "frame", "frames"), "1 frame");
        assert_eq!(counted(0, "frame", "frames"), "0 frames");
    }

    #[test]
    fn durations_keep_three_digits() {
        assert_eq!(duration(0, true), "0 ns");
        assert_eq!(duration(999, true), "999 ns");
        assert_eq!(duration(340_250, true), "340 µs");
        assert_eq!(duration(34_025, false), "34.0 us");
        assert_eq!(duration(2_554_000_000, true), "2.55 s");
        assert_eq!(duration(-2_554_000_000, true), "-2.55 s");
        assert_eq!(duration(i64::MIN, true), "-9,223,372,036 s");
    }

    #[test]
    fn nothing_from_the_network_moves_the_cursor() {
        assert_eq!(plain("1", true), "1");
        assert_eq!(
            plain("\x1b[2J\x07\u{9b}31m\u{202e}", true),
            "\\u{1b}[2J\\u{7}\\u{9b}31m\\u{202e}"
        );
        assert_eq!(plain("a\r\nb\tc", true), "a\\r\\nb\\tc");
        assert_eq!(plain("Grüße 320×240 …", true), "Grüße 320×240 …");
        assert_eq!(plain("ü 320×240 …", false), "\\u{fc} 320x240 ...");
        for c in ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}') {
            assert!(is_unsafe(c), "{c:?}");
        }
    }

    #[test]
    fn frames_join_to_runs() {
        let of = |list: &[u64]| {
            let list: Vec<_> = list.iter().copied().map(FrameNumber).collect();
            frames(&list, true)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[50]).as_deref(), Some("frame 50"));
        assert_eq!(of(&[50, 51]).as_deref(), Some("frames 50, 51"));
        assert_eq!(of(&[44, 45, 46, 54]).as_deref(), Some("frames 44–46, 54"));
        assert_eq!(
            of(&[u64::MAX, u64::MAX]).as_deref(),
            Some("frame 18446744073709551615")
        );
    }

    #[test]
    fn paragraphs_fit() {
        let lines = wrap("the quick brown fox jumps", 12, "  ", "    ");
        assert_eq!(lines, ["  the quick", "    brown", "    fox", "    jumps"]);
        assert_eq!(wrap("", 10, "> ", "  "), ["> "]);
        assert_eq!(wrap("unbreakable", 4, "", ""), ["unbreakable"]);
    }

    #[test]
    fn shortening_says_so() {
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("größer", 3), "grö…");
    }

    #[test]
    fn addresses_of_both_families_read_as_sockets() {
        let v4: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let v6: SocketAddr = "[::1]:65432".parse().unwrap();
        assert_eq!(route(v4, v4, true), "127.0.0.1:1 → :1");
        assert_eq!(route(v4, v6, false), "127.0.0.1:1 -> [::1]:65432");
    }
}
