//! Filters in the syntax of Wireshark's display filters, over the fields of [`super::fields`].
//!
//! `==  !=  ===  !==  <  >  <=  >=  contains  matches  in {…}  &&  ||  ^^  !  and or xor not  any all`, arithmetic (`+ - * / % &`), slices,
//! layers (`ip.addr#1`), raw bytes (`@tcp.seq`), functions.
//! Of a field with several values `==`, `<`, … hold where one value does, `!=` where all differ, as in Wireshark 4.

mod constant;
mod evaluate;
mod lex;
mod parse;
mod print;

use std::fmt;
use std::ops::Range;

use super::fields::Field;
use super::seen::Seen;

pub(crate) use constant::Constant;

/// A filter that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    expression: Expression,
}

/// What a filter asks.
#[derive(Debug, Clone, PartialEq)]
enum Expression {
    /// One of these.
    Or(Vec<Expression>),
    /// An odd number of these: of two, one and not both.
    Xor(Vec<Expression>),
    /// All of these.
    And(Vec<Expression>),
    /// The opposite.
    Not(Box<Expression>),
    /// The frame has it; of what is computed, one that is not 0.
    Has(Operand),
    /// A comparison.
    Compare(Operand, Comparison, Right),
    /// A comparison that holds for every value, of which there is one at least: of those that hold where one does.
    Every(Operand, Comparison, Right),
    /// Some value is one of these.
    In(Operand, Vec<Member>),
    /// Every value is one of these, and there is one.
    EveryIn(Operand, Vec<Member>),
}

/// How two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// Some value is equal.
    Equal,
    /// All values differ.
    Differs,
    /// All values are equal.
    AllEqual,
    /// Some value differs.
    SomeDiffers,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    Matches,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Field(Part),
    /// Within arithmetic, and among what a function is given.
    Constant(Constant),
    Function(Function, Vec<Operand>),
    Arithmetic(Box<Operand>, Sign, Box<Operand>),
    Negative(Box<Operand>),
}

/// A field, or a part of it.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    field: &'static Field,
    /// The bytes in which it lies, rather than its value.
    raw: bool,
    /// Only those of these layers: from 1, from the innermost where negative. Empty for all.
    layers: Vec<(i64, i64)>,
    slices: Vec<Slice>,
}

impl Part {
    /// How many bytes a value of a whole field takes that has none of its own; absent for bytes, text and parts of them.
    fn width(&self) -> Option<i64> {
        if self.raw || !self.slices.is_empty() {
            return None;
        }
        self.field.width()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Length,
    Count,
    Lower,
    Upper,
    String,
    Max,
    Min,
    Abs,
}

impl Function {
    const ALL: [Self; 8] = [
        Self::Length,
        Self::Count,
        Self::Lower,
        Self::Upper,
        Self::String,
        Self::Max,
        Self::Min,
        Self::Abs,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Length => "len",
            Self::Count => "count",
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::String => "string",
            Self::Max => "max",
            Self::Min => "min",
            Self::Abs => "abs",
        }
    }
}

/// Of arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
}

/// Bytes from `start` on (from the end where negative): so many, or to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    start: i64,
    length: Option<u64>,
}

/// What it is compared with.
#[derive(Debug, Clone, PartialEq)]
enum Right {
    Constant(Constant),
    Field(Operand),
}

/// A member of a set: a value, or a range with both ends.
#[derive(Debug, Clone, PartialEq)]
enum Member {
    One(Right),
    Range(Right, Right),
}

/// A filter that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The filter.
    pub text: String,
    /// Where in it.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self
            .text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let before = self.text.get(..self.at.start).unwrap_or_default();
        let under = self.text.get(self.at.clone()).unwrap_or_default();
        let width = under.chars().count().max(1);
        writeln!(f, "{}", self.message)?;
        writeln!(f, "  {shown}")?;
        write!(
            f,
            "  {}^{}",
            " ".repeat(before.chars().count()),
            "~".repeat(width - 1)
        )
    }
}

impl std::error::Error for Mistake {}

impl Filter {
    /// Reads a filter. An empty one chooses every frame.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        parse::parse(text)
    }

    /// Whether it chooses this frame.
    pub fn chooses(&self, seen: &Seen<'_>) -> bool {
        let holds = evaluate::holds(&self.expression, seen);
        if !holds {
            seen.leave_out();
        }
        holds
    }

    /// Whether a frame has to be asked of after all frames before it.
    pub(crate) fn needs_order(&self) -> bool {
        self.expression.any_field(&Field::is_of_order)
    }

    /// Whether it asks for what only the analysis of the whole capture tells.
    pub fn needs_capture(&self) -> bool {
        self.expression.any_field(&|field| field.is_of_capture())
    }
}

impl Expression {
    fn any_field(&self, test: &dyn Fn(&Field) -> bool) -> bool {
        match self {
            Self::Or(all) | Self::And(all) | Self::Xor(all) => {
                all.iter().any(|one| one.any_field(test))
            }
            Self::Not(inner) => inner.any_field(test),
            Self::Has(operand) => operand.any_field(test),
            Self::In(operand, members) | Self::EveryIn(operand, members) => {
                operand.any_field(test)
                    || members.iter().any(|member| match member {
                        Member::One(one) => one.any_field(test),
                        Member::Range(low, high) => low.any_field(test) || high.any_field(test),
                    })
            }
            Self::Compare(left, _, right) | Self::Every(left, _, right) => {
                left.any_field(test) || right.any_field(test)
            }
        }
    }
}

impl Right {
    fn any_field(&self, test: &dyn Fn(&Field) -> bool) -> bool {
        match self {
            Self::Field(right) => right.any_field(test),
            Self::Constant(_) => false,
        }
    }
}

impl Operand {
    fn any_field(&self, test: &dyn Fn(&Field) -> bool) -> bool {
        match self {
            Self::Field(part) => test(part.field),
            Self::Constant(_) => false,
            Self::Function(_, given) => given.iter().any(|one| one.any_field(test)),
            Self::Arithmetic(left, _, right) => left.any_field(test) || right.any_field(test),
            Self::Negative(inner) => inner.any_field(test),
        }
    }
}

#[cfg(test)]
mod tests;
