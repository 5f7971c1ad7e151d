//! Pictures as parts of the page.

use std::path::Path;

use super::super::headline::PictureFile;

/// The pictures of a study, in the order of its report; all SVG files of its folder where the report does not list them.
pub(super) fn of(folder: &Path, listed: &[PictureFile]) -> Vec<PictureFile> {
    if !listed.is_empty() {
        return listed.to_vec();
    }
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".svg")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.into_iter().map(|file| PictureFile { file, caption: String::new() }).collect()
}

/// An SVG file as an element of the page, without the caption at its foot, which the page sets below it; `None` where the file
/// cannot be read.
pub(super) fn inline(folder: &Path, study: &str, file: &str) -> Option<String> {
    let svg = std::fs::read_to_string(folder.join(format!("{file}.svg"))).ok()?;
    let svg = svg.split_once("?>").map_or(svg.as_str(), |(_, svg)| svg.trim_start());
    let (head, body) = svg.split_once('>')?;
    let (width, height) = (attribute(head, "width")?, attribute(head, "height")?);
    let height = attribute(head, "data-body").unwrap_or(height);
    let fonts = attribute(head, "font-family")?;
    // Names are unique in a file only.
    let body = body
        .replace("id=\"clip", &format!("id=\"{study}-{file}-clip"))
        .replace("url(#clip", &format!("url(#{study}-{file}-clip"));
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
        assert_eq!(of(folder.path(), &[])[0].file, "a");
        assert!(inline(folder.path(), "study", "b").is_none());
    }
}
