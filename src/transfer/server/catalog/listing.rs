//! What a catalogue says of its pictures to a client that asks for the list.
//!
//! The question is a choice that every P3 server understands and none has: [`QUESTION`]. A server that does not know it
//! answers with its not-found picture, as to any other choice. One that does answers with a line of JSON that names the
//! schema and then a line for each picture, and closes.

use serde::{Deserialize, Serialize};

use crate::picture::Format;

/// The choice that asks for the list: ASCII digits, and 0 for whoever takes it for a number.
pub(crate) const QUESTION: &str = "0000000000";

/// Name of this version of the list, in its first line.
pub(crate) const SCHEMA: &str = "imgnet/catalog/v1";

/// One picture of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its choice.
    pub number: u64,
    /// Its file name.
    pub name: String,
    /// Absent where it is not known.
    pub format: Option<Format>,
    /// Pixels in a row; absent where it is not known.
    pub width: Option<u32>,
    /// Rows; absent where it is not known.
    pub height: Option<u32>,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file, lowercase hex; empty where it was not computed.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Head {
    schema: String,
    pictures: usize,
}

/// The list as it goes over the wire.
pub(crate) fn encode(pictures: &[Listed]) -> Vec<u8> {
    let head = Head {
        schema: SCHEMA.to_owned(),
        pictures: pictures.len(),
    };
    let mut lines = serde_json::to_vec(&head).unwrap_or_default();
    for picture in pictures {
        lines.push(b'\n');
        lines.extend(serde_json::to_vec(picture).unwrap_or_default());
    }
    lines.push(b'\n');
    lines
}

/// The list in these bytes; absent where they are none, or not all of one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Listed>> {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let head: Head = serde_json::from_slice(lines.next()?).ok()?;
    if head.schema != SCHEMA {
        return None;
    }
    let pictures: Vec<Listed> = lines
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).ok())
        .collect::<Option<_>>()?;
    (pictures.len() == head.pictures).then_some(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_reads_back_and_nothing_else_does() {
        let pictures = [1, 7].map(|number| Listed {
            number,
            name: format!("a\nb {number}"),
            format: Some(Format::Png),
            width: Some(3),
            height: None,
            bytes: 99,
            sha256: String::new(),
        });
        let bytes = encode(&pictures);
        assert_eq!(decode(&bytes).unwrap(), pictures);
        assert_eq!(decode(&encode(&[])).unwrap(), []);
        let cut = bytes.len() - 120;
        assert_eq!(decode(&bytes[..cut]), None);
        assert_eq!(decode(b"\xff\xd8\xff\xe0 a picture\n"), None);
        assert_eq!(decode(b""), None);
    }
}
