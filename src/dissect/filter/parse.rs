//! From words and signs to a filter.

mod operand;

use std::ops::Range;

use super::constant::{Constant, Pattern};
use super::lex::{Token, lex};
use super::{Comparison, Expression, Filter, Member, Mistake, Operand, Right};
use crate::dissect::fields;
use crate::dissect::value::Kind;
use crate::units::count;
use operand::{Beside, comparable, field_of, function, kind, named};

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
        let mut all = vec![self.xor()?];
        while self.take("||", "or") {
            all.push(self.xor()?);
        }
        Ok(flat(all, Expression::Or))
    }

    fn xor(&mut self) -> Parsed<Expression> {
        let mut all = vec![self.and()?];
        while self.take("^^", "xor") {
            all.push(self.and()?);
        }
        Ok(flat(all, Expression::Xor))
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
        let all = self.quantifier();
        let start = self.peek().map_or(0..0, |(_, at)| at.clone());
        let left = self.operand(None)?;
        if !left.any_field(&|_| true) {
            return Err(self.mistake(start, "expected a field here"));
        }
        let kind = kind(&left);
        if self.take("", "not") {
            if !self.take("", "in") {
                return Err(self.wrong("expected in {…} behind not"));
            }
            let members = self.set(&left, kind)?;
            let member = match all {
                Some(true) => Expression::EveryIn(left, members),
                _ => Expression::In(left, members),
            };
            return Ok(Expression::Not(Box::new(member)));
        }
        if self.take("", "in") {
            let members = self.set(&left, kind)?;
            return Ok(match all {
                Some(true) => Expression::EveryIn(left, members),
                _ => Expression::In(left, members),
            });
        }
        let Some((comparison, at)) = self.comparison() else {
            if all.is_some() {
                return Err(self.wrong(
                    "expected a comparison here: any and all say of which values it has to hold",
                ));
            }
            return Ok(Expression::Has(left));
        };
        if kind == Kind::Label && !matches!(comparison, Comparison::Contains | Comparison::Matches)
        {
            let name = field_of(&left).map_or("it", |field| field.name);
            let message = format!(
                "{name} has no value to compare: it is there or not; take {name} alone, or a slice as {name}[0:2]"
            );
            return Err(self.mistake(start, message));
        }
        let right = match comparison {
            Comparison::Matches => self.pattern(kind)?,
            Comparison::Contains => self.part(kind, at)?,
            _ => self.right(&left, kind)?,
        };
        Ok(match (all, comparison) {
            (Some(false), Comparison::AllEqual) => {
                Expression::Compare(left, Comparison::Equal, right)
            }
            (Some(false), Comparison::Differs) => {
                Expression::Compare(left, Comparison::SomeDiffers, right)
            }
            (Some(true), Comparison::Equal) => {
                Expression::Compare(left, Comparison::AllEqual, right)
            }
            (Some(true), Comparison::SomeDiffers) => {
                Expression::Compare(left, Comparison::Differs, right)
            }
            (None | Some(false), comparison)
            | (Some(true), comparison @ (Comparison::AllEqual | Comparison::Differs)) => {
                Expression::Compare(left, comparison, right)
            }
            (Some(true), comparison) => Expression::Every(left, comparison, right),
        })
    }

    /// Whether all values are asked for, or any; absent where neither is said.
    fn quantifier(&mut self) -> Option<bool> {
        if self.take("", "all") {
            Some(true)
        } else if self.take("", "any") {
            Some(false)
        } else {
            None
        }
    }

    fn pattern(&mut self, kind: Kind) -> Parsed<Right> {
        if !matches!(kind, Kind::Text | Kind::Bytes | Kind::Label | Kind::Ether) {
            return Err(self.wrong("matches wants a field of text or bytes on its left"));
        }
        let Some((Token::Quoted(text), at)) = self.peek().cloned() else {
            return Err(self.wrong("expected a regular expression in double quotes"));
        };
        let text = String::from_utf8_lossy(&text);
        let pattern = Pattern::new(&text).map_err(|message| self.mistake(at, message))?;
        self.at += 1;
        Ok(Right::Constant(Constant::Pattern(pattern)))
    }

    fn part(&mut self, kind: Kind, at: Range<usize>) -> Parsed<Right> {
        let wanted = match kind {
            Kind::Text => Kind::Text,
            Kind::Bytes | Kind::Label | Kind::Ether | Kind::Ipv4 | Kind::Ipv6 => Kind::Bytes,
            _ => {
                return Err(self.mistake(at, "contains wants a field of text or bytes on its left"));
            }
        };
        self.constant(None, wanted).map(Right::Constant)
    }

    fn right(&mut self, left: &Operand, wanted: Kind) -> Parsed<Right> {
        self.beside(left, wanted, Self::operand)
    }

    /// What a field is compared with, or a set names: a value, or what `read` makes of what begins otherwise.
    fn beside(
        &mut self,
        left: &Operand,
        wanted: Kind,
        read: fn(&mut Self, Beside<'_>) -> Parsed<Operand>,
    ) -> Parsed<Right> {
        let start = self.peek().map_or(0..0, |(_, at)| at.clone());
        // `TCP` is a number of `ip.proto`, whatever field has that name.
        let is_name = field_of(left)
            .zip(self.peek())
            .is_some_and(|(field, (token, _))| named(field, token).is_some());
        let right = if is_name || !self.begins_operand(wanted) {
            Operand::Constant(self.constant(Some(left), wanted)?)
        } else {
            read(self, Some((left, wanted)))?
        };
        if let Operand::Constant(constant) = right {
            if let (Constant::Number(..0), Some(field)) = (&constant, field_of(left))
                && !field.is_signed()
            {
                let message = format!("{} is never less than 0", field.name);
                return Err(self.mistake(start, message));
            }
            return Ok(Right::Constant(constant));
        }
        if !comparable(wanted, kind(&right)) {
            let name = |operand: &Operand| {
                field_of(operand).map_or_else(|| operand.to_string(), |field| field.name.to_owned())
            };
            let message = format!(
                "{} ({}) cannot be compared with {} ({})",
                name(&right),
                kind(&right).name(),
                name(left),
                wanted.name()
            );
            return Err(self.mistake(start, message));
        }
        Ok(Right::Field(right))
    }

    /// Whether what comes next is more than a value.
    fn begins_operand(&self, wanted: Kind) -> bool {
        match self.peek() {
            // A word that could be a value is one: `imgnet.role == picture`.
            Some((Token::Word(word), _)) => {
                fields::find(word)
                    .is_some_and(|field| (field.kind, wanted) != (Kind::Label, Kind::Text))
                    || function(word).is_some()
                        && matches!(self.tokens.get(self.at + 1), Some((Token::Sign("("), _)))
                    || matches!(wanted, Kind::Number | Kind::Hex | Kind::Seconds)
            }
            Some((Token::Sign(sign), _)) => matches!(*sign, "@" | "{"),
            Some((Token::Character(_), _)) => matches!(wanted, Kind::Number | Kind::Hex),
            _ => false,
        }
    }

    /// A value as this kind wants it; beside a field whose numbers have names, one of these.
    fn constant(&mut self, beside: Option<&Operand>, wanted: Kind) -> Parsed<Constant> {
        let Some((token, at)) = self.peek().cloned() else {
            return Err(self.wrong("expected a value here"));
        };
        let field = beside.and_then(field_of);
        let constant = field
            .and_then(|field| named(field, &token))
            .map_or_else(|| Constant::read(&token, wanted), Ok)
            .map_err(|message| self.mistake(at.clone(), hinted(message, &token)))?;
        if let (Constant::Number(number), Some(field)) = (&constant, field)
            && *number > field.most()
        {
            let message = format!(
                "{} is never more than {}",
                field.name,
                count(field.most().unsigned_abs())
            );
            return Err(self.mistake(at, message));
        }
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

    fn set(&mut self, left: &Operand, kind: Kind) -> Parsed<Vec<Member>> {
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
            members.push(self.member(left, kind)?);
        }
    }

    fn member(&mut self, left: &Operand, kind: Kind) -> Parsed<Member> {
        let low = self.end_of_range(left, kind)?;
        if self.take("..", "") {
            let high = self.end_of_range(left, kind)?;
            return Ok(Member::Range(low, high));
        }
        Ok(Member::One(low))
    }

    fn end_of_range(&mut self, left: &Operand, kind: Kind) -> Parsed<Right> {
        match self.peek() {
            None => Err(self.wrong("expected } here")),
            Some((Token::Sign(".." | "}" | ","), _)) => Err(self.wrong("expected a range as 1..5")),
            // Arithmetic has no place in a set.
            Some(_) => self.beside(left, kind, Self::one),
        }
    }
}

/// One operand stands for itself; equal connections are one.
fn flat(mut all: Vec<Expression>, joined: fn(Vec<Expression>) -> Expression) -> Expression {
    if all.len() == 1
        && let Some(one) = all.pop()
    {
        return one;
    }
    let same = joined(Vec::new());
    let mut flat = Vec::with_capacity(all.len());
    for one in all {
        match (one, &same) {
            (Expression::Or(inner), Expression::Or(_))
            | (Expression::And(inner), Expression::And(_))
            | (Expression::Xor(inner), Expression::Xor(_)) => flat.extend(inner),
            (other, _) => flat.push(other),
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
