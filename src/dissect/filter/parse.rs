//! From words and signs to a filter.

use std::ops::Range;

use super::constant::{Constant, Pattern};
use super::lex::{Token, lex};
use super::{Comparison, Expression, Filter, Function, Member, Mistake, Operand, Right, Slice};
use crate::dissect::fields;
use crate::dissect::value::Kind;

/// Deepest nesting.
const DEEPEST: usize = 64;
/// Longest filter, in bytes.
const LONGEST: usize = 64 << 10;

pub(super) fn parse(text: &str) -> Result<Filter, Mistake> {
    if text.len() > LONGEST {
        return Err(Mistake {
            text: text.chars().take(80).collect(),
            at: 0..1,
            message: "the filter is too long".to_owned(),
        });
    }
    let tokens = lex(text)?;
    let mut parser = Parser {
        text,
        tokens: &tokens,
        at: 0,
        depth: 0,
    };
    if tokens.is_empty() {
        return Ok(Filter {
            expression: Expression::And(Vec::new()),
        });
    }
    let expression = parser.or()?;
    match parser.peek() {
        None => Ok(Filter { expression }),
        Some((Token::Sign(")"), _)) => Err(parser.wrong("this parenthesis closes nothing")),
        Some(_) => Err(parser.wrong("expected && or || here, or the end")),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [(Token, Range<usize>)],
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, Mistake>;

impl Parser<'_> {
    fn peek(&self) -> Option<&(Token, Range<usize>)> {
        self.tokens.get(self.at)
    }

    fn mistake(&self, at: Range<usize>, message: impl Into<String>) -> Mistake {
        Mistake {
            text: self.text.to_owned(),
            at,
            message: message.into(),
        }
    }

    /// A mistake at the token that comes next.
    fn wrong(&self, message: impl Into<String>) -> Mistake {
        let end = self.text.len();
        let at = self.peek().map_or(end..end, |(_, at)| at.clone());
        self.mistake(at, message)
    }

    /// Takes the next token where it is this sign, or this word.
    fn take(&mut self, sign: &str, word: &str) -> bool {
        let found = match self.peek() {
            Some((Token::Sign(found), _)) => *found == sign,
            Some((Token::Word(found), _)) => !word.is_empty() && found == word,
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str, message: &str) -> Parsed<()> {
        if self.take(sign, "") {
            Ok(())
        } else {
            Err(self.wrong(message))
        }
    }

    fn or(&mut self) -> Parsed<Expression> {
        let mut all = vec![self.and()?];
        while self.take("||", "or") {
            all.push(self.and()?);
        }
        Ok(flat(all, Expression::Or))
    }

    fn and(&mut self) -> Parsed<Expression> {
        let mut all = vec![self.not()?];
        while self.take("&&", "and") {
            all.push(self.not()?);
        }
        Ok(flat(all, Expression::And))
    }

    fn not(&mut self) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong("nested too deeply"));
        }
        let expression = if self.take("!", "not") {
            Expression::Not(Box::new(self.not()?))
        } else if self.take("(", "") {
            let inner = self.or()?;
            self.expect(")", "expected ) here")?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn test(&mut self) -> Parsed<Expression> {
        let start = self.peek().map(|(_, at)| at.clone());
        let left = self.operand()?;
        let kind = kind(&left);
        if self.take("", "not") {
            if !self.take("", "in") {
                return Err(self.wrong("expected in {…} behind not"));
            }
            let members = self.set(kind)?;
            return Ok(Expression::Not(Box::new(Expression::In(left, members))));
        }
        if self.take("", "in") {
            let members = self.set(kind)?;
            return Ok(Expression::In(left, members));
        }
        let Some((comparison, at)) = self.comparison() else {
            return Ok(Expression::Has(left));
        };
        if kind == Kind::Label && left.slices.is_empty() {
            let ordered = !matches!(comparison, Comparison::Contains | Comparison::Matches);
            if ordered {
                let name = left.field.name;
                return Err(self.mistake(
                    start.unwrap_or(at),
                    format!("{name} has no value to compare: it is there or not; take {name} alone, or a slice as {name}[0:2]"),
                ));
            }
        }
        match comparison {
            Comparison::Matches => self.pattern(left, kind),
            Comparison::Contains => self.part(left, kind, at),
            _ => {
                let right = self.right(&left, kind)?;
                Ok(Expression::Compare(left, comparison, right))
            }
        }
    }

    fn pattern(&mut self, left: Operand, kind: Kind) -> Parsed<Expression> {
        if !matches!(kind, Kind::Text | Kind::Bytes | Kind::Label) {
            return Err(self.wrong("matches wants a field of text or bytes on its left"));
        }
        let Some((Token::Quoted(text), at)) = self.peek().cloned() else {
            return Err(self.wrong("expected a regular expression in double quotes"));
        };
        let text = String::from_utf8_lossy(&text);
        let pattern = Pattern::new(&text).map_err(|message| self.mistake(at, message))?;
        self.at += 1;
        let right = Right::Constant(Constant::Pattern(pattern));
        Ok(Expression::Compare(left, Comparison::Matches, right))
    }

    fn part(&mut self, left: Operand, kind: Kind, at: Range<usize>) -> Parsed<Expression> {
        let wanted = match kind {
            Kind::Text => Kind::Text,
            Kind::Bytes | Kind::Label | Kind::Ether | Kind::Ipv4 | Kind::Ipv6 => Kind::Bytes,
            _ => {
                return Err(self.mistake(at, "contains wants a field of text or bytes on its left"));
            }
        };
        let constant = self.constant(wanted)?;
        let right = Right::Constant(constant);
        Ok(Expression::Compare(left, Comparison::Contains, right))
    }

    fn right(&mut self, left: &Operand, wanted: Kind) -> Parsed<Right> {
        if let Some((Token::Word(word), at)) = self.peek().cloned() {
            let known = fields::find(&word).is_some() || function(&word).is_some();
            // A word that could be a value is one: `imgnet.role == picture`.
            if known && !(wanted == Kind::Text && fields::find(&word).is_none()) {
                let right = self.operand()?;
                if !comparable(wanted, kind(&right)) {
                    let message = format!(
                        "{word} ({}) cannot be compared with {} ({})",
                        kind(&right).name(),
                        left.field.name,
                        wanted.name()
                    );
                    return Err(self.mistake(at, message));
                }
                return Ok(Right::Field(right));
            }
        }
        self.constant(wanted).map(Right::Constant)
    }

    fn constant(&mut self, wanted: Kind) -> Parsed<Constant> {
        let Some((token, at)) = self.peek().cloned() else {
            return Err(self.wrong("expected a value here"));
        };
        let constant = Constant::read(&token, wanted)
            .map_err(|message| self.mistake(at, hinted(message, &token)))?;
        self.at += 1;
        Ok(constant)
    }

    fn comparison(&mut self) -> Option<(Comparison, Range<usize>)> {
        let (token, at) = self.peek()?;
        let word = match token {
            Token::Sign(sign) => *sign,
            Token::Word(word) => word.as_str(),
            _ => return None,
        };
        let comparison = match word {
            "==" | "eq" | "any_eq" => Comparison::Equal,
            "!=" | "ne" | "all_ne" => Comparison::Differs,
            "===" | "all_eq" => Comparison::AllEqual,
            "!==" | "~=" | "any_ne" => Comparison::SomeDiffers,
            "<" | "lt" => Comparison::Less,
            "<=" | "le" => Comparison::LessOrEqual,
            ">" | "gt" => Comparison::Greater,
            ">=" | "ge" => Comparison::GreaterOrEqual,
            "contains" => Comparison::Contains,
            "matches" | "~" => Comparison::Matches,
            _ => return None,
        };
        let at = at.clone();
        self.at += 1;
        Some((comparison, at))
    }

    fn operand(&mut self) -> Parsed<Operand> {
        let Some((Token::Word(word), at)) = self.peek().cloned() else {
            return Err(self.wrong(match self.peek() {
                None => "expected a field here, the filter ends too early",
                Some(_) => "expected a field here",
            }));
        };
        self.at += 1;
        if let Some(function) = function(&word)
            && matches!(self.peek(), Some((Token::Sign("("), _)))
        {
            self.at += 1;
            let mut inner = self.operand()?;
            self.expect(")", "expected ) here")?;
            if inner.function.is_some() {
                return Err(self.mistake(at, "a function of a function is not understood"));
            }
            let fits = match function {
                Function::Count => true,
                Function::Length => kind(&inner) != Kind::Number,
                Function::Lower | Function::Upper => kind(&inner) == Kind::Text,
            };
            if !fits {
                let message = format!("{word}() does not take {}", kind(&inner).name());
                return Err(self.mistake(at, message));
            }
            inner.function = Some(function);
            return self.masked(inner);
        }
        let Some(field) = fields::find(&word) else {
            let message = match fields::nearest(&word) {
                Some(name) => format!("there is no field {word}; did you mean {name}?"),
                None => format!("there is no field {word}; imgnet fields lists them"),
            };
            return Err(self.mistake(at, message));
        };
        let mut operand = Operand {
            function: None,
            field,
            slices: Vec::new(),
            mask: None,
        };
        while let Some((Token::Slice(inner), at)) = self.peek().cloned() {
            let sliceable = matches!(
                field.kind,
                Kind::Bytes | Kind::Label | Kind::Text | Kind::Ether | Kind::Ipv4 | Kind::Ipv6
            );
            if !sliceable {
                let message = format!("{} is a {}: it has no bytes", field.name, field.kind.name());
                return Err(self.mistake(at, message));
            }
            for part in inner.split(',') {
                let slice = slice(part.trim()).ok_or_else(|| {
                    self.mistake(
                        at.clone(),
                        "expected a slice: [start:length], [first-last], [index], [:length] or [start:]",
                    )
                })?;
                operand.slices.push(slice);
            }
            self.at += 1;
        }
        self.masked(operand)
    }

    fn masked(&mut self, mut operand: Operand) -> Parsed<Operand> {
        if self.take("&", "") || self.take("", "bitand") {
            if !matches!(kind(&operand), Kind::Number | Kind::Hex) {
                return Err(self.wrong("& wants a number on its left"));
            }
            if let Constant::Number(mask) = self.constant(Kind::Number)? {
                operand.mask = Some(mask);
            }
        }
        Ok(operand)
    }

    fn set(&mut self, kind: Kind) -> Parsed<Vec<Member>> {
        self.expect("{", "expected a set here: {80, 443, 8000..8080}")?;
        let mut members = Vec::new();
        loop {
            if self.take("}", "") {
                if members.is_empty() {
                    return Err(self.wrong("the set is empty"));
                }
                return Ok(members);
            }
            if self.take(",", "") {
                continue;
            }
            members.push(self.member(kind)?);
        }
    }

    fn member(&mut self, kind: Kind) -> Parsed<Member> {
        let Some((token, at)) = self.peek().cloned() else {
            return Err(self.wrong("expected } here"));
        };
        if let Some((low, high, tokens)) = self.ends_of_range(&token) {
            let read = |text: &str| {
                Constant::read(&Token::Word(text.to_owned()), kind)
                    .map_err(|message| self.mistake(at.clone(), message))
            };
            if low.is_empty() || high.is_empty() {
                return Err(self.mistake(at, "expected a range as 1..5"));
            }
            let (low, high) = (read(low)?, read(high)?);
            self.at += tokens;
            return Ok(Member::Range(low, high));
        }
        self.constant(kind).map(Member::One)
    }
}

impl Parser<'_> {
    /// Both ends of the range that begins with this token, and of how many tokens it is, blanks around its points or not; absent
    /// where it is no range.
    fn ends_of_range<'w>(&'w self, token: &'w Token) -> Option<(&'w str, &'w str, usize)> {
        let word = |ahead: usize| match self.tokens.get(self.at + ahead) {
            Some((Token::Word(word), _)) => word.as_str(),
            _ => "",
        };
        let Token::Word(first) = token else {
            return None;
        };
        if let Some((low, high)) = first.split_once("..") {
            return Some(match high {
                "" => (low, word(1), 2),
                high => (low, high, 1),
            });
        }
        let high = word(1).strip_prefix("..")?;
        Some(match high {
            "" => (first, word(2), 3),
            high => (first, high, 2),
        })
    }
}

/// One operand stands for itself; equal connections are one.
fn flat(mut all: Vec<Expression>, joined: fn(Vec<Expression>) -> Expression) -> Expression {
    if all.len() == 1
        && let Some(one) = all.pop()
    {
        return one;
    }
    let is_or = matches!(joined(Vec::new()), Expression::Or(_));
    let mut flat = Vec::with_capacity(all.len());
    for one in all {
        match one {
            Expression::Or(inner) if is_or => flat.extend(inner),
            Expression::And(inner) if !is_or => flat.extend(inner),
            other => flat.push(other),
        }
    }
    joined(flat)
}

fn hinted(message: String, token: &Token) -> String {
    match token {
        Token::Word(word) => format!("{message}, not {word}"),
        _ => message,
    }
}

/// What kind of value an operand has.
pub(super) fn kind(operand: &Operand) -> Kind {
    match operand.function {
        Some(Function::Length | Function::Count) => Kind::Number,
        Some(Function::Lower | Function::Upper) => Kind::Text,
        None if !operand.slices.is_empty() => match operand.field.kind {
            Kind::Text => Kind::Text,
            _ => Kind::Bytes,
        },
        None => operand.field.kind,
    }
}

fn comparable(a: Kind, b: Kind) -> bool {
    let class = |kind| match kind {
        Kind::Number | Kind::Hex => 0,
        Kind::Bytes | Kind::Label | Kind::Ether => 1,
        Kind::Bool => 2,
        Kind::Seconds => 3,
        Kind::Text => 4,
        Kind::Ipv4 => 5,
        Kind::Ipv6 => 6,
    };
    class(a) == class(b)
}

fn function(word: &str) -> Option<Function> {
    Some(match word {
        "len" => Function::Length,
        "count" => Function::Count,
        "lower" => Function::Lower,
        "upper" => Function::Upper,
        _ => return None,
    })
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
