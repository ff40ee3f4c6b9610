//! A filter as text that is read as the same filter: with no more parentheses and braces than that takes, so that it nests no deeper than
//! what was read.

use std::fmt;

use super::{Comparison, Constant, Expression, Filter, Member, Operand, Part, Right, Sign};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = |f: &mut fmt::Formatter<'_>, all: &[Self], sign: &str| {
            for (index, one) in all.iter().enumerate() {
                if index > 0 {
                    f.write_str(sign)?;
                }
                if one.binds() <= self.binds() {
                    write!(f, "({one})")?;
                } else {
                    one.fmt(f)?;
                }
            }
            Ok(())
        };
        match self {
            Self::Or(all) => between(f, all, " || "),
            Self::And(all) => between(f, all, " && "),
            Self::Xor(all) => between(f, all, " ^^ "),
            Self::Not(inner) if inner.binds() < self.binds() => write!(f, "!({inner})"),
            Self::Not(inner) => write!(f, "!{inner}"),
            Self::Has(operand) => operand.fmt(f),
            Self::Compare(left, comparison, right) | Self::Every(left, comparison, right) => {
                if matches!(self, Self::Every(..)) {
                    f.write_str("all ")?;
                }
                write!(f, "{left} {} {right}", comparison.sign())
            }
            Self::In(operand, members) | Self::EveryIn(operand, members) => {
                if matches!(self, Self::EveryIn(..)) {
                    f.write_str("all ")?;
                }
                write!(f, "{operand} in {{")?;
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    match member {
                        Member::One(one) => one.fmt(f)?,
                        Member::Range(low, high) => write!(f, "{low}..{high}")?,
                    }
                }
                f.write_str("}")
            }
        }
    }
}

impl Expression {
    /// How tightly it holds together.
    fn binds(&self) -> u8 {
        match self {
            Self::Or(_) => 0,
            Self::Xor(_) => 1,
            Self::And(_) => 2,
            Self::Not(_) => 3,
            _ => 4,
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(constant) => constant.fmt(f),
            Self::Field(operand) => operand.fmt(f),
        }
    }
}

impl Comparison {
    fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Differs => "!=",
            Self::AllEqual => "===",
            Self::SomeDiffers => "!==",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "contains",
            Self::Matches => "matches",
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(part) => part.fmt(f),
            Self::Constant(constant) => constant.fmt(f),
            Self::Function(function, given) => {
                write!(f, "{}(", function.name())?;
                for (index, one) in given.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    one.fmt(f)?;
                }
                f.write_str(")")
            }
            Self::Arithmetic(left, sign, right) => {
                // What stands side by side is read from the left.
                grouped(left, left.binds() < sign.binds(), f)?;
                write!(f, " {} ", sign.text())?;
                match (sign, right.as_ref()) {
                    // Bits are read in hexadecimal.
                    (Sign::And, Self::Constant(Constant::Number(mask @ 0..))) => {
                        write!(f, "{mask:#x}")
                    }
                    (_, right) => grouped(right, right.binds() <= sign.binds(), f),
                }
            }
            Self::Negative(inner) => {
                f.write_str("-")?;
                grouped(inner, matches!(**inner, Self::Arithmetic(..)), f)
            }
        }
    }
}

impl Operand {
    /// How tightly it holds together.
    fn binds(&self) -> u8 {
        match self {
            Self::Arithmetic(_, sign, _) => sign.binds(),
            _ => 3,
        }
    }
}

/// In braces, where it is to be.
fn grouped(operand: &Operand, braces: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if braces {
        write!(f, "{{{operand}}}")
    } else {
        write!(f, "{operand}")
    }
}

impl Sign {
    /// How tightly it binds.
    fn binds(self) -> u8 {
        match self {
            Self::And => 0,
            Self::Add | Self::Subtract => 1,
            Self::Multiply | Self::Divide | Self::Remainder => 2,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::And => "&",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.raw {
            f.write_str("@")?;
        }
        f.write_str(self.field.name)?;
        for (index, (first, last)) in self.layers.iter().enumerate() {
            f.write_str(if index == 0 { "#[" } else { "," })?;
            if first == last {
                write!(f, "{first}")?;
            } else if *last == i64::MAX {
                write!(f, "{first}:")?;
            } else {
                write!(f, "{first}-{last}")?;
            }
        }
        if !self.layers.is_empty() {
            f.write_str("]")?;
        }
        for (index, slice) in self.slices.iter().enumerate() {
            f.write_str(if index == 0 { "[" } else { "," })?;
            match slice.length {
                Some(length) => write!(f, "{}:{length}", slice.start)?,
                None => write!(f, "{}:", slice.start)?,
            }
        }
        if !self.slices.is_empty() {
            f.write_str("]")?;
        }
        Ok(())
    }
}
