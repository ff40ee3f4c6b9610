//! What other protocols say before a program's own bytes begin: a proxy is asked for a connection, a copy is announced.

/// How many bytes at the start of a direction belong to SOCKS, on either side, to the PROXY protocol, or to the head of HTTP behind which
/// HTTP ends; 0 where it does not begin so.
pub(crate) fn preamble(bytes: &[u8]) -> usize {
    const END: &[u8] = b"\r\n\r\n";
    if ends_http(bytes) {
        return memchr::memmem::find(bytes, END).map_or(0, |at| at + END.len());
    }
    proxied(bytes).unwrap_or_else(|| socks(bytes))
}

/// The header of the PROXY protocol, version 2, which says how many bytes of addresses follow.
fn proxied(bytes: &[u8]) -> Option<usize> {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    let rest = bytes.strip_prefix(SIGNATURE)?;
    let &[0x20 | 0x21, _, high, low, ..] = rest else {
        return None;
    };
    let end = SIGNATURE.len() + 4 + usize::from(u16::from_be_bytes([high, low]));
    (end <= bytes.len()).then_some(end)
}

fn socks(bytes: &[u8]) -> usize {
    let client = client5(bytes).or_else(|| client4(bytes));
    let server = || server5(bytes).or_else(|| server4(bytes));
    client.or_else(server).unwrap_or(0)
}

/// RFC 1928 and 1929: the methods, name and password where they are asked for, the request.
fn client5(bytes: &[u8]) -> Option<usize> {
    let methods = usize::from(*bytes.get(1)?);
    let mut at = 2 + methods;
    let known = |method: &u8| matches!(method, 0..=9 | 0x80..=0xff);
    let offered = bytes.get(2..at)?;
    if bytes.first() != Some(&5) || methods == 0 || !offered.iter().all(known) {
        return None;
    }
    if bytes.get(at) == Some(&1) {
        let name = usize::from(*bytes.get(at + 1)?);
        let password = usize::from(*bytes.get(at + 2 + name)?);
        at += 3 + name + password;
    }
    let request = matches!(bytes.get(at..at + 3)?, [5, 1..=3, 0]);
    request.then(|| address(bytes, at + 3)).flatten()
}

/// The method that is taken, whether name and password are right, the answer.
fn server5(bytes: &[u8]) -> Option<usize> {
    let at = match bytes {
        [5, 0, ..] => 2,
        [5, 2, 1, 0, ..] => 4,
        _ => return None,
    };
    (bytes.get(at..at + 3)? == [5, 0, 0])
        .then(|| address(bytes, at + 3))
        .flatten()
}

/// Where an address and its port end.
fn address(bytes: &[u8], at: usize) -> Option<usize> {
    let length = match bytes.get(at)? {
        1 => 4,
        4 => 16,
        3 => 1 + usize::from(*bytes.get(at + 1)?),
        _ => return None,
    };
    let end = at + 1 + length + 2;
    (end <= bytes.len()).then_some(end)
}

/// The request of SOCKS 4, with a name behind it in 4A.
fn client4(bytes: &[u8]) -> Option<usize> {
    let host = bytes.get(4..8)?;
    if !matches!(bytes, [4, 1 | 2, ..]) {
        return None;
    }
    let text = |from: usize| {
        let rest = bytes.get(from..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let printable = rest.get(..end)?.iter().all(u8::is_ascii_graphic);
        printable.then_some(from + end + 1)
    };
    let user = text(8)?;
    if matches!(host, [0, 0, 0, last] if *last != 0) {
        text(user)
    } else {
        Some(user)
    }
}

fn server4(bytes: &[u8]) -> Option<usize> {
    (bytes.starts_with(&[0, 0x5a]) && bytes.len() >= 8).then_some(8)
}

/// Whether a direction begins with an HTTP head behind which the connection is a program's own.
pub(crate) fn ends_http(head: &[u8]) -> bool {
    let Some(line) = head.split(|byte| *byte == b'\r').next() else {
        return false;
    };
    let established = b"200 connection established";
    let answered = line.strip_prefix(b"HTTP/1.").and_then(|line| line.get(2..));
    line.starts_with(b"CONNECT ")
        || answered.is_some_and(|status| {
            status.starts_with(b"101 ") || status.eq_ignore_ascii_case(established)
        })
}

/// Whether a header is that of `rcp` and `scp`, `C0644 12104 name`, behind whose file a zero says that it was read to its end.
pub(super) fn is_remote_copy(header: &[u8]) -> bool {
    let line = header.strip_suffix(b"\n").unwrap_or_default();
    let start = line.iter().rposition(|byte| *byte == b'\n');
    let line = line.get(start.map_or(0, |at| at + 1)..).unwrap_or_default();
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let digits = |word: Option<&[u8]>| {
        word.is_some_and(|word| !word.is_empty() && word.iter().all(u8::is_ascii_digit))
    };
    let mode = words.next().and_then(|word| word.strip_prefix(b"C"));
    mode.is_some_and(|mode| mode.len() == 4)
        && digits(mode)
        && digits(words.next())
        && words.next().is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socks_is_read_to_the_end_of_its_request_and_no_further() {
        for exchange in [
            &b"\x05\x01\0\x05\x01\0\x01\x7f\0\0\x01\x1f\x90"[..],
            b"\x05\x02\0\x02\x01\x02me\x02pw\x05\x01\0\x03\x09localhost\x1f\x90",
            b"\x05\x01\0\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1f\x90",
            b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x1f\x90",
            b"\x05\x02\x01\0\x05\0\0\x01\x7f\0\0\x01\x1f\x90",
            b"\x04\x01\x1f\x90\x7f\0\0\x01me\0",
            b"\x04\x01\x1f\x90\0\0\0\x01\0localhost\0",
            b"\0\x5a\x1f\x90\x7f\0\0\x01",
        ] {
            assert_eq!(socks(exchange), exchange.len(), "{exchange:?}");
            let more = [exchange, b"\0\0\x2f\x48"].concat();
            assert_eq!(socks(&more), exchange.len(), "{exchange:?}");
            let less = &exchange[..exchange.len() - 1];
            assert_eq!(socks(less), 0, "{exchange:?}");
        }
        for other in [
            &b"\x05\0\0\0"[..],
            b"\x05\x01\0\x05\x04\0\x01\x7f\0\0\x01\x1f\x90",
            b"\x05\x01\x20\x05\x01\0\x01\x7f\0\0\x01\x1f\x90",
            b"\x05\x01\0\x05\x01\0\x02\x7f\0\0\x01\x1f\x90",
            b"\x05\0\x05\x01\0\x01\x7f\0\0\x01\x1f\x90",
            b"\0\x5b\x1f\x90\x7f\0\0\x01",
            b"",
        ] {
            assert_eq!(socks(other), 0, "{other:?}");
        }
    }

    #[test]
    fn a_head_behind_which_http_ends_and_the_line_of_a_copy() {
        assert!(ends_http(b"CONNECT cam:9000 HTTP/1.1\r\nHost: cam\r\n\r\n"));
        let tunnel = b"CONNECT cam:9000 HTTP/1.1\r\nHost: cam\r\n\r\n\0\x05";
        assert_eq!(preamble(tunnel), tunnel.len() - 2);
        assert_eq!(preamble(b"GET / HTTP/1.1\r\n\r\n\0\x05"), 0);
        let proxied = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0cabcdefghijkl\0\x05";
        assert_eq!(preamble(proxied), proxied.len() - 2);
        assert_eq!(preamble(&proxied[..20]), 0);
        assert_eq!(preamble(b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x1f\x90x"), 12);
        assert!(ends_http(b"HTTP/1.1 200 Connection established\r\n\r\n"));
        assert!(ends_http(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
        ));
        assert!(!ends_http(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert!(!ends_http(b"GET /CONNECT HTTP/1.1\r\n\r\n"));
        assert!(is_remote_copy(b"C0644 12104 a.jpg\n"));
        assert!(is_remote_copy(
            b"T1700000000 0 1700000000 0\nC0644 12104 a b.jpg\n"
        ));
        for other in [
            &b"C0644 12104 a.jpg"[..],
            b"C0644 x a.jpg\n",
            b"C644 12104 a.jpg\n",
            b"C0644 12104\n",
            b"X0644 12104 a.jpg\n",
        ] {
            assert!(!is_remote_copy(other), "{other:?}");
        }
    }
}
