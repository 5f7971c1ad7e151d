/// A key that sorts the numbers in `text` by value: `fc2` before `fc10`.
pub(super) fn natural(text: &str) -> Vec<(&str, usize, &str)> {
    let mut key = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(start);
        let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, tail) = tail.split_at(end);
        let digits = digits.trim_start_matches('0');
        // Of two numbers without leading zeros the longer one is larger.
        key.push((word, digits.len(), digits));
        rest = tail;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_sort_by_value() {
        let mut names = ["fc10", "fc2", "fc1", "layers.2.lin10", "layers.10.lin1", "layers.2.lin9"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["fc1", "fc2", "fc10", "layers.2.lin9", "layers.2.lin10", "layers.10.lin1"]);
    }
}
