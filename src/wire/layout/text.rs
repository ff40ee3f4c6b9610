//! The line that describes a layout: reading it, with a caret under a mistake, and writing it.

use std::fmt;
use std::str::FromStr;

use super::{
    Check, Counts, Field, Fill, Kind, LONGEST, Layout, MOST_FIELDS, Payload, PixelOrder, Pixels,
    Role, Shape,
};

/// A line that describes no layout. Its text shows the line and a caret under the mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}\n  {line}\n  {}^", self.message, " ".repeat(self.line.get(..self.at).unwrap_or_default().chars().count()))]
pub struct BadLayout {
    /// The line, on one line.
    pub line: String,
    /// Where the mistake is, in bytes.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// Words for roles, in the order of the documentation.
const ROLES: [(&str, Role); 28] = [
    ("length", Role::Length(Counts::Picture)),
    ("length(bits)", Role::Length(Counts::Bits)),
    ("length(rest)", Role::Length(Counts::Rest)),
    ("length(all)", Role::Length(Counts::All)),
    ("count", Role::Count),
    ("index", Role::Index),
    ("left", Role::Left),
    ("number", Role::Number),
    ("frame", Role::Frame),
    ("offset", Role::Offset),
    ("total", Role::Total),
    ("last", Role::Last),
    ("more", Role::More),
    ("width", Role::Width),
    ("height", Role::Height),
    ("channels", Role::Channels),
    ("pixel-type", Role::PixelType),
    ("time", Role::Time),
    ("name-length", Role::NameLength),
    ("name", Role::Name),
    ("crc32", Role::Check(Check::Crc32)),
    ("crc16", Role::Check(Check::Crc16)),
    ("crc16-ccitt", Role::Check(Check::Crc16Ccitt)),
    ("adler32", Role::Check(Check::Adler32)),
    ("sum", Role::Check(Check::Sum)),
    ("md5", Role::Check(Check::Md5)),
    ("sha1", Role::Check(Check::Sha1)),
    ("sha256", Role::Check(Check::Sha256)),
];

const ORDERS: [(&str, PixelOrder); 7] = [
    ("bgr", PixelOrder::Bgr),
    ("rgb", PixelOrder::Rgb),
    ("bgra", PixelOrder::Bgra),
    ("rgba", PixelOrder::Rgba),
    ("grey", PixelOrder::Grey),
    ("rgb565", PixelOrder::Rgb565),
    ("any", PixelOrder::Any),
];

const FILLS: [(&str, Fill); 4] = [
    ("", Fill::SpacesBehind),
    (" right", Fill::SpacesBefore),
    (" zeros", Fill::Zeros),
    (" nul", Fill::Nul),
];

/// The word for a role; absent where a field says nothing.
pub(crate) fn word(role: Role) -> Option<&'static str> {
    ROLES
        .iter()
        .find(|(_, known)| *known == role)
        .map(|(word, _)| *word)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = |bytes: u8, big_endian: bool| match (bytes, big_endian) {
            (1, _) => "",
            (_, true) => "be",
            (_, false) => "le",
        };
        match self {
            Self::Int {
                bytes,
                big_endian,
                signed,
            } => {
                let letter = if *signed { 'i' } else { 'u' };
                let bits = u32::from(*bytes) * 8;
                write!(f, "{letter}{bits}{}", order(*bytes, *big_endian))
            }
            Self::Float { bytes, big_endian } => {
                let bits = u32::from(*bytes) * 8;
                write!(f, "f{bits}{}", order(*bytes, *big_endian))
            }
            Self::Varint => f.write_str("varint"),
            Self::Decimal(shape) => write!(f, "dec{shape}"),
            Self::Hex(shape) => write!(f, "hex{shape}"),
            Self::Text(shape) => write!(f, "text{shape}"),
            Self::Fixed(bytes) => quoted(bytes, f),
            Self::Bytes(count) => write!(f, "bytes({count})"),
            Self::Pad(unit) => write!(f, "pad({unit})"),
            Self::Picture(Payload::File) => f.write_str("picture"),
            Self::Picture(Payload::ToEnd) => f.write_str("picture(to end)"),
            Self::Picture(Payload::Until(end)) => {
                f.write_str("picture(until ")?;
                quoted(end, f)?;
                f.write_str(")")
            }
            Self::Picture(Payload::Pieces) => f.write_str("pieces"),
            Self::Picture(Payload::Pixels(Pixels { order, size })) => {
                let name = ORDERS
                    .iter()
                    .find(|(_, known)| known == order)
                    .map_or("any", |(name, _)| name);
                match size {
                    Some((width, height)) => write!(f, "pixels({name} {width}x{height})"),
                    None => write!(f, "pixels({name})"),
                }
            }
            Self::Data(None) => f.write_str("data"),
            Self::Data(Some(bytes)) => write!(f, "data({bytes})"),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare => Ok(()),
            Self::Fixed(width, fill) => {
                let fill = FILLS
                    .iter()
                    .find(|(_, known)| known == fill)
                    .map_or("", |(name, _)| name);
                write!(f, "({width}{fill})")
            }
            Self::Until(end) => {
                f.write_str("(until ")?;
                quoted(end, f)?;
                f.write_str(")")
            }
            Self::Prefixed(kind) => write!(f, "({kind})"),
            Self::NameLength => f.write_str("(name-length)"),
        }
    }
}

/// Bytes as a quoted text where they read as one, else in hexadecimal.
fn quoted(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let plain = |byte: &u8| (0x20..0x7f).contains(byte) || matches!(byte, b'\n' | b'\r' | b'\t');
    if !bytes.is_empty() && bytes.iter().all(plain) {
        f.write_str("\"")?;
        for byte in bytes {
            match byte {
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                b'"' => f.write_str("\\\"")?,
                b'\\' => f.write_str("\\\\")?,
                other => write!(f, "{}", char::from(*other))?,
            }
        }
        return f.write_str("\"");
    }
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if let Some(word) = word(self.role) {
            write!(f, " {word}")?;
        }
        match self.plus {
            0 => Ok(()),
            plus => write!(f, "{plus:+}"),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("layout")?;
        let mut between = if self.datagrams { " udp; " } else { " " };
        let sections = [
            ("once: ", &self.once),
            ("", &self.message),
            ("piece: ", &self.piece),
            ("end: ", &self.end),
            ("answer: ", &self.answer),
        ];
        for (label, fields) in sections {
            if fields.is_empty() {
                continue;
            }
            write!(f, "{between}{label}")?;
            between = "; ";
            for (at, field) in fields.iter().enumerate() {
                write!(f, "{}{field}", if at == 0 { "" } else { ", " })?;
            }
        }
        Ok(())
    }
}

/// The line as it is read.
struct Reader<'t> {
    line: &'t str,
    at: usize,
}

type Read<T> = Result<T, BadLayout>;

impl<'t> Reader<'t> {
    fn wrong<T>(&self, message: impl Into<String>) -> Read<T> {
        self.wrong_at(self.at, message)
    }

    fn wrong_at<T>(&self, at: usize, message: impl Into<String>) -> Read<T> {
        Err(BadLayout {
            line: self.line.to_owned(),
            at,
            message: message.into(),
        })
    }

    fn rest(&self) -> &'t str {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes this, if it comes next.
    fn take(&mut self, what: &str) -> bool {
        let found = self.rest().starts_with(what);
        if found {
            self.at += what.len();
        }
        found
    }

    fn expect(&mut self, what: &str) -> Read<()> {
        self.space();
        if self.take(what) {
            Ok(())
        } else {
            self.wrong(format!("expected {what:?} here"))
        }
    }

    /// A word of letters, digits and hyphens; empty where none comes.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'))
            .unwrap_or(rest.len());
        // A hyphen that ends it, or that a digit follows, belongs to what comes after it.
        let word = rest.get(..end).unwrap_or_default();
        let word = match word.char_indices().rev().find(|(_, letter)| *letter == '-') {
            Some((at, _))
                if word
                    .get(at + 1..)
                    .is_some_and(|after| after.chars().all(|c| c.is_ascii_digit())) =>
            {
                word.get(..at).unwrap_or_default()
            }
            _ => word,
        };
        self.at += word.len();
        word
    }

    fn number(&mut self, most: u32) -> Read<u32> {
        self.space();
        let from = self.at;
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        self.at += digits;
        match rest.get(..digits).unwrap_or_default().parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => self.wrong_at(from, format!("expected a number from 1 to {most} here")),
        }
    }

    /// A quoted text, or bytes in hexadecimal; nothing where neither comes.
    fn bytes(&mut self) -> Read<Option<Vec<u8>>> {
        let from = self.at;
        if self.take("0x") {
            let word = self.word();
            let digits = word.as_bytes();
            let bytes: Option<Vec<u8>> = digits
                .chunks(2)
                .map(|pair| {
                    let pair = std::str::from_utf8(pair)
                        .ok()
                        .filter(|pair| pair.len() == 2)?;
                    u8::from_str_radix(pair, 16).ok()
                })
                .collect();
            return match bytes {
                Some(bytes) if !bytes.is_empty() && bytes.len() <= LONGEST => Ok(Some(bytes)),
                _ => self.wrong_at(from, "expected two hexadecimal digits a byte, as 0xffd8"),
            };
        }
        if !self.take("\"") {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let mut letters = self.rest().char_indices();
        while let Some((at, letter)) = letters.next() {
            let byte = match letter {
                '"' if bytes.is_empty() => {
                    return self.wrong_at(from, "an empty text says nothing");
                }
                '"' if bytes.len() > LONGEST => {
                    return self.wrong_at(from, format!("more than {LONGEST} bytes"));
                }
                '"' => {
                    self.at += at + 1;
                    return Ok(Some(bytes));
                }
                '\\' => match letters.next() {
                    Some((_, 'n')) => b'\n',
                    Some((_, 'r')) => b'\r',
                    Some((_, 't')) => b'\t',
                    Some((_, '0')) => 0,
                    Some((_, '"')) => b'"',
                    Some((_, '\\')) => b'\\',
                    _ => {
                        return self
                            .wrong_at(self.at + at, "known are \\n, \\r, \\t, \\0, \\\" and \\\\");
                    }
                },
                other => {
                    let mut room = [0; 4];
                    bytes.extend_from_slice(other.encode_utf8(&mut room).as_bytes());
                    continue;
                }
            };
            bytes.push(byte);
        }
        self.wrong_at(from, "this text has no end: expected \"")
    }

    fn must_bytes(&mut self) -> Read<Box<[u8]>> {
        self.space();
        match self.bytes()? {
            Some(bytes) => Ok(bytes.into()),
            None => self.wrong("expected a text in quotes, or bytes as 0x0a"),
        }
    }

    /// What stands in parentheses behind `dec`, `hex` or `text`.
    fn shape(&mut self) -> Read<Shape> {
        if !self.take("(") {
            return Ok(Shape::Bare);
        }
        self.space();
        let shape = if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            let width = self.number(u32::try_from(LONGEST).unwrap_or(u32::MAX))?;
            self.space();
            let from = self.at;
            let fill = match self.word() {
                "" => Fill::SpacesBehind,
                "right" => Fill::SpacesBefore,
                "zeros" => Fill::Zeros,
                "nul" => Fill::Nul,
                _ => return self.wrong_at(from, "expected right, zeros, nul or \")\""),
            };
            Shape::Fixed(width, fill)
        } else if self.rest().starts_with('"') || self.rest().starts_with("0x") {
            Shape::Until(self.must_bytes()?)
        } else {
            let from = self.at;
            match self.word() {
                "until" => Shape::Until(self.must_bytes()?),
                "name-length" => Shape::NameLength,
                word => match binary(word) {
                    Some(kind @ (Kind::Int { signed: false, .. } | Kind::Varint)) => {
                        Shape::Prefixed(Box::new(kind))
                    }
                    _ => {
                        return self.wrong_at(
                            from,
                            "expected a width, until \"…\", name-length, or the number in front of it (u8, u16be, varint, …)",
                        );
                    }
                },
            }
        };
        self.expect(")")?;
        Ok(shape)
    }

    fn kind(&mut self) -> Read<Kind> {
        self.space();
        let from = self.at;
        if let Some(bytes) = self.bytes()? {
            return Ok(Kind::Fixed(bytes.into()));
        }
        let word = self.word();
        let kind = match word {
            "dec" => Kind::Decimal(self.shape()?),
            "hex" => Kind::Hex(self.shape()?),
            "text" => Kind::Text(self.shape()?),
            "bytes" => {
                self.expect("(")?;
                let count = self.number(u32::try_from(LONGEST).unwrap_or(u32::MAX))?;
                self.expect(")")?;
                Kind::Bytes(count)
            }
            "pad" => {
                self.expect("(")?;
                let unit = self.number(u32::try_from(LONGEST).unwrap_or(u32::MAX))?;
                self.expect(")")?;
                Kind::Pad(unit)
            }
            "pieces" => Kind::Picture(Payload::Pieces),
            "picture" => Kind::Picture(self.picture()?),
            "pixels" => Kind::Picture(Payload::Pixels(self.pixels()?)),
            "data" => Kind::Data(if self.take("(") {
                let bytes = self.number(1 << 24)?;
                self.expect(")")?;
                Some(bytes)
            } else {
                None
            }),
            _ => match binary(word) {
                Some(kind) => kind,
                None => {
                    return self.wrong_at(
                        from,
                        "expected a field here: u8 to u64be, i32le, f32be, varint, dec, hex, text, bytes(N), \"text\", 0x…, \
                         picture, pixels, pieces or data",
                    );
                }
            },
        };
        Ok(kind)
    }

    fn picture(&mut self) -> Read<Payload> {
        if !self.take("(") {
            return Ok(Payload::File);
        }
        self.space();
        let from = self.at;
        let payload = match self.word() {
            "to" => {
                self.expect("end")?;
                Payload::ToEnd
            }
            "until" => Payload::Until(self.must_bytes()?),
            _ => return self.wrong_at(from, "expected \"to end\" or until \"…\""),
        };
        self.expect(")")?;
        Ok(payload)
    }

    fn pixels(&mut self) -> Read<Pixels> {
        self.expect("(")?;
        self.space();
        let from = self.at;
        let word = self.word();
        let Some(&(_, order)) = ORDERS.iter().find(|(name, _)| *name == word) else {
            return self.wrong_at(from, "expected bgr, rgb, bgra, rgba, grey, rgb565 or any");
        };
        self.space();
        let size = if self.rest().starts_with(')') {
            None
        } else {
            let width = self.number(1 << 16)?;
            self.expect("x")?;
            Some((width, self.number(1 << 16)?))
        };
        self.expect(")")?;
        Ok(Pixels { order, size })
    }

    fn field(&mut self) -> Read<Field> {
        let kind = self.kind()?;
        self.space();
        let from = self.at;
        let word = self.word();
        let role = if word.is_empty() {
            Role::None
        } else {
            let mut name = word.to_owned();
            if word == "length" && self.take("(") {
                let inner = self.word();
                name = format!("{word}({inner})");
                self.expect(")")?;
            }
            let Some((_, role)) = ROLES.iter().find(|(known, _)| *known == name) else {
                let known: Vec<&str> = ROLES.iter().map(|(word, _)| *word).collect();
                return self.wrong_at(
                    from,
                    format!("{name:?} is no role; known: {}", known.join(", ")),
                );
            };
            *role
        };
        self.space();
        let sign = self.at;
        let minus = self.take("-");
        let plus = if minus || self.take("+") {
            let number = i64::from(self.number(1 << 20)?);
            if minus { -number } else { number }
        } else {
            0
        };
        let payload = matches!(
            kind,
            Kind::Picture(_) | Kind::Data(_) | Kind::Fixed(_) | Kind::Pad(_)
        );
        if payload && role != Role::None {
            return self.wrong_at(
                from,
                "a picture, fixed bytes and what fills up say nothing else",
            );
        }
        if plus != 0 && !numeric(&kind, role) {
            return self.wrong_at(
                sign,
                "only a number that says something can be off by a constant",
            );
        }
        if let Role::Name = role
            && !matches!(kind, Kind::Text(_))
        {
            return self.wrong_at(from, "a name is a text");
        }
        Ok(Field { kind, role, plus })
    }

    fn fields(&mut self) -> Read<Vec<Field>> {
        let mut fields = vec![self.field()?];
        loop {
            self.space();
            if !self.take(",") {
                return Ok(fields);
            }
            fields.push(self.field()?);
        }
    }
}

/// Whether a field is a number that says something that can be counted.
fn numeric(kind: &Kind, role: Role) -> bool {
    matches!(
        kind,
        Kind::Int { .. } | Kind::Varint | Kind::Decimal(_) | Kind::Hex(_)
    ) && matches!(
        role,
        Role::Length(_)
            | Role::Count
            | Role::Index
            | Role::Left
            | Role::Number
            | Role::Frame
            | Role::Offset
            | Role::Total
            | Role::NameLength
    )
}

/// The binary kinds, by their words.
fn binary(word: &str) -> Option<Kind> {
    if matches!(word, "varint" | "7-bit" | "7bit") {
        return Some(Kind::Varint);
    }
    let (letter, rest) = word.split_at_checked(1)?;
    let (bits, big_endian) = match rest {
        "8" => (rest, true),
        _ => match rest.strip_suffix("be") {
            Some(bits) => (bits, true),
            None => (rest.strip_suffix("le")?, false),
        },
    };
    let bytes = match bits {
        "8" if rest == "8" => 1,
        "16" => 2,
        "24" => 3,
        "32" => 4,
        "48" => 6,
        "64" => 8,
        _ => return None,
    };
    match (letter, bytes) {
        ("u", _) => Some(Kind::Int {
            bytes,
            big_endian,
            signed: false,
        }),
        ("i", _) => Some(Kind::Int {
            bytes,
            big_endian,
            signed: true,
        }),
        ("f", 4 | 8) => Some(Kind::Float { bytes, big_endian }),
        _ => None,
    }
}

impl FromStr for Layout {
    type Err = BadLayout;

    /// Reads a line, or the text of a file: line breaks are spaces, and what stands behind a `#` is a comment.
    fn from_str(text: &str) -> Result<Self, BadLayout> {
        let line = one_line(text);
        let mut reader = Reader { line: &line, at: 0 };
        reader.space();
        if reader.rest().starts_with("layout") {
            reader.at += "layout".len();
        }
        let mut layout = Self::default();
        reader.space();
        let udp = reader.at;
        if reader.word() == "udp" {
            layout.datagrams = true;
            reader.expect(";")?;
        } else {
            reader.at = udp;
        }
        loop {
            reader.space();
            let from = reader.at;
            let label = reader.word();
            let section = if !label.is_empty() && reader.take(":") {
                match label {
                    "once" => &mut layout.once,
                    "message" | "head" => &mut layout.message,
                    "piece" => &mut layout.piece,
                    "end" => &mut layout.end,
                    "answer" => &mut layout.answer,
                    _ => {
                        return reader.wrong_at(
                            from,
                            format!(
                                "{label:?} is no section; known: once, message, piece, end, answer"
                            ),
                        );
                    }
                }
            } else {
                reader.at = from;
                &mut layout.message
            };
            if !section.is_empty() {
                return reader.wrong_at(from, "this section is there already");
            }
            *section = reader.fields()?;
            reader.space();
            if reader.rest().is_empty() {
                break;
            }
            if !reader.take(";") {
                return reader.wrong("expected \",\" and a field, \";\" and a section, or the end");
            }
            reader.space();
            if reader.rest().is_empty() {
                break;
            }
        }
        match sound(&layout) {
            Some(message) => reader.wrong_at(0, message),
            None => Ok(layout),
        }
    }
}

/// One line without comments.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for part in text.lines() {
        let mut quoted = false;
        let mut escaped = false;
        let end = part
            .char_indices()
            .find(|&(_, letter)| {
                let comment = letter == '#' && !quoted;
                quoted ^= letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                comment
            })
            .map_or(part.len(), |(at, _)| at);
        let part = part.get(..end).unwrap_or(part).trim();
        if !part.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(part);
        }
    }
    line
}

/// What makes a layout one that nothing can be read by.
fn sound(layout: &Layout) -> Option<&'static str> {
    let all = [
        &layout.once,
        &layout.message,
        &layout.piece,
        &layout.end,
        &layout.answer,
    ];
    let payloads = |fields: &[Field]| {
        fields
            .iter()
            .filter(|field| matches!(field.kind, Kind::Picture(_)))
            .count()
    };
    let data = |fields: &[Field]| {
        fields
            .iter()
            .filter(|field| matches!(field.kind, Kind::Data(_)))
            .count()
    };
    if all.iter().map(|fields| fields.len()).sum::<usize>() > MOST_FIELDS {
        return Some("a layout of so many fields is not read");
    }
    let outside = [&layout.once, &layout.piece, &layout.end, &layout.answer];
    if outside.iter().any(|fields| payloads(fields) > 0) || payloads(&layout.message) > 1 {
        return Some("a message has one picture, and no other section has any");
    }
    let outside = [&layout.once, &layout.message, &layout.end, &layout.answer];
    if outside.iter().any(|fields| data(fields) > 0) {
        return Some("\"data\" stands in the section \"piece\"");
    }
    if !layout.piece.is_empty() && data(&layout.piece) != 1 {
        return Some("the section \"piece\" has \"data\" once");
    }
    let pad = |field: &Field| matches!(field.kind, Kind::Pad(_));
    let before = layout
        .message
        .iter()
        .take_while(|field| !matches!(field.kind, Kind::Picture(_)));
    let mut elsewhere = [&layout.once, &layout.piece, &layout.end, &layout.answer]
        .into_iter()
        .flatten()
        .chain(before);
    if elsewhere.any(pad) || layout.datagrams && layout.message.iter().any(pad) {
        return Some("\"pad\" stands behind the picture of a message, in a stream");
    }
    let pieces = matches!(layout.payload(), Some(Payload::Pieces));
    let told = payloads(&layout.message) == 1;
    match (layout.datagrams, told, layout.piece.is_empty()) {
        (_, false, true) => Some(
            "nothing says where the picture is: \"picture\", \"pixels\", or \"pieces\" and a section \"piece\"",
        ),
        (false, false, false) => Some(
            "\"pieces\" has to stand in the message, where the pieces of the section \"piece\" come",
        ),
        (false, true, true) if pieces => Some("\"pieces\" asks for a section \"piece\""),
        (false, true, false) if !pieces => {
            Some("the section \"piece\" asks for \"pieces\" in place of the picture")
        }
        (true, true, false) => Some(
            "over datagrams the pieces come in datagrams of their own: leave out the picture of the message",
        ),
        (true, true, true) if pieces => {
            Some("over datagrams \"pieces\" is left out: the section \"piece\" says it")
        }
        _ => None,
    }
}
