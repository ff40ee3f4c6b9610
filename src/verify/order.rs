//! The order in which a person lists files: numbers in names count as numbers.

use std::cmp::Ordering;

/// Compares names so that `img2` comes before `img10`; names that differ only in leading zeros by their bytes.
pub(crate) fn natural(left: &str, right: &str) -> Ordering {
    let (mut a, mut b) = (left, right);
    loop {
        let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else {
            return a.len().cmp(&b.len()).then_with(|| left.cmp(right));
        };
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (number_a, rest_a) = digits(a);
            let (number_b, rest_b) = digits(b);
            let by_number = number_a
                .len()
                .cmp(&number_b.len())
                .then(number_a.cmp(number_b));
            if by_number != Ordering::Equal {
                return by_number;
            }
            (a, b) = (rest_a, rest_b);
        } else {
            if x != y {
                return x.cmp(&y);
            }
            (a, b) = (
                a.get(x.len_utf8()..).unwrap_or_default(),
                b.get(y.len_utf8()..).unwrap_or_default(),
            );
        }
    }
}

/// The number at the start, without leading zeros, and what follows it.
fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.trim_start_matches('0'), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_as_numbers() {
        let mut names = vec!["img10", "img2", "img02", "a", "img", "img2b", "img1/x", "é"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            ["a", "img", "img1/x", "img02", "img2", "img2b", "img10", "é"]
        );
    }
}
