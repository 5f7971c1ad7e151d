//! Natural order of names: numbers in names decide which layer comes first.

/// A name split into words and numbers; names with the same words are ordered by their numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Numbered {
    /// The words, with `#` for each number between two of them.
    pub(crate) stem: String,
    /// The numbers, each by its length and digits. `dense` comes before `dense_1`.
    numbers: Vec<(usize, String)>,
}

const WORDS: [[&str; 2]; 10] = [
    ["one", "first"],
    ["two", "second"],
    ["three", "third"],
    ["four", "fourth"],
    ["five", "fifth"],
    ["six", "sixth"],
    ["seven", "seventh"],
    ["eight", "eighth"],
    ["nine", "ninth"],
    ["ten", "tenth"],
];

impl Numbered {
    /// Finds the numbers in `name`; `one` and `first` are numbers too where they are a word of their own.
    pub(crate) fn new(name: &str) -> Self {
        let words = name.split_inclusive(['.', '_', '/']).map(in_digits).collect::<String>();
        let (mut stem, mut numbers) = (String::new(), Vec::new());
        let mut rest = words.as_str();
        while !rest.is_empty() {
            let start = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(start);
            let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
            let (digits, tail) = tail.split_at(end);
            stem.push_str(if digits.is_empty() { word } else { word.trim_end_matches('_') });
            if !tail.is_empty() {
                stem.push('#');
            }
            if !digits.is_empty() {
                // Of two numbers without leading zeros the longer one is larger.
                let digits = digits.trim_start_matches('0');
                numbers.push((digits.len(), digits.to_owned()));
            }
            rest = tail;
        }
        Self { stem, numbers }
    }
}

/// Replaces a word for a number, such as `first_` by `1_`; other words stay as they are.
fn in_digits(word: &str) -> String {
    let bare = word.trim_end_matches(['.', '_', '/']);
    match WORDS.iter().position(|names| names.iter().any(|name| name.eq_ignore_ascii_case(bare))) {
        Some(k) => format!("{}{}", k + 1, &word[bare.len()..]),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Numbered;

    #[test]
    fn numbers_sort_by_value() {
        let sorted = |mut names: Vec<&'static str>| {
            names.sort_by_key(|name| Numbered::new(name));
            names
        };
        assert_eq!(sorted(vec!["fc10", "fc2", "fc1"]), ["fc1", "fc2", "fc10"]);
        assert_eq!(sorted(vec!["two", "three", "one"]), ["one", "two", "three"]);
        assert_eq!(sorted(vec!["second_layer", "first_layer"]), ["first_layer", "second_layer"]);
        assert_eq!(sorted(vec!["dense_10", "dense_2", "dense"]), ["dense", "dense_2", "dense_10"]);
        assert_eq!(
            sorted(vec!["layers.10.lin1", "layers.2.lin10", "layers.2.lin9"]),
            ["layers.2.lin9", "layers.2.lin10", "layers.10.lin1"]
        );
    }

    #[test]
    fn other_words_are_other_stems() {
        let stem = |name| Numbered::new(name).stem;
        assert_eq!(stem("layers.0"), stem("layers.12"));
        assert_eq!(stem("dense"), stem("dense_1"));
        assert_ne!(stem("layers.0"), stem("head"));
        assert_ne!(stem("hidden"), stem("input"));
        assert_ne!(stem("someone"), stem("sometwo"));
        assert_ne!(stem("a.0.b"), stem("a.0.c"));
    }
}
