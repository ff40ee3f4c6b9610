//! Digests in hexadecimal digits, as headers of text name them.

use crate::digest::hex;
use crate::wire::layout::Check;
use crate::wire::layout::check::Running;

/// Runs of hexadecimal digits that are as long as a digest is (MD5, SHA-1, SHA-256), in order.
pub(crate) fn named_digests(header: &[u8]) -> Vec<String> {
    header
        .split(|byte| !byte.is_ascii_hexdigit())
        .filter(|run| matches!(run.len(), 32 | 40 | 64))
        .filter_map(|run| String::from_utf8(run.to_ascii_lowercase()).ok())
        .collect()
}

/// Whether digits, in lower case, are the digest of these bytes.
pub(crate) fn is_digest(digits: &str, bytes: &[u8]) -> bool {
    let check = match digits.len() {
        32 => Check::Md5,
        40 => Check::Sha1,
        64 => Check::Sha256,
        _ => return false,
    };
    let mut running = Running::new(check);
    running.update(bytes);
    hex(&running.finish()) == digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_found_by_their_length() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let header = format!(
            "{{\"size\": 3, \"MD5\":\"{}\",\"x\":\"{sha1}\"}}",
            md5.to_uppercase()
        );
        assert_eq!(named_digests(header.as_bytes()), [md5, sha1]);
        assert!(is_digest(md5, b"abc") && is_digest(sha1, b"abc"));
        assert!(!is_digest(md5, b"abd") && !is_digest(&sha1[..38], b"abc"));
        assert!(named_digests(&md5.as_bytes()[1..]).is_empty());
    }
}
