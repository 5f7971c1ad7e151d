//! Grids: all combinations of the values of lists, and the names `{…}` in texts that stand for values of `[grid]`.

use serde_json::Value as Json;

use super::file::{Entry, Value};

/// One value of each entry.
pub(super) type Point<'a> = Vec<(&'a Entry, &'a Value)>;

/// All combinations of the values of the entries; those of the last entry vary fastest.
pub(super) fn points<'a>(entries: &[&'a Entry]) -> Vec<Point<'a>> {
    entries.iter().fold(vec![Vec::new()], |points, entry| {
        let longer = |point: &Point<'a>| {
            let point = point.clone();
            entry.values.iter().map(move |value| [&point[..], &[(*entry, value)]].concat())
        };
        points.iter().flat_map(longer).collect()
    })
}

/// The number of [`points`].
pub(super) fn count(entries: &[&Entry]) -> usize {
    entries.iter().fold(1, |count, entry| count.saturating_mul(entry.values.len()))
}

/// A text with values in place of `{name}`, and the names that stood there.
pub(super) fn fill<'a>(text: &str, grid: &Point<'a>) -> Result<(String, Vec<&'a str>), String> {
    let (mut filled, mut used, mut rest) = (String::new(), Vec::new(), text);
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((name, behind)) = behind.split_once('}') else {
            return Err("'{' without '}'".into());
        };
        let Some((entry, value)) = grid.iter().find(|(entry, _)| entry.key == name.replace('_', "-")) else {
            let known: Vec<_> = grid.iter().map(|(entry, _)| entry.key.as_str()).collect();
            let known = if known.is_empty() { "no names".into() } else { known.join(", ") };
            return Err(format!("'{{{name}}}' is not in [grid], which has {known}"));
        };
        filled += before;
        filled += &value.text();
        used.push(entry.key.as_str());
        rest = behind;
    }
    Ok((filled + rest, used))
}

/// The name of an entry of `[grid]` as a column, and its value.
pub(super) fn label(name: &str, grid: &Point<'_>) -> Option<(String, Json)> {
    let (entry, value) = grid.iter().find(|(entry, _)| entry.key == name)?;
    Some((entry.key.clone(), value.json.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, values: &[i64]) -> Entry {
        let values = values.iter().map(|&n| Value { json: n.into(), span: 0..0 }).collect();
        Entry { key: key.into(), span: 0..0, values, listed: true }
    }

    #[test]
    fn the_last_entry_varies_fastest() {
        let (a, b) = (entry("a", &[1, 2]), entry("b", &[3, 4, 5]));
        let shown: Vec<_> =
            points(&[&a, &b]).iter().map(|p| p.iter().map(|(_, v)| v.text()).collect::<String>()).collect();
        assert_eq!(shown, ["13", "14", "15", "23", "24", "25"]);
        assert_eq!(points(&[]).len(), 1);
    }

    #[test]
    fn names_are_filled_in() {
        let (a, b) = (entry("a", &[7]), entry("b-c", &[8]));
        let grid: Point<'_> = vec![(&a, &a.values[0]), (&b, &b.values[0])];
        assert_eq!(fill("x-{a}-{b_c}-{a}", &grid), Ok(("x-7-8-7".into(), vec!["a", "b-c", "a"])));
        assert_eq!(fill("plain", &grid), Ok(("plain".into(), vec![])));
        assert!(fill("{d}", &grid).unwrap_err().contains("which has a, b-c"));
        assert!(fill("{a", &grid).is_err());
    }
}
