//! A catalogue of translations (gettext's PO format). Numbers are slots: a sentence that was translated once is translated
//! whatever was measured.

use std::collections::HashMap;

/// The entries of a PO file: English templates, and their translations as they stand there.
///
/// A template is the text with `{}` for each number; the translation keeps its sample numbers, which tell the slots apart.
pub(super) fn read(po: &str) -> HashMap<String, String> {
    let mut entries = HashMap::new();
    let (mut id, mut text, mut in_text) = (String::new(), String::new(), false);
    for line in po.lines().chain(["msgid \"\""]) {
        let line = line.trim();
        let quoted = if let Some(rest) = line.strip_prefix("msgid ") {
            let (id, text) = (std::mem::take(&mut id), std::mem::take(&mut text));
            if !id.is_empty() && !text.is_empty() {
                entries.insert(id, text);
            }
            in_text = false;
            rest
        } else if let Some(rest) = line.strip_prefix("msgstr ") {
            in_text = true;
            rest
        } else if line.starts_with('"') {
            line
        } else {
            continue;
        };
        let part = quoted.trim_matches('"').replace("\\\"", "\"").replace("\\n", "\n");
        (if in_text { &mut text } else { &mut id }).push_str(&part);
    }
    entries.into_iter().map(|(id, text)| (Template::of(&id).key(), with_slots(&id, &text))).collect()
}

/// The translation of a text as a whole, or of its sentences, clauses and words between separators; `None` where a part is not in the catalogue.
pub(super) fn translate(catalogue: &HashMap<String, String>, text: &str) -> Option<String> {
    let template = Template::of(text);
    if !text.chars().any(char::is_alphabetic) {
        return Some(text.to_owned());
    }
    if let Some(found) = catalogue.get(&template.key()) {
        return Some(filled(found, &template.numbers));
    }
    if let Some(rest) = text.strip_suffix('.') {
        return Some(translate(catalogue, rest)? + ".");
    }
    [". ", "; ", ": ", ", "].into_iter().find_map(|separator| {
        let parts: Vec<&str> = text.split(separator).collect();
        let parts: Option<Vec<String>> = (parts.len() > 1)
            .then(|| parts.into_iter().map(|part| translate(catalogue, part)).collect())
            .flatten();
        Some(parts?.join(separator))
    })
}

/// A text cut into words and numbers.
struct Template {
    words: Vec<String>,
    numbers: Vec<String>,
}

impl Template {
    /// Cuts at numbers (`12`, `0.5`, `1e-9`, `−3`) and at specifications such as `relu:64-10`; between two words there is one
    /// number.
    fn of(text: &str) -> Self {
        let (mut words, mut numbers) = (vec![String::new()], Vec::new());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let last = words.last().and_then(|word: &String| word.chars().last());
            let length = slot(rest, last);
            if length > 0 {
                numbers.push(rest[..length].to_owned());
                words.push(String::new());
                rest = &rest[length..];
            } else {
                words.last_mut().expect("there is a word").push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        Self { words, numbers }
    }

    fn key(&self) -> String {
        self.words.join("{}")
    }
}

/// The length of the number or specification that `text` begins with, after the character `before`; 0 if there is none.
fn slot(text: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(char::is_alphanumeric);
    if !in_word && let Some(length) = specification(text) {
        return length;
    }
    let sign = text.chars().next().filter(|c| matches!(c, '-' | '−') && !in_word).map_or(0, char::len_utf8);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(&text[sign..]);
    if whole == 0 {
        return 0;
    }
    let mut length = sign + whole;
    if let Some(rest) = text[length..].strip_prefix('.') {
        let fraction = digits(rest);
        length += if fraction > 0 { 1 + fraction } else { 0 };
    }
    if let Some(rest) = text[length..].strip_prefix('e') {
        let sign = usize::from(rest.starts_with(['-', '+']));
        let exponent = digits(&rest[sign..]);
        length += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    length
}

/// The length of a specification, small letters and a colon with something right behind it.
fn specification(text: &str) -> Option<usize> {
    let name = text.bytes().take_while(|b| b.is_ascii_lowercase() || *b == b'-').count();
    let rest = text[name..].strip_prefix(':').filter(|_| name > 1)?;
    let value = rest.find([' ', ';', ',', ')']).unwrap_or(rest.len());
    (value > 0).then_some(name + 1 + value)
}

/// The translation with `{n}` where the number n of the English text stands.
fn with_slots(id: &str, text: &str) -> String {
    let mut ids: Vec<Option<String>> = Template::of(id).numbers.into_iter().map(Some).collect();
    let Template { words, numbers } = Template::of(text);
    let mut slotted = words[0].clone();
    for (number, word) in numbers.into_iter().zip(&words[1..]) {
        let place = ids.iter().position(|id| id.as_ref() == Some(&number));
        match place {
            Some(place) => {
                ids[place] = None;
                slotted += &format!("{{{place}}}");
            }
            // A number that only the translation has is part of its words.
            None => slotted += &number,
        }
        slotted += word;
    }
    slotted
}

fn filled(slotted: &str, numbers: &[String]) -> String {
    let mut text = slotted.to_owned();
    for (place, number) in numbers.iter().enumerate() {
        text = text.replacen(&format!("{{{place}}}"), number, 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PO: &str = r#"
# A comment.
msgid "9 of 12 runs for d = 1"
msgstr "para d = 1, 9 de 12 "
"ejecuciones"

msgid "Shown"
msgstr "Se muestra"

msgid "relu:2-3 on digits"
msgstr "relu:2-3 con dígitos"
"#;

    #[test]
    fn numbers_keep_their_places() {
        let catalogue = read(PO);
        let of = |text| translate(&catalogue, text);
        assert_eq!(of("3 of 4 runs for d = 1e-3").unwrap(), "para d = 1e-3, 3 de 4 ejecuciones");
        assert_eq!(
            of("Shown: -2 of 0.5 runs for d = 7, 1 of 1 runs for d = 1").unwrap(),
            "Se muestra: para d = 7, -2 de 0.5 ejecuciones, para d = 1, 1 de 1 ejecuciones"
        );
        assert_eq!(of("Shown.").unwrap(), "Se muestra.");
        assert_eq!(of("linear:6-8-8-3 on digits").unwrap(), "linear:6-8-8-3 con dígitos");
        assert_eq!(of("12.5 − 3").unwrap(), "12.5 − 3");
        assert_eq!((of("Something else"), of("Shown: something")), (None, None));
    }
}
