//! `imgnet-server catalog`: numbered pictures for clients that ask for one (P3).

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Tally, serve_each};
use crate::picture::{Format, SNIFF_BYTES, Sniff, sniff};
use crate::transfer::outgoing::{self, Outgoing};
use crate::transfer::socket::Connection;
use crate::transfer::{Error, Session, pixels};
use crate::wire::catalog::{ChoiceDecoder, LONGEST_CHOICE};
use crate::wire::{Decode, Event, Framing, Protocol};

/// A choice has no end: so long after its last byte it is taken as complete.
const CHOICE_PAUSE: Duration = Duration::from_millis(30);

/// Bytes of an answer that are handed over at once.
const CHUNK: usize = 64 << 10;

/// The pictures that can be chosen, from number 1.
#[derive(Debug, Clone)]
pub struct Catalog {
    files: Vec<PathBuf>,
    not_found: Vec<u8>,
}

impl Catalog {
    /// The pictures of a folder, in the order in which people count: `2.jpg` before `10.jpg`. Whether a file is a
    /// picture its first bytes say, not its name.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::NoPictures`] for a folder without any.
    pub fn of_folder(folder: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read {
            path: folder.to_owned(),
            source,
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.is_file() && is_picture(&path)? {
                files.push(path);
            }
        }
        if files.is_empty() {
            return Err(Error::NoPictures {
                path: folder.to_owned(),
            });
        }
        files.sort_by_cached_key(|path| natural(&path.to_string_lossy()));
        Ok(Self {
            files,
            not_found: pixels::not_found()?,
        })
    }

    /// The pictures, number 1 first.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The file of a choice; none for a number that there is not, and for what is no number.
    fn file(&self, choice: &str) -> Option<&Path> {
        let number: usize = choice.trim().parse().ok()?;
        self.files.get(number.checked_sub(1)?).map(PathBuf::as_path)
    }

    /// What answers a choice: a JPEG, encoded for the occasion where the file is none.
    fn answer(&self, choice: &str, limit: u64) -> Result<(Vec<u8>, Option<String>), Error> {
        let Some(path) = self.file(choice) else {
            return Ok((self.not_found.clone(), None));
        };
        let bytes = crate::transfer::read_file(path, limit)?;
        let name = path.display().to_string();
        let head = bytes.get(..SNIFF_BYTES).unwrap_or(&bytes);
        if sniff(head) == Sniff::Is(Format::Jpeg) {
            return Ok((bytes, Some(name)));
        }
        let jpeg = pixels::jpeg(&pixels::decode(&bytes, &name)?)?;
        Ok((jpeg, Some(name)))
    }
}

fn is_picture(path: &Path) -> Result<bool, Error> {
    use std::io::Read as _;
    let mut head = Vec::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(SNIFF_BYTES as u64).read_to_end(&mut head));
    match read {
        Ok(_) => Ok(matches!(sniff(&head), Sniff::Is(_))),
        Err(source) => Err(Error::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// A key by which digits in names sort as numbers and before letters.
fn natural(name: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for letter in name.chars() {
        match (letter.is_ascii_digit(), parts.last_mut()) {
            (true, Some(Part::Number(length, digits))) => {
                // Leading zeros do not make a number larger.
                if digits == "0" {
                    digits.clear();
                    *length = 0;
                }
                digits.push(letter);
                *length = length.saturating_add(1);
            }
            (false, Some(Part::Text(text))) => text.push(letter),
            (true, _) => parts.push(Part::Number(1, letter.to_string())),
            (false, _) => parts.push(Part::Text(letter.to_string())),
        }
    }
    parts
}

/// Part of a name. Of two numbers without leading zeros the one with more digits is larger.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(usize, String),
    Text(String),
}

/// Answers choices until it is told to end, or `count` were answered.
///
/// # Errors
/// When nothing more can be accepted. What goes wrong with one client is told and does not end the server.
pub fn run(
    listener: &TcpListener,
    catalog: &Catalog,
    count: Option<u64>,
    session: &Session<'_>,
) -> Result<(), Error> {
    let session = &session.within();
    let tally = Tally::new(session, count);
    serve_each(listener, session, |mut connection| {
        match read_choice(&mut connection) {
            Ok(Some(choice)) => {
                if let Err(error) = answer(connection, &choice, catalog, session) {
                    session.warn(error.told());
                }
                tally.add(1);
            }
            Ok(None) => session.warn(format!("{} chose nothing and closed", connection.peer)),
            Err(Error::Idle { peer, limit }) => session.warn(format!(
                "{peer} chose nothing for {} s: an empty choice sends no bytes, so there is nothing to answer; closed",
                limit.as_secs_f64()
            )),
            Err(Error::Stopped) => {}
            Err(error) => session.warn(error.told()),
        }
    })
}

/// The choice; none when the client closed without one.
fn read_choice(connection: &mut Connection<'_>) -> Result<Option<String>, Error> {
    let mut decoder = ChoiceDecoder::default();
    let mut choice = None;
    let mut sink = |event: Event<'_>| {
        if let Event::Framing {
            what: Framing::Choice(text),
            ..
        } = event
        {
            choice = Some(text);
        }
    };
    let mut buffer = [0; LONGEST_CHOICE];
    let mut total = 0_usize;
    let mut count = connection.read(&mut buffer, false)?;
    while count > 0 {
        total = total.saturating_add(count);
        decoder.update(buffer.get(..count).unwrap_or_default(), &mut sink);
        if total >= LONGEST_CHOICE {
            break;
        }
        count = connection
            .read_within(&mut buffer, CHOICE_PAUSE)?
            .unwrap_or(0);
    }
    decoder.flush(&mut sink);
    Ok(choice)
}

fn answer(
    mut connection: Connection<'_>,
    choice: &str,
    catalog: &Catalog,
    session: &Session<'_>,
) -> Result<(), Error> {
    let (bytes, file) = catalog.answer(choice, session.limits.picture_bytes)?;
    if file.is_none() {
        session.warn(format!(
            "{} chose {choice:?}, which is none of 1 to {}: answered with the not-found picture",
            connection.peer,
            catalog.files.len()
        ));
    }
    let picture = Outgoing {
        bytes: &bytes,
        protocol: &Protocol::Catalog,
        chunk: CHUNK,
        pace: None,
        file,
        request: Some(choice.to_owned()),
    };
    let record = outgoing::send(&mut connection, session, &picture)?;
    outgoing::close(connection, session, vec![record]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let mut names = ["b", "a10", "a9", "a1", "a010x", "10", "9", "a"];
        names.sort_by_cached_key(|name| natural(name));
        assert_eq!(names, ["9", "10", "a", "a1", "a9", "a10", "a010x", "b"]);
    }
}
