//! The identity of a run: everything that decides about the bits of its result.

use serde_json::{Map, Value as Json};

/// The part of a `run` block on which the bits of a result depend.
pub(crate) fn identity_of(block: &Json) -> Json {
    let mut identity = block.as_object().cloned().unwrap_or_default();
    for name in ["id", "words", "time", "status"] {
        identity.remove(name);
    }
    if let Some(Json::Array(files)) = identity.get_mut("files") {
        files.iter_mut().for_each(|file| *file = file["hash"].take());
    }
    if let Some(data) = identity.get_mut("data") {
        *data = data["hash"].take();
    }
    identity.into()
}

/// The first difference of two identities, in words.
pub(crate) fn difference(here: &Json, there: &Json) -> Option<String> {
    let (Json::Object(a), Json::Object(b)) = (here, there) else {
        let short = |value: &Json| {
            let text = value.to_string();
            if text.chars().count() > 60 {
                text.chars().take(57).chain("...".chars()).collect()
            } else {
                text
            }
        };
        return (here != there).then(|| format!("{} here, {} there", short(here), short(there)));
    };
    a.keys().chain(b.keys()).find_map(|name| {
        let of = |object: &Map<String, Json>| object.get(name).cloned().unwrap_or(Json::Null);
        let inner = difference(&of(a), &of(b))?;
        let flag = name.replace('_', "-");
        Some(if name == "settings" { inner } else { format!("{flag} {inner}") })
    })
}
