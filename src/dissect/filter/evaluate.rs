//! Whether a filter holds for a frame.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{
    Comparison, Constant, Expression, Function, Member, Operand, Part, Right, Sign, Slice,
};
use crate::dissect::seen::Seen;
use crate::dissect::value::Value;

pub(super) fn holds(expression: &Expression, seen: &Seen<'_>) -> bool {
    match expression {
        Expression::Or(all) => all.iter().any(|one| holds(one, seen)),
        Expression::And(all) => all.iter().all(|one| holds(one, seen)),
        Expression::Xor(all) => all.iter().filter(|one| holds(one, seen)).count() % 2 == 1,
        Expression::Not(inner) => !holds(inner, seen),
        Expression::Has(operand) => {
            // Of what is computed, bits that were cut out above all, one that is not 0 is asked for; of a part, one that there is.
            let computed = matches!(operand, Operand::Arithmetic(..) | Operand::Negative(_));
            let is_part = matches!(operand, Operand::Field(part) if !part.slices.is_empty());
            let mut found = false;
            each(operand, seen, &mut |value| {
                found |= if computed {
                    !is_zero(&value)
                } else {
                    !is_part || value.bytes().is_some_and(|bytes| !bytes.is_empty())
                };
            });
            found
        }
        Expression::In(operand, members) => {
            let (some, _) = members_among(operand, members, seen);
            some
        }
        Expression::EveryIn(operand, members) => {
            let (some, all) = members_among(operand, members, seen);
            some && all
        }
        Expression::Compare(left, comparison, right) => {
            let (some, all) = compared(left, *comparison, right, seen);
            match comparison {
                Comparison::Differs | Comparison::AllEqual => some && all,
                _ => some,
            }
        }
        Expression::Every(left, comparison, right) => {
            let (some, all) = compared(left, *comparison, right, seen);
            some && all
        }
    }
}

/// Whether some value of an operand is a member, and whether none is not.
fn members_among(operand: &Operand, members: &[Member], seen: &Seen<'_>) -> (bool, bool) {
    let (mut some, mut all) = (false, true);
    each(operand, seen, &mut |value| {
        let held = members.iter().any(|member| is_member(member, &value, seen));
        some |= held;
        all &= held;
    });
    (some, all)
}

/// Whether a comparison holds for some pair of values, and whether there is none for which it does not.
fn compared(
    left: &Operand,
    comparison: Comparison,
    right: &Right,
    seen: &Seen<'_>,
) -> (bool, bool) {
    let (mut some, mut all) = (false, true);
    let mut test = |held: bool| {
        some |= held;
        all &= held;
    };
    match right {
        Right::Constant(constant) => each(left, seen, &mut |value| {
            test(pair(comparison, &value, constant));
        }),
        Right::Field(right) => {
            let mut others = Vec::new();
            each(right, seen, &mut |value| others.push(value));
            each(left, seen, &mut |value| {
                for other in &others {
                    let order = order(&value, other);
                    test(order.is_some_and(|order| ordered(comparison, order)));
                }
            });
        }
    }
    (some, all)
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
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Ipv4(a), Value::Ipv4(b)) => a.cmp(b),
        (Value::Ipv6(a), Value::Ipv6(b)) => a.cmp(b),
        _ => by_length(&a.bytes()?, &b.bytes()?),
    })
}

/// Bytes as Wireshark orders them: fewer before more.
pub(super) fn by_length(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn is_member(member: &Member, value: &Value<'_>, seen: &Seen<'_>) -> bool {
    let is = |right: &Right, test: fn(Ordering) -> bool| match right {
        Right::Constant(constant) => constant.compare(value).is_some_and(test),
        // Of several values one will do.
        Right::Field(operand) => {
            let mut some = false;
            each(operand, seen, &mut |other| {
                some |= order(value, &other).is_some_and(test);
            });
            some
        }
    };
    match member {
        Member::One(one) => is(one, Ordering::is_eq),
        Member::Range(low, high) => is(low, Ordering::is_ge) && is(high, Ordering::is_le),
    }
}

/// Shows each value of an operand.
fn each<'a>(operand: &Operand, seen: &Seen<'a>, show: &mut dyn FnMut(Value<'a>)) {
    match operand {
        Operand::Field(part) => each_of_field(part, seen, show),
        Operand::Constant(constant) => {
            if let Some(value) = constant.value() {
                show(value);
            }
        }
        Operand::Function(function, given) => each_of_function(*function, given, seen, show),
        Operand::Arithmetic(left, sign, right) => {
            let mut others = Vec::new();
            each(right, seen, &mut |value| others.push(value));
            each(left, seen, &mut |value| {
                for other in &others {
                    if let Some(result) = arithmetic(&value, *sign, other) {
                        show(result);
                    }
                }
            });
        }
        Operand::Negative(inner) => each(inner, seen, &mut |value| {
            let negative = match value {
                Value::Number(number) => number.checked_neg().map(Value::Number),
                Value::Nanoseconds(time) => time.checked_neg().map(Value::Nanoseconds),
                _ => None,
            };
            if let Some(value) = negative {
                show(value);
            }
        }),
    }
}

fn each_of_field<'a>(part: &Part, seen: &Seen<'a>, show: &mut dyn FnMut(Value<'a>)) {
    // imgnet's fields are those of one packet a frame: there is one layer of each.
    let here = |(first, last): &(i64, i64)| {
        (*first..=*last).contains(&1) || (*first..=*last).contains(&-1)
    };
    if !part.layers.is_empty() && !part.layers.iter().any(here) {
        return;
    }
    part.field.values(seen, &mut |value, lies| {
        let value = if part.raw {
            let raw = lies.and_then(|lies| seen.frame.data.get(lies));
            match (raw, value.bytes()) {
                (Some(bytes), _) => Value::Bytes(Cow::Borrowed(bytes)),
                (None, Some(bytes)) => Value::Bytes(Cow::Owned(bytes.into_owned())),
                (None, None) => return,
            }
        } else {
            value
        };
        if part.slices.is_empty() {
            show(value);
            return;
        }
        let Some(bytes) = cut(&value, &part.slices) else {
            return;
        };
        show(match value {
            Value::Text(_) => Value::Text(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())),
            _ => Value::Bytes(Cow::Owned(bytes)),
        });
    });
}

fn each_of_function<'a>(
    function: Function,
    given: &[Operand],
    seen: &Seen<'a>,
    show: &mut dyn FnMut(Value<'a>),
) {
    let all = |take: &mut dyn FnMut(Value<'a>)| {
        for one in given {
            each(one, seen, take);
        }
    };
    match function {
        Function::Count => {
            let mut count = 0;
            all(&mut |_| count += 1);
            if count > 0 {
                show(Value::Number(count));
            }
        }
        Function::Max | Function::Min => {
            let mut chosen: Option<Value<'a>> = None;
            all(&mut |value| {
                let better = chosen.as_ref().is_none_or(|chosen| {
                    order(&value, chosen).is_some_and(|order| match function {
                        Function::Max => order.is_gt(),
                        _ => order.is_lt(),
                    })
                });
                if better {
                    chosen = Some(value);
                }
            });
            if let Some(value) = chosen {
                show(value);
            }
        }
        Function::Length
            if let [Operand::Field(part)] = given
                && let Some(width) = part.width() =>
        {
            all(&mut |_| show(Value::Number(width)));
        }
        Function::Length | Function::Lower | Function::Upper | Function::String | Function::Abs => {
            all(&mut |value| show(changed(function, value)));
        }
    }
}

/// What a function makes of one value.
fn changed(function: Function, value: Value<'_>) -> Value<'_> {
    match (function, value) {
        (Function::Length, value) => {
            let length = value.own_bytes().map_or(0, |bytes| bytes.len());
            Value::Number(i64::try_from(length).unwrap_or(i64::MAX))
        }
        (Function::Lower, Value::Text(text)) => Value::Text(Cow::Owned(text.to_ascii_lowercase())),
        (Function::Upper, Value::Text(text)) => Value::Text(Cow::Owned(text.to_ascii_uppercase())),
        (Function::String, value) => Value::Text(Cow::Owned(value.to_string())),
        (Function::Abs, Value::Number(number)) => Value::Number(number.saturating_abs()),
        (Function::Abs, Value::Nanoseconds(time)) => Value::Nanoseconds(time.saturating_abs()),
        (_, value) => value,
    }
}

/// What comes of two values; nothing where there is no such number.
fn arithmetic<'a>(left: &Value<'a>, sign: Sign, right: &Value<'a>) -> Option<Value<'a>> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            // Numbers of 32 bits make one of 32 bits, as in Wireshark, or none.
            let most = i64::from(u32::MAX);
            number(*left, sign, *right)
                .filter(|made| *made <= most || *left > most || *right > most)
                .map(Value::Number)
        }
        (Value::Nanoseconds(left), Value::Nanoseconds(right)) => {
            number(*left, sign, *right).map(Value::Nanoseconds)
        }
        (Value::Ipv4(left), Value::Ipv4(right)) if sign == Sign::And => {
            Some(Value::Ipv4(*left & *right))
        }
        (Value::Ipv6(left), Value::Ipv6(right)) if sign == Sign::And => {
            Some(Value::Ipv6(*left & *right))
        }
        (left, right) if sign == Sign::And => {
            let (left, right) = (left.bytes()?, right.bytes()?);
            let both = left.iter().zip(right.iter()).map(|(a, b)| a & b);
            Some(Value::Bytes(Cow::Owned(both.collect())))
        }
        _ => None,
    }
}

fn number(left: i64, sign: Sign, right: i64) -> Option<i64> {
    match sign {
        Sign::Add => left.checked_add(right),
        Sign::Subtract => left.checked_sub(right),
        Sign::Multiply => left.checked_mul(right),
        Sign::Divide => left.checked_div(right),
        Sign::Remainder => left.checked_rem(right),
        Sign::And => Some(left & right),
    }
}

fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Number(number) | Value::Nanoseconds(number) => *number == 0,
        value => value
            .bytes()
            .is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0)),
    }
}

/// The bytes of slices, up to the first that begins before the value or reaches beyond it; absent of what has no bytes.
fn cut(value: &Value<'_>, slices: &[Slice]) -> Option<Vec<u8>> {
    let bytes = value.own_bytes()?;
    let mut out = Vec::new();
    for slice in slices {
        let Some(part) = part_of(&bytes, *slice) else {
            break;
        };
        out.extend_from_slice(part);
    }
    Some(out)
}

fn part_of(bytes: &[u8], slice: Slice) -> Option<&[u8]> {
    let distance = usize::try_from(slice.start.unsigned_abs()).ok()?;
    let start = if slice.start < 0 {
        bytes.len().checked_sub(distance)?
    } else {
        distance
    };
    let end = match slice.length {
        Some(length) => start.checked_add(usize::try_from(length).ok()?)?,
        None => bytes.len(),
    };
    bytes.get(start..end).filter(|part| !part.is_empty())
}
