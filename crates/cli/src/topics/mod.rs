//! Help that is about no single command: where to begin, data sets, networks.

use std::fmt::Write as _;

/// What `collado` without arguments shows.
pub(crate) const START: &str = include_str!("start.txt");

/// The text of `collado help TOPIC`; `None` where it is no topic of this kind.
pub(crate) fn of(topic: &str) -> Option<String> {
    match topic {
        "data" => Some(data()),
        "arch" => Some(include_str!("arch.txt").to_owned()),
        _ => None,
    }
}

fn data() -> String {
    let mut text = include_str!("data.txt").to_owned();
    for (name, what) in collado_data::synthetic_tasks() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<26}  {what}");
    }
    text
}
