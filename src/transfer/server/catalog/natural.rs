//! The order in which people count: `2.jpg` before `10.jpg`.

/// A key by which digits in names sort as numbers and before letters.
pub(super) fn natural(name: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for letter in name.chars() {
        match (letter.is_ascii_digit(), parts.last_mut()) {
            (true, Some(Part::Number(length, digits))) => {
                // Leading zeros do not make a number larger.
                if digits == "0" {
                    digits.clear();
                    *length = 0;
                }
                digits.push(letter);
                *length = length.saturating_add(1);
            }
            (false, Some(Part::Text(text))) => text.push(letter),
            (true, _) => parts.push(Part::Number(1, letter.to_string())),
            (false, _) => parts.push(Part::Text(letter.to_string())),
        }
    }
    parts
}

/// Part of a name. Of two numbers without leading zeros the one with more digits is larger.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Number(usize, String),
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let mut names = ["b", "a10", "a9", "a1", "a010x", "10", "9", "a"];
        names.sort_by_cached_key(|name| natural(name));
        assert_eq!(names, ["9", "10", "a", "a1", "a9", "a10", "a010x", "b"]);
    }
}
