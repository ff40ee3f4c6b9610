//! Values of fields.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::units::Timestamp;

/// What kind of values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only there or not: a protocol, a remark.
    Label,
    /// A whole number.
    Number,
    /// A whole number that is usually written in hexadecimal.
    Hex,
    /// True or false.
    Bool,
    /// Seconds.
    Seconds,
    /// A moment.
    Time,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// An Ethernet address.
    Ether,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
}

impl Kind {
    /// As `imgnet fields` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Number => "number",
            Self::Hex => "number (hex)",
            Self::Bool => "boolean",
            Self::Seconds => "seconds",
            Self::Time => "time",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Ether => "Ethernet address",
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
        }
    }
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// It is there. Of a protocol the bytes from its first one to the end of what it carries, and how many of them are its own.
    Label(&'a [u8], usize),
    /// A whole number; a frame's, a stream's.
    Number(i64),
    /// True or false.
    Bool(bool),
    /// Nanoseconds.
    Nanoseconds(i64),
    /// A moment.
    Time(Timestamp),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// An Ethernet address.
    Ether([u8; 6]),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
}

impl Value<'_> {
    /// Its bytes, for `contains` and `matches`; absent for numbers.
    pub fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        Some(match self {
            Self::Label(bytes, _) => Cow::Borrowed(*bytes),
            Self::Bytes(bytes) => Cow::Borrowed(bytes.as_ref()),
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Ether(address) => Cow::Borrowed(address.as_slice()),
            Self::Ipv4(address) => Cow::Owned(address.octets().to_vec()),
            Self::Ipv6(address) => Cow::Owned(address.octets().to_vec()),
            Self::Number(_) | Self::Bool(_) | Self::Nanoseconds(_) | Self::Time(_) => return None,
        })
    }

    /// Its bytes, for slices and lengths: of a protocol its own; absent for numbers.
    pub fn own_bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Label(bytes, own) => bytes.get(..*own).map(Cow::Borrowed),
            other => other.bytes(),
        }
    }

    /// The same, owned.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Label(..) => Value::Label(&[], 0),
            Self::Number(number) => Value::Number(number),
            Self::Bool(flag) => Value::Bool(flag),
            Self::Nanoseconds(time) => Value::Nanoseconds(time),
            Self::Time(time) => Value::Time(time),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Ether(address) => Value::Ether(address),
            Self::Ipv4(address) => Value::Ipv4(address),
            Self::Ipv6(address) => Value::Ipv6(address),
        }
    }

    /// As JSON.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Label(..) => serde_json::Value::Bool(true),
            Self::Time(time) => time.to_string().into(),
            Self::Number(number) => (*number).into(),
            Self::Bool(flag) => (*flag).into(),
            other => other.to_string().into(),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(..) => f.write_str("1"),
            Self::Number(number) => number.fmt(f),
            Self::Bool(flag) => u8::from(*flag).fmt(f),
            Self::Nanoseconds(time) => f.write_str(&seconds(*time)),
            Self::Time(time) => write_moment(f, *time),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => write_hex(f, bytes, None),
            Self::Ether(address) => write_hex(f, address, Some(':')),
            Self::Ipv4(address) => address.fmt(f),
            Self::Ipv6(address) => address.fmt(f),
        }
    }
}

/// As Wireshark writes it: `Nov 20, 2026 11:15:01.574065000 UTC`.
fn write_moment(f: &mut fmt::Formatter<'_>, time: Timestamp) -> fmt::Result {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(time.0)).map_err(|_| fmt::Error)?;
    write!(f, "{}", moment.strftime("%b %e, %Y %H:%M:%S.%9f UTC"))
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8], between: Option<char>) -> fmt::Result {
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0
            && let Some(between) = between
        {
            f.write_char(between)?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

/// Nanoseconds as seconds with nine decimals, as Wireshark writes them.
pub(crate) fn seconds(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let whole = nanoseconds.unsigned_abs();
    format!(
        "{sign}{}.{:09}",
        whole / 1_000_000_000,
        whole % 1_000_000_000
    )
}

impl From<IpAddr> for Value<'static> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ipv4(address),
            IpAddr::V6(address) => Self::Ipv6(address),
        }
    }
}
