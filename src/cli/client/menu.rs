//! The menu of a catalogue: what there is, and the choice of who reads it.

use std::io::{self, BufRead, IsTerminal as _, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::report::table::grid::{Column, Row, draw, numbers, words};
use crate::report::{Style, text};
use crate::transfer::server::catalog::Listed;

/// How often is looked whether the program is to end.
const TICK: Duration = Duration::from_millis(50);

/// The columns of the list.
const COLUMNS: [Column; 5] = [
    numbers("#", 0),
    words("name", 0),
    words("kind", 2),
    numbers("pixels", 3),
    numbers("bytes", 1),
];

/// Whether somebody can be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The pictures as a table.
pub(crate) fn table(pictures: &[Listed], style: &Style, out: &mut impl Write) -> io::Result<()> {
    if pictures.is_empty() {
        return writeln!(out, "no pictures yet");
    }
    let rows = || {
        pictures.iter().map(|picture| {
            let kind = picture
                .format
                .map_or_else(|| "unknown".to_owned(), |format| format.to_string());
            let pixels = match (picture.width, picture.height) {
                (Some(width), Some(height)) => format!("{width}×{height}"),
                _ => "unknown".to_owned(),
            };
            Row::plain([
                picture.number.to_string(),
                text::plain(&picture.name, true).into_owned(),
                kind,
                text::plain(&pixels, style.unicode).into_owned(),
                text::count(picture.bytes),
            ])
        })
    };
    draw(&COLUMNS, rows, 0, style, out)
}

/// Waits until a line was typed; false once `stopped` says so, because a read that waits does not hear of a signal.
pub(super) fn typed(stopped: impl Fn() -> bool) -> bool {
    let tick = Timespec::try_from(TICK).ok();
    let input = io::stdin();
    while !stopped() {
        let mut wanted = [PollFd::new(&input, PollFlags::IN)];
        // Interrupted or not, the flag is looked at again.
        if matches!(poll(&mut wanted, tick.as_ref()), Ok(1..)) {
            return true;
        }
    }
    false
}

/// Asks until a number or a name of the list is given, the input ends, or `typed` says that no line comes any more. With no
/// list, anything that is not empty is taken.
pub(super) fn ask(
    pictures: Option<&[Listed]>,
    typed: impl Fn() -> bool,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> io::Result<Option<String>> {
    loop {
        write!(out, "Number or name: ")?;
        out.flush()?;
        if !typed() {
            writeln!(out)?;
            return Ok(None);
        }
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            writeln!(out)?;
            return Ok(None);
        }
        let choice = line.trim();
        if choice.is_empty() {
            continue;
        }
        let Some(pictures) = pictures else {
            return Ok(Some(choice.to_owned()));
        };
        match find(pictures, choice) {
            Some(picture) => return Ok(Some(picture.number.to_string())),
            None => writeln!(
                out,
                "There is no picture {choice:?}. Type a number or a name of the list; Ctrl-C ends."
            )?,
        }
    }
}

/// A number, a name, or the only name that begins so.
fn find<'p>(pictures: &'p [Listed], choice: &str) -> Option<&'p Listed> {
    let number: Option<u64> = choice.parse().ok();
    let exact = pictures
        .iter()
        .find(|picture| Some(picture.number) == number)
        .or_else(|| pictures.iter().find(|picture| picture.name == choice));
    exact.or_else(|| {
        let mut starting = pictures
            .iter()
            .filter(|picture| picture.name.starts_with(choice));
        starting.next().filter(|_| starting.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures() -> Vec<Listed> {
        [(1, "cat.jpg"), (3, "dog.png"), (4, "dot.png")]
            .map(|(number, name)| Listed {
                number,
                name: name.to_owned(),
                format: None,
                width: Some(640),
                height: Some(480),
                bytes: 12_345,
                sha256: String::new(),
            })
            .to_vec()
    }

    #[test]
    fn number_name_and_beginning_are_taken() {
        for (typed, chosen) in [
            ("3\n", Some("3")),
            ("cat.jpg\n", Some("1")),
            ("c\n", Some("1")),
            ("\n7\ndo\ndog\n", Some("3")),
            ("2\n", None),
        ] {
            let mut out = Vec::new();
            let asked = ask(Some(&pictures()), || true, &mut typed.as_bytes(), &mut out).unwrap();
            assert_eq!(asked.as_deref(), chosen, "{typed:?}");
        }
        let any = ask(None, || true, &mut "\n9\n".as_bytes(), &mut Vec::new()).unwrap();
        assert_eq!(any.as_deref(), Some("9"));
    }

    #[test]
    fn table_shows_name_size_and_dimensions() {
        let mut out = Vec::new();
        table(&pictures(), &Style::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("640×480") && text.contains("12,345"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 4);
    }
}
