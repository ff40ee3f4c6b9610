//! HTTP/1: the head of a message, in the frame in which it begins.

use std::borrow::Cow;

use super::{Field, Show, fields};
use crate::decode::Transport;
use crate::dissect::seen::Seen;
use crate::dissect::value::Value;

pub(super) const FIELDS: &[Field] = fields! {
    "http" Label "The head of an HTTP message begins here" => |seen, show| if let Some(head) = head(seen) { show(message(seen, head), range(seen, head)) };
    "http.request" Bool "It is a request" => |seen, show| if let Some(line) = first_line(seen) && !line.starts_with("HTTP/") { show(Value::Bool(true), None) };
    "http.response" Bool "It is a response" => |seen, show| if let Some(line) = first_line(seen) && line.starts_with("HTTP/") { show(Value::Bool(true), None) };
    "http.request.method" Text "Method of a request" => |seen, show| word(seen, true, 0, show);
    "http.request.uri" Text "Target of a request" => |seen, show| word(seen, true, 1, show);
    "http.request.version" Text "Version of a request" => |seen, show| word(seen, true, 2, show);
    "http.response.version" Text "Version of a response" => |seen, show| word(seen, false, 0, show);
    "http.response.code" Number "Status code of a response" => |seen, show| {
        if let Some(line) = first_line(seen)
            && line.starts_with("HTTP/")
            && let Some(code) = line.split(' ').nth(1).and_then(|code| code.parse().ok())
        {
            show(Value::Number(code), None);
        }
    };
    "http.host" Text "Header field Host" => |seen, show| header(seen, "host", show);
    "http.user_agent" Text "Header field User-Agent" => |seen, show| header(seen, "user-agent", show);
    "http.content_type" Text "Header field Content-Type" => |seen, show| header(seen, "content-type", show);
    "http.content_length_header" Text "Header field Content-Length" => |seen, show| header(seen, "content-length", show);
    "http.content_length" Number "Length of the body in bytes, as the header says" => |seen, show| header(seen, "content-length", &mut |value, bytes| {
        if let Value::Text(text) = &value && let Ok(length) = text.parse() {
            show(Value::Number(length), bytes);
        }
    });
    "http.server" Text "Header field Server" => |seen, show| header(seen, "server", show);
    "http.location" Text "Header field Location" => |seen, show| header(seen, "location", show);
    "http.referer" Text "Header field Referer" => |seen, show| header(seen, "referer", show);
    "http.cookie" Text "Header field Cookie" => |seen, show| header(seen, "cookie", show);
    "http.accept" Text "Header field Accept" => |seen, show| header(seen, "accept", show);
    "http.accept_encoding" Text "Header field Accept-Encoding" => |seen, show| header(seen, "accept-encoding", show);
    "http.accept_language" Text "Header field Accept-Language" => |seen, show| header(seen, "accept-language", show);
    "http.authorization" Text "Header field Authorization" => |seen, show| header(seen, "authorization", show);
    "http.cache_control" Text "Header field Cache-Control" => |seen, show| header(seen, "cache-control", show);
    "http.connection" Text "Header field Connection" => |seen, show| header(seen, "connection", show);
    "http.content_encoding" Text "Header field Content-Encoding" => |seen, show| header(seen, "content-encoding", show);
    "http.date" Text "Header field Date" => |seen, show| header(seen, "date", show);
    "http.last_modified" Text "Header field Last-Modified" => |seen, show| header(seen, "last-modified", show);
    "http.set_cookie" Text "Header field Set-Cookie" => |seen, show| header(seen, "set-cookie", show);
    "http.transfer_encoding" Text "Header field Transfer-Encoding" => |seen, show| header(seen, "transfer-encoding", show);
    "http.upgrade" Text "Header field Upgrade" => |seen, show| header(seen, "upgrade", show);
    "http.sec_websocket_accept" Text "Header field Sec-WebSocket-Accept" => |seen, show| header(seen, "sec-websocket-accept", show);
    "http.sec_websocket_extensions" Text "Header field Sec-WebSocket-Extensions" => |seen, show| header(seen, "sec-websocket-extensions", show);
    "http.sec_websocket_key" Text "Header field Sec-WebSocket-Key" => |seen, show| header(seen, "sec-websocket-key", show);
    "http.sec_websocket_protocol" Text "Header field Sec-WebSocket-Protocol" => |seen, show| header(seen, "sec-websocket-protocol", show);
    "http.sec_websocket_version" Text "Header field Sec-WebSocket-Version" => |seen, show| header(seen, "sec-websocket-version", show);
    "http.www_authenticate" Text "Header field WWW-Authenticate" => |seen, show| header(seen, "www-authenticate", show);
    "http.x_forwarded_for" Text "Header field X-Forwarded-For" => |seen, show| header(seen, "x-forwarded-for", show);
    "http.request.line" Text "Each header field of a request, its end of line included" => |seen, show| lines(seen, true, show);
    "http.response.line" Text "Each header field of a response, its end of line included" => |seen, show| lines(seen, false, show);
    "http.request.uri.path" Text "Target of a request up to its question mark" => |seen, show| uri(seen, &mut |path, query| if query.is_some() { show(Value::Text(Cow::Borrowed(path)), None) });
    "http.request.uri.query" Text "Target of a request behind its question mark" => |seen, show| uri(seen, &mut |_, query| if let Some(query) = query { show(Value::Text(Cow::Borrowed(query)), None) });
    "http.request.uri.query.parameter" Text "Each part of that" => |seen, show| uri(seen, &mut |_, query| {
        for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            show(Value::Text(Cow::Borrowed(part)), None);
        }
    });
    "http.request.full_uri" Text "http://, the host and the target" => |seen, show| {
        let mut target = None;
        word(seen, true, 1, &mut |value, _| target = Some(value));
        header(seen, "host", &mut |host, _| if let Some(target) = &target {
            let full = if target.to_string().starts_with('/') { format!("http://{host}{target}") } else { target.to_string() };
            show(Value::Text(Cow::Owned(full)), None);
        });
    };
    "http.response.phrase" Text "What a response says in words" => |seen, show| {
        if let Some(line) = first_line(seen) && line.starts_with("HTTP/") && let Some(phrase) = line.splitn(3, ' ').nth(2) {
            show(Value::Text(Cow::Borrowed(phrase)), None);
        }
    };
};

/// The head of an HTTP message, where the payload begins with one.
pub(in crate::dissect) fn head<'a>(seen: &Seen<'a>) -> Option<&'a [u8]> {
    const METHODS: [&[u8]; 8] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"CONNECT ",
    ];
    let packet = seen.packet()?;
    let payload: &'a [u8] = &packet.payload;
    let response = payload.starts_with(b"HTTP/1.");
    let asks = METHODS.iter().any(|method| payload.starts_with(method));
    if !(response || asks) || packet.transport == Transport::Udp {
        return None;
    }
    let line = memchr::memchr(b'\n', payload.get(..8192).unwrap_or(payload));
    let first = payload.get(..line?)?;
    if !response && memchr::memmem::find(first, b" HTTP/1.").is_none() {
        return None;
    }
    let end = memchr::memmem::find(payload, b"\r\n\r\n").map_or(payload.len(), |at| at + 4);
    payload.get(..end)
}

fn range(seen: &Seen<'_>, part: &[u8]) -> Option<std::ops::Range<usize>> {
    let layer = seen.layers().transport?;
    Some(layer.payload..layer.payload + part.len())
}

fn first_line<'a>(seen: &Seen<'a>) -> Option<&'a str> {
    let line = head(seen)?.split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(line.trim_ascii()).ok()
}

fn word<'a>(seen: &Seen<'a>, request: bool, nth: usize, show: &mut Show<'_, 'a>) {
    if let Some(line) = first_line(seen)
        && line.starts_with("HTTP/") != request
        && let Some(word) = line.split(' ').nth(nth)
    {
        show(Value::Text(Cow::Borrowed(word)), None);
    }
}

fn header<'a>(seen: &Seen<'a>, name: &str, show: &mut Show<'_, 'a>) {
    let Some(head) = head(seen) else { return };
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        if let Some((field, value)) = line.split_once(':')
            && field.eq_ignore_ascii_case(name)
        {
            show(Value::Text(Cow::Borrowed(value.trim())), None);
        }
    }
}

/// The message, as far as the frame carries it.
fn message<'a>(seen: &Seen<'a>, head: &'a [u8]) -> Value<'a> {
    let payload: &'a [u8] = seen.packet().map_or(head, |packet| &packet.payload);
    Value::Label(payload, payload.len())
}

/// Shows the header fields of a request, or of a response, as they are written.
fn lines<'a>(seen: &Seen<'a>, request: bool, show: &mut Show<'_, 'a>) {
    let Some(head) = head(seen) else { return };
    if head.starts_with(b"HTTP/") == request {
        return;
    }
    for line in head.split_inclusive(|byte| *byte == b'\n').skip(1) {
        if let Ok(line) = std::str::from_utf8(line)
            && !line.trim().is_empty()
        {
            show(Value::Text(Cow::Borrowed(line)), None);
        }
    }
}

/// Shows path and query of a request's target.
fn uri<'a>(seen: &Seen<'a>, show: &mut dyn FnMut(&'a str, Option<&'a str>)) {
    if let Some(line) = first_line(seen)
        && !line.starts_with("HTTP/")
        && let Some(target) = line.split(' ').nth(1)
    {
        match target.split_once('?') {
            Some((path, query)) => show(path, Some(query)),
            None => show(target, None),
        }
    }
}
