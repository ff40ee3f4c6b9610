//! Whether a filter holds for a frame.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Comparison, Constant, Expression, Function, Member, Operand, Right, Slice};
use crate::dissect::seen::Seen;
use crate::dissect::value::Value;

pub(super) fn holds(expression: &Expression, seen: &Seen<'_>) -> bool {
    match expression {
        Expression::Or(all) => all.iter().any(|one| holds(one, seen)),
        Expression::And(all) => all.iter().all(|one| holds(one, seen)),
        Expression::Not(inner) => !holds(inner, seen),
        Expression::Has(operand) => {
            let mut found = false;
            each(operand, seen, &mut |value| {
                // A mask asks for its bits.
                found |= operand.mask.is_none() || value != Value::Number(0);
            });
            found
        }
        Expression::In(operand, members) => {
            let mut found = false;
            each(operand, seen, &mut |value| {
                found = found || members.iter().any(|member| is_member(member, &value));
            });
            found
        }
        Expression::Compare(left, comparison, Right::Constant(constant)) => {
            judge(*comparison, |test| {
                each(left, seen, &mut |value| {
                    test(pair(*comparison, &value, constant));
                });
            })
        }
        Expression::Compare(left, comparison, Right::Field(right)) => {
            let mut others = Vec::new();
            each(right, seen, &mut |value| others.push(value));
            judge(*comparison, |test| {
                each(left, seen, &mut |value| {
                    for other in &others {
                        let order = order(&value, other);
                        test(order.is_some_and(|order| ordered(*comparison, order)));
                    }
                });
            })
        }
    }
}

/// Puts the tests of all pairs of values together.
fn judge(comparison: Comparison, run: impl FnOnce(&mut dyn FnMut(bool))) -> bool {
    let (mut some, mut all) = (false, true);
    let mut seen = false;
    run(&mut |held| {
        seen = true;
        some |= held;
        all &= held;
    });
    match comparison {
        Comparison::Differs | Comparison::AllEqual => seen && all,
        _ => some,
    }
}

fn pair(comparison: Comparison, value: &Value<'_>, constant: &Constant) -> bool {
    match (comparison, constant) {
        (Comparison::Matches, Constant::Pattern(pattern)) => {
            value.bytes().is_some_and(|bytes| pattern.is_match(&bytes))
        }
        (Comparison::Contains, constant) => {
            let wanted = match constant {
                Constant::Bytes(bytes) => bytes.as_slice(),
                Constant::Text(text) => text.as_bytes(),
                _ => return false,
            };
            value
                .bytes()
                .is_some_and(|bytes| memchr::memmem::find(&bytes, wanted).is_some())
        }
        _ => constant
            .compare(value)
            .is_some_and(|order| ordered(comparison, order)),
    }
}

fn ordered(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal | Comparison::AllEqual => order.is_eq(),
        Comparison::Differs | Comparison::SomeDiffers => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
        Comparison::Contains | Comparison::Matches => false,
    }
}

fn order(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    Some(match (a, b) {
        (Value::Number(a), Value::Number(b)) | (Value::Nanoseconds(a), Value::Nanoseconds(b)) => {
            a.cmp(b)
        }
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Ipv4(a), Value::Ipv4(b)) => a.cmp(b),
        (Value::Ipv6(a), Value::Ipv6(b)) => a.cmp(b),
        _ => a.bytes()?.cmp(&b.bytes()?),
    })
}

fn is_member(member: &Member, value: &Value<'_>) -> bool {
    match member {
        Member::One(constant) => constant.compare(value).is_some_and(Ordering::is_eq),
        Member::Range(low, high) => {
            low.compare(value).is_some_and(Ordering::is_ge)
                && high.compare(value).is_some_and(Ordering::is_le)
        }
    }
}

/// Shows each value of an operand.
fn each<'a>(operand: &Operand, seen: &Seen<'a>, show: &mut dyn FnMut(Value<'a>)) {
    if operand.function == Some(Function::Count) {
        let mut count = 0;
        operand.field.values(seen, &mut |_, _| count += 1);
        if count > 0 {
            show(masked(operand, Value::Number(count)));
        }
        return;
    }
    operand.field.values(seen, &mut |value, _| {
        let value = if operand.slices.is_empty() {
            value
        } else {
            match cut(&value, &operand.slices) {
                Some(bytes) => match value {
                    Value::Text(_) => {
                        Value::Text(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
                    }
                    _ => Value::Bytes(Cow::Owned(bytes)),
                },
                None => return,
            }
        };
        let value = match (operand.function, value) {
            (Some(Function::Length), value) => {
                let length = value.bytes().map_or(0, |bytes| bytes.len());
                Value::Number(i64::try_from(length).unwrap_or(i64::MAX))
            }
            (Some(Function::Lower), Value::Text(text)) => {
                Value::Text(Cow::Owned(text.to_ascii_lowercase()))
            }
            (Some(Function::Upper), Value::Text(text)) => {
                Value::Text(Cow::Owned(text.to_ascii_uppercase()))
            }
            (_, value) => value,
        };
        show(masked(operand, value));
    });
}

fn masked<'a>(operand: &Operand, value: Value<'a>) -> Value<'a> {
    match (operand.mask, value) {
        (Some(mask), Value::Number(number)) => Value::Number(number & mask),
        (_, value) => value,
    }
}

/// The bytes of slices; absent where one begins behind the value, or reaches beyond it.
fn cut(value: &Value<'_>, slices: &[Slice]) -> Option<Vec<u8>> {
    let bytes = value.bytes()?;
    let mut out = Vec::new();
    for slice in slices {
        let start = if slice.start < 0 {
            bytes
                .len()
                .checked_sub(usize::try_from(slice.start.unsigned_abs()).ok()?)?
        } else {
            usize::try_from(slice.start).ok()?
        };
        let end = match slice.length {
            Some(length) => start.checked_add(usize::try_from(length).ok()?)?,
            None => bytes.len(),
        };
        if start >= bytes.len() {
            return None;
        }
        out.extend_from_slice(bytes.get(start..end)?);
    }
    Some(out)
}
