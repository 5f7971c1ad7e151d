//! Pictures as parts of a page.

use std::path::Path;

/// The names of all SVG files of a folder, without their extension, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".svg")?.to_owned())).collect();
    names.sort_unstable();
    names
}

/// An SVG file as an element of a page, without the caption at its foot, which the page sets below it; `None` where the file
/// cannot be read. Its names get the prefix `run`, since they are unique in a file only.
pub(crate) fn inline(folder: &Path, run: &str, file: &str) -> Option<String> {
    let svg = std::fs::read_to_string(folder.join(format!("{file}.svg"))).ok()?;
    let svg = svg.split_once("?>").map_or(svg.as_str(), |(_, svg)| svg.trim_start());
    let (head, body) = svg.split_once('>')?;
    let (width, height) = (attribute(head, "width")?, attribute(head, "height")?);
    let height = attribute(head, "data-body").unwrap_or(height);
    let fonts = attribute(head, "font-family")?;
    let body = body
        .replace("id=\"clip", &format!("id=\"{run}-{file}-clip"))
        .replace("url(#clip", &format!("url(#{run}-{file}-clip"));
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{fonts}\">{body}"
    ))
}

fn attribute<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = head.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_cut_above_their_caption() {
        let folder = tempfile::tempdir().unwrap();
        let svg = "<?xml version=\"1.0\"?>\n<svg width=\"800\" height=\"450\" viewBox=\"0 0 800 450\" data-body=\"410\" \
                   font-family=\"Inter\">\n<clipPath id=\"clip1\"/><g clip-path=\"url(#clip1)\"/></svg>\n";
        std::fs::write(folder.path().join("a.svg"), svg).unwrap();
        let found = inline(folder.path(), "study", "a").unwrap();
        assert!(found.starts_with("<svg ") && found.contains("viewBox=\"0 0 800 410\""), "{found}");
        assert!(found.contains("id=\"study-a-clip1\"") && found.contains("url(#study-a-clip1)"), "{found}");
        assert_eq!(names(folder.path()), ["a"]);
        assert!(inline(folder.path(), "study", "b").is_none());
    }
}
