//! A filter as text that is read as the same filter.

use std::fmt;

use super::{Comparison, Expression, Filter, Function, Member, Operand, Right};

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
                    Self::Or(_) | Self::And(_) => write!(f, "({one})")?,
                    _ => one.fmt(f)?,
                }
            }
            Ok(())
        };
        match self {
            Self::Or(all) => between(f, all, " || "),
            Self::And(all) => between(f, all, " && "),
            Self::Not(inner) => write!(f, "!({inner})"),
            Self::Has(operand) => operand.fmt(f),
            Self::Compare(left, comparison, right) => {
                write!(f, "{left} {} ", comparison.sign())?;
                match right {
                    Right::Constant(constant) => constant.fmt(f),
                    Right::Field(operand) => operand.fmt(f),
                }
            }
            Self::In(operand, members) => {
                write!(f, "{operand} in {{")?;
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    match member {
                        Member::One(constant) => constant.fmt(f)?,
                        Member::Range(low, high) => write!(f, "{low}..{high}")?,
                    }
                }
                f.write_str("}")
            }
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
        match self.function {
            Some(Function::Length) => f.write_str("len(")?,
            Some(Function::Count) => f.write_str("count(")?,
            Some(Function::Lower) => f.write_str("lower(")?,
            Some(Function::Upper) => f.write_str("upper(")?,
            None => {}
        }
        f.write_str(self.field.name)?;
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
        if self.function.is_some() {
            f.write_str(")")?;
        }
        if let Some(mask) = self.mask {
            write!(f, " & {mask:#x}")?;
        }
        Ok(())
    }
}
