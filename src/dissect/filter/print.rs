//! A filter as text that is read as the same filter.

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
                match one {
                    Self::Or(_) | Self::And(_) | Self::Xor(_) => write!(f, "({one})")?,
                    _ => one.fmt(f)?,
                }
            }
            Ok(())
        };
        match self {
            Self::Or(all) => between(f, all, " || "),
            Self::And(all) => between(f, all, " && "),
            Self::Xor(all) => between(f, all, " ^^ "),
            Self::Not(inner) => write!(f, "!({inner})"),
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
                grouped(left, f)?;
                write!(f, " {} ", sign.text())?;
                match (sign, right.as_ref()) {
                    // Bits are read in hexadecimal.
                    (Sign::And, Self::Constant(Constant::Number(mask @ 0..))) => {
                        write!(f, "{mask:#x}")
                    }
                    (_, right) => grouped(right, f),
                }
            }
            // As it is read: braces nest deeper than signs.
            Self::Negative(inner) if is_signed_field(inner) => write!(f, "-{inner}"),
            Self::Negative(inner) => write!(f, "-{{{inner}}}"),
        }
    }
}

/// Whether it is a field with nothing but signs before it.
fn is_signed_field(operand: &Operand) -> bool {
    match operand {
        Operand::Field(_) => true,
        Operand::Negative(inner) => is_signed_field(inner),
        _ => false,
    }
}

/// Arithmetic within arithmetic stands in braces.
fn grouped(operand: &Operand, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match operand {
        Operand::Arithmetic(..) | Operand::Negative(_) => write!(f, "{{{operand}}}"),
        _ => write!(f, "{operand}"),
    }
}

impl Sign {
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
