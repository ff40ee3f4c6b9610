//! Control connections of FTP (RFC 959, RFC 2428): which data connections they announce, and in which type they carry files.
//!
//! A data connection has no framing of its own: its end ends the file. In TYPE A line ends are translated, which no picture
//! survives unless both sides undo it.

/// A file's transfer, as its commands announce it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// Port of the side that listens for the data connection.
    pub(crate) port: u16,
    /// TYPE A was in force.
    pub(crate) ascii: bool,
    /// Name of the file, as the command has it.
    pub(crate) name: String,
}

/// Whether a server's first bytes are those of FTP, or of something else that greets so.
pub(crate) fn greets(server: &[u8]) -> bool {
    server.starts_with(b"220")
}

/// The transfers that the commands of `client` announce, with the answers of `server`.
pub(crate) fn transfers(client: &[u8], server: &[u8]) -> Vec<Transfer> {
    /// More are not looked at.
    const MOST: usize = 4096;
    let mut ports = lines(server).filter_map(announced);
    let (mut ascii, mut port) = (true, None);
    let mut found = Vec::new();
    for line in lines(client).take(MOST) {
        let (verb, rest) = match line.iter().position(|byte| *byte == b' ') {
            Some(at) => line.split_at(at),
            None => (line, &[][..]),
        };
        let rest = rest.trim_ascii();
        match verb.to_ascii_uppercase().as_slice() {
            b"TYPE" => {
                ascii = rest
                    .first()
                    .is_some_and(|kind| kind.eq_ignore_ascii_case(&b'A'));
            }
            b"PASV" | b"EPSV" => port = ports.next(),
            b"PORT" => port = six(rest),
            b"EPRT" => port = extended(rest),
            b"STOR" | b"RETR" | b"APPE" | b"STOU" => {
                if let Some(port) = port {
                    found.push(Transfer {
                        port,
                        ascii,
                        name: String::from_utf8_lossy(rest).into_owned(),
                    });
                }
            }
            _ => {}
        }
    }
    found
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii)
}

/// The port in the answer to PASV (227) or EPSV (229).
fn announced(line: &[u8]) -> Option<u16> {
    let inside = line.iter().position(|byte| *byte == b'(');
    let inside = line.get(inside? + 1..)?;
    let inside = inside.split(|byte| *byte == b')').next()?;
    if line.starts_with(b"227") {
        six(inside)
    } else if line.starts_with(b"229") {
        extended(inside)
    } else {
        None
    }
}

/// `h1,h2,h3,h4,p1,p2`.
fn six(text: &[u8]) -> Option<u16> {
    let mut numbers = text.split(|byte| *byte == b',').skip(4);
    let mut number = || -> Option<u16> {
        let text = std::str::from_utf8(numbers.next()?).ok()?;
        text.trim().parse::<u8>().ok().map(u16::from)
    };
    Some(number()? << 8 | number()?)
}

/// `|1|address|port|`, or `|||port|`, with any delimiter.
fn extended(text: &[u8]) -> Option<u16> {
    let delimiter = text.first()?;
    let port = text.split(|byte| byte == delimiter).nth(3)?;
    std::str::from_utf8(port).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_by_type_and_port() {
        let client = b"USER a\r\nTYPE A\r\nPASV\r\nSTOR a.jpg\r\nTYPE I\r\nEPSV\r\nretr b.png\r\nPORT 127,0,0,1,1,2\r\nSTOR c\r\n";
        let server = b"220 ready\r\n200 ok\r\n227 Entering Passive Mode (127,0,0,1,4,1).\r\n150 go\r\n229 Extended (|||2000|)\r\n";
        let found: Vec<_> = transfers(client, server)
            .into_iter()
            .map(|one| (one.port, one.ascii, one.name))
            .collect();
        let want = [
            (1025, true, "a.jpg"),
            (2000, false, "b.png"),
            (258, false, "c"),
        ];
        assert_eq!(
            found,
            want.map(|(port, ascii, name)| (port, ascii, name.to_owned()))
        );
        assert_eq!(transfers(b"\xff\xfe", b"(((,"), []);
        assert!(greets(b"220 hi"));
    }
}
