//! What is compared: a field or a part of it, functions, arithmetic.

use super::super::constant::Constant;
use super::super::lex::Token;
use super::super::{Function, Operand, Part, Sign, Slice};
use super::{DEEPEST, Parsed, Parser};
use crate::dissect::fields::{self, Field};
use crate::dissect::value::Kind;

/// What stands on the left of an operand, and of what kind it is: numbers beside it are read as it wants them.
pub(super) type Beside<'o> = Option<(&'o Operand, Kind)>;

impl Parser<'_> {
    /// An operand with its arithmetic: `&` binds least, as in Wireshark, then `+ -`, then `* / %`.
    pub(super) fn operand(&mut self, beside: Beside<'_>) -> Parsed<Operand> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong("nested too deeply"));
        }
        let mut left = self.sum(beside)?;
        while self.take("&", "bitwise_and") || self.take("", "bitand") {
            let kind = kind(&left);
            if !matches!(
                kind,
                Kind::Number | Kind::Hex | Kind::Bytes | Kind::Ether | Kind::Ipv4 | Kind::Ipv6
            ) {
                return Err(self.wrong("& wants a number, an address or bytes on its left"));
            }
            let right = self.sum(Some((&left, kind)))?;
            left = self.joined(left, Sign::And, right)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn sum(&mut self, beside: Beside<'_>) -> Parsed<Operand> {
        let mut left = self.product(beside)?;
        loop {
            let sign = if self.take("+", "") {
                Sign::Add
            } else if self.take("", "-") {
                Sign::Subtract
            } else {
                return Ok(left);
            };
            let kind = kind(&left);
            if !matches!(kind, Kind::Number | Kind::Hex | Kind::Seconds) {
                return Err(self.wrong("+ and - want a number or seconds on their left"));
            }
            let right = self.product(Some((&left, kind)))?;
            left = self.joined(left, sign, right)?;
        }
    }

    fn product(&mut self, beside: Beside<'_>) -> Parsed<Operand> {
        let mut left = self.one(beside)?;
        loop {
            let sign = if self.take("*", "") {
                Sign::Multiply
            } else if self.take("", "/") {
                Sign::Divide
            } else if self.take("%", "") {
                Sign::Remainder
            } else {
                return Ok(left);
            };
            if !matches!(kind(&left), Kind::Number | Kind::Hex) {
                return Err(self.wrong("*, / and % want a whole number on their left"));
            }
            let right = self.one(Some((&left, Kind::Number)))?;
            left = self.joined(left, sign, right)?;
        }
    }

    fn joined(&self, left: Operand, sign: Sign, right: Operand) -> Parsed<Operand> {
        if comparable(kind(&left), kind(&right)) {
            return Ok(Operand::Arithmetic(Box::new(left), sign, Box::new(right)));
        }
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        let at = before.map_or(0..0, |(_, at)| at.clone());
        let message = format!(
            "{} and {} do not go together",
            kind(&left).name(),
            kind(&right).name()
        );
        Err(self.mistake(at, message))
    }

    /// One operand without arithmetic around it.
    pub(super) fn one(&mut self, beside: Beside<'_>) -> Parsed<Operand> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong("nested too deeply"));
        }
        let operand = if self.take("{", "") {
            let inner = self.operand(beside)?;
            self.expect("}", "expected } here")?;
            inner
        } else {
            self.field_or_value(beside)?
        };
        self.depth -= 1;
        Ok(operand)
    }

    fn field_or_value(&mut self, beside: Beside<'_>) -> Parsed<Operand> {
        if self.take("@", "") {
            return self.field(true);
        }
        let next = self.peek().cloned();
        let Some((Token::Word(word), at)) = next else {
            if let Some((left, wanted)) = beside {
                return self.constant(Some(left), wanted).map(Operand::Constant);
            }
            return Err(self.wrong(match next {
                None => "expected a field here, the filter ends too early",
                Some(_) => "expected a field here",
            }));
        };
        if let Some(function) = function(&word)
            && matches!(self.tokens.get(self.at + 1), Some((Token::Sign("("), _)))
        {
            self.at += 2;
            return self.call(function, at);
        }
        if fields::find(&word).is_some() {
            return self.field(false);
        }
        if let Some(rest) = word.strip_prefix('-')
            && !rest.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        {
            return self.negative(rest, at);
        }
        match beside {
            // A word that is no number may be a field that is written wrong.
            Some((left, wanted)) => self.constant(Some(left), wanted).map(Operand::Constant),
            None => self.field(false),
        }
    }

    /// `-` before what is no number: the token is taken for `rest`.
    fn negative(&mut self, rest: &str, at: std::ops::Range<usize>) -> Parsed<Operand> {
        let inner = if rest.is_empty() {
            self.at += 1;
            self.one(None)?
        } else if let Some(function) = function(rest)
            && matches!(self.tokens.get(self.at + 1), Some((Token::Sign("("), _)))
        {
            self.at += 2;
            self.call(function, at.clone())?
        } else {
            self.part_of(rest, false, at.start + 1..at.end)?
        };
        if !matches!(kind(&inner), Kind::Number | Kind::Hex | Kind::Seconds) {
            return Err(self.mistake(at, "- wants a number behind it"));
        }
        Ok(Operand::Negative(Box::new(inner)))
    }

    fn call(&mut self, function: Function, at: std::ops::Range<usize>) -> Parsed<Operand> {
        let mut given: Vec<Operand> = Vec::new();
        loop {
            let beside = given.first().cloned();
            let beside = beside.as_ref().map(|first| (first, kind(first)));
            given.push(self.operand(beside)?);
            let several = matches!(function, Function::Max | Function::Min);
            if !(several && self.take(",", "")) {
                break;
            }
        }
        self.expect(")", "expected ) here")?;
        for one in &given {
            let fits = match (function, kind(one)) {
                (Function::Count, _) => field_of(one).is_some(),
                (Function::Length, kind) => {
                    let whole = matches!(one, Operand::Field(part) if part.width().is_some());
                    let numeric = matches!(
                        kind,
                        Kind::Number | Kind::Hex | Kind::Seconds | Kind::Bool | Kind::Time
                    );
                    whole || !numeric
                }
                (Function::Lower | Function::Upper, kind) => kind == Kind::Text,
                // How Wireshark writes bytes depends on the field.
                (Function::String, kind) => !matches!(kind, Kind::Label | Kind::Bytes),
                (Function::Abs, kind) => {
                    matches!(kind, Kind::Number | Kind::Hex | Kind::Seconds)
                }
                (Function::Max | Function::Min, kind_of_it) => {
                    kind_of_it != Kind::Label
                        && given
                            .first()
                            .is_some_and(|first| comparable(kind(first), kind_of_it))
                }
            };
            if !fits {
                let message = format!(
                    "{}() does not take {} here",
                    function.name(),
                    kind(one).name()
                );
                return Err(self.mistake(at, message));
            }
        }
        Ok(Operand::Function(function, given))
    }

    /// A field with its layers and slices.
    fn field(&mut self, raw: bool) -> Parsed<Operand> {
        let Some((Token::Word(word), at)) = self.peek().cloned() else {
            return Err(self.wrong("expected a field here"));
        };
        self.part_of(&word, raw, at)
    }

    /// The same where the token that comes next is this word, or ends with it.
    fn part_of(&mut self, word: &str, raw: bool, at: std::ops::Range<usize>) -> Parsed<Operand> {
        let Some(field) = fields::find(word) else {
            let message = match fields::nearest(word) {
                Some(name) => format!("there is no field {word}; did you mean {name}?"),
                None => format!("there is no field {word}; imgnet fields lists them"),
            };
            return Err(self.mistake(at, message));
        };
        self.at += 1;
        let mut part = Part {
            field,
            raw,
            layers: Vec::new(),
            slices: Vec::new(),
        };
        if matches!(self.peek(), Some((Token::Sign("#"), _))) {
            part.layers = self.layers()?;
        }
        while let Some((Token::Slice(inner), at)) = self.peek().cloned() {
            let sliceable = raw
                || matches!(
                    field.kind,
                    Kind::Bytes | Kind::Label | Kind::Text | Kind::Ether | Kind::Ipv4 | Kind::Ipv6
                );
            if !sliceable {
                let message = format!(
                    "{} is a {}: it has no bytes; @{}[…] takes those in which it lies",
                    field.name,
                    field.kind.name(),
                    field.name
                );
                return Err(self.mistake(at, message));
            }
            for text in inner.split(',') {
                let slice = slice(text.trim()).ok_or_else(|| {
                    self.mistake(
                        at.clone(),
                        "expected a slice: [start:length], [first-last], [index], [:length] or [start:]",
                    )
                })?;
                part.slices.push(slice);
            }
            self.at += 1;
        }
        Ok(Operand::Field(part))
    }

    /// `#1`, `#[-1]`, `#[1-3,5:]`: the layers in which a field is looked for.
    fn layers(&mut self) -> Parsed<Vec<(i64, i64)>> {
        let wrong = "expected a layer behind #, from 1: #2, #[1-3], #[-1] for the innermost";
        let mistake = self.wrong(wrong);
        self.at += 1;
        let text = match self.peek() {
            Some((Token::Word(text) | Token::Slice(text), _)) => text.clone(),
            _ => return Err(mistake),
        };
        let mut layers = Vec::new();
        for one in text.split(',') {
            let one = slice(one.trim()).filter(|slice| slice.start != 0);
            let Some(Slice { start, length }) = one else {
                return Err(mistake);
            };
            let last = match length {
                None => i64::MAX,
                Some(length) => {
                    let more = i64::try_from(length).unwrap_or(i64::MAX) - 1;
                    start.saturating_add(more)
                }
            };
            layers.push((start, last));
        }
        self.at += 1;
        Ok(layers)
    }
}

/// What kind of value an operand has.
pub(super) fn kind(operand: &Operand) -> Kind {
    match operand {
        Operand::Field(part) => match part.field.kind {
            _ if part.raw => Kind::Bytes,
            Kind::Text => Kind::Text,
            _ if !part.slices.is_empty() => Kind::Bytes,
            kind => kind,
        },
        Operand::Constant(constant) => match constant {
            Constant::Number(_) => Kind::Number,
            Constant::Bool(_) => Kind::Bool,
            Constant::Nanoseconds(_) => Kind::Seconds,
            Constant::Time(_) => Kind::Time,
            Constant::Text(_) | Constant::Pattern(_) => Kind::Text,
            Constant::Bytes(_) => Kind::Bytes,
            Constant::Ipv4(..) => Kind::Ipv4,
            Constant::Ipv6(..) => Kind::Ipv6,
        },
        Operand::Function(Function::Length | Function::Count, _) => Kind::Number,
        Operand::Function(Function::Lower | Function::Upper | Function::String, _) => Kind::Text,
        Operand::Function(Function::Max | Function::Min | Function::Abs, given) => {
            given.first().map_or(Kind::Number, kind)
        }
        // Bits of an address are no address.
        Operand::Arithmetic(left, Sign::And, _) if kind(left) == Kind::Ether => Kind::Bytes,
        Operand::Arithmetic(left, ..) => kind(left),
        Operand::Negative(inner) => kind(inner),
    }
}

/// The field that an operand is, or a part of it.
pub(super) fn field_of(operand: &Operand) -> Option<&'static Field> {
    match operand {
        Operand::Field(part) => Some(part.field),
        _ => None,
    }
}

/// Whether values of two kinds can be compared.
pub(super) fn comparable(a: Kind, b: Kind) -> bool {
    let class = |kind| match kind {
        Kind::Number | Kind::Hex => 0,
        Kind::Bytes | Kind::Label | Kind::Ether => 1,
        Kind::Bool => 2,
        Kind::Seconds => 3,
        Kind::Text => 4,
        Kind::Ipv4 => 5,
        Kind::Ipv6 => 6,
        Kind::Time => 7,
    };
    class(a) == class(b)
}

pub(super) fn function(word: &str) -> Option<Function> {
    Function::ALL
        .into_iter()
        .find(|function| function.name() == word)
}

/// The number that a name stands for in a field; absent where it stands for none.
pub(super) fn named(field: &Field, token: &Token) -> Option<Constant> {
    let word = match token {
        Token::Word(word) => word.as_str(),
        Token::Quoted(bytes) => std::str::from_utf8(bytes).ok()?,
        _ => return None,
    };
    field
        .names()
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map(|(_, number)| Constant::Number(*number))
}

/// `[start:length]`, `[first-last]`, `[index]`, `[:length]`, `[start:]`.
fn slice(text: &str) -> Option<Slice> {
    if let Some((start, length)) = text.split_once(':') {
        let start = match start.trim() {
            "" => 0,
            start => start.parse().ok()?,
        };
        let length = match length.trim() {
            "" => None,
            length => Some(length.parse().ok().filter(|length| *length > 0)?),
        };
        return Some(Slice { start, length });
    }
    let after_sign = text.strip_prefix('-').map_or(0, |_| 1);
    if let Some(dash) = text.get(after_sign..)?.find('-') {
        let (first, last) = text.split_at_checked(after_sign + dash)?;
        let first: i64 = first.trim().parse().ok()?;
        let last: i64 = last.get(1..)?.trim().parse().ok()?;
        let length = u64::try_from(last.checked_sub(first)?.checked_add(1)?).ok()?;
        return Some(Slice {
            start: first,
            length: Some(length).filter(|length| *length > 0 && first >= 0),
        })
        .filter(|slice| slice.length.is_some());
    }
    Some(Slice {
        start: text.parse().ok()?,
        length: Some(1),
    })
}
