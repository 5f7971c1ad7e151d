//! JSON as Python writes it: with bare `Infinity`, `-Infinity` and `NaN`, which JSON itself does not have.

use std::borrow::Cow;

/// The same text with such numbers as strings, which newer versions of PyTorch write by themselves.
pub(super) fn quoted(text: &[u8]) -> Cow<'_, [u8]> {
    const BARE: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut result: Vec<u8> = Vec::new();
    let (mut at, mut kept, mut inside) = (0, 0, false);
    while at < text.len() {
        match text[at] {
            b'\\' if inside => at += 1,
            b'"' => inside = !inside,
            b'-' | b'I' | b'N' if !inside => {
                if let Some(word) = BARE.iter().find(|word| text[at..].starts_with(word)) {
                    result.extend([&text[kept..at], b"\"", word, b"\""].concat());
                    at += word.len();
                    kept = at;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    result.extend(&text[kept..]);
    Cow::Owned(result)
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn bare_numbers_become_strings() {
        for (text, expected) in [
            (r#"{"a": -Infinity, "b": [NaN,Infinity]}"#, r#"{"a": "-Infinity", "b": ["NaN","Infinity"]}"#),
            (r#"{"say \"NaN": "Infinity", "b": -1}"#, r#"{"say \"NaN": "Infinity", "b": -1}"#),
            (r#"["\\", NaN"#, r#"["\\", "NaN""#),
        ] {
            assert_eq!(quoted(text.as_bytes()), expected.as_bytes());
        }
    }
}
