//! The page that `collado study all` writes.

use std::{fmt::Write as _, io::Write as _, path::Path};

use super::headline::{Headline, StudyOutcome};
use crate::failure::Failure;

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>collado: the studies</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 780px; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .25em .8em .25em 0; vertical-align: top }
section { border-top: 1px solid #e1e4e8; margin-top: 2em } img { max-width: 100% } small { color: #4d5560 }
.supported { color: #007a5a } .contradicted, .failed { color: #b34700 } .inconclusive { color: #4d5560 }
</style>
<h1>The claims of the theory, tested</h1>
"#;

/// Writes `index.html`: every claim with its verdict, sentences and pictures.
pub(super) fn write(folder: &Path, done: &[StudyOutcome]) -> Result<(), Failure> {
    let mut page = HEAD.to_owned() + "<table><tr><th>Study<th>Verdict<th>Seconds\n";
    for d in done {
        let (verdict, seconds) = match &d.result {
            Ok(Headline { verdict, seconds, .. }) => (escape(verdict), *seconds),
            Err(_) => ("failed".into(), None),
        };
        let seconds = seconds.map_or_else(String::new, |s| format!("{s:.1}"));
        let name = d.name;
        let _ = writeln!(
            page,
            "<tr><td><a href=\"#{name}\">{name}</a><td class=\"{verdict}\">{verdict}<td>{seconds}"
        );
    }
    page += "</table>\n";
    for d in done {
        section(&mut page, folder, d);
    }
    page += "</html>\n";
    Ok(collado_files::atomically(&folder.join("index.html"), |file| file.write_all(page.as_bytes()))?)
}

fn section(page: &mut String, folder: &Path, done: &StudyOutcome) {
    let name = done.name;
    let _ = writeln!(page, "<section id=\"{name}\"><h2>{name}</h2>");
    match &done.result {
        Err(error) => _ = writeln!(page, "<p class=\"failed\">{}</p>", escape(error)),
        Ok(Headline { claim, source, rule, verdict, shown, not_shown, .. }) => {
            let [claim, source, rule, verdict, shown, not_shown] =
                [claim, source, rule, verdict, shown, not_shown].map(|text| escape(text));
            let _ = writeln!(page, "<p>{claim} <small>({source})</small></p>");
            let _ = writeln!(page, "<p><b class=\"{verdict}\">{verdict}</b> <small>{rule}</small></p>");
            let _ = writeln!(page, "<p>{shown}<br>{not_shown}</p>");
            for picture in pictures(&folder.join(name)) {
                let _ = writeln!(page, "<p><img src=\"{name}/{picture}\" alt=\"{picture}\"></p>");
            }
            let _ = writeln!(
                page,
                "<p><a href=\"{name}/result.json\">result.json</a> · <a href=\"{name}/rows.csv\">rows.csv</a></p>"
            );
        }
    }
    page.push_str("</section>\n");
}

/// The names of the SVG files in a folder, in alphabetical order.
fn pictures(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = files
        .filter_map(|file| file.file_name().into_string().ok())
        .filter(|name| name.ends_with(".svg"))
        .collect();
    names.sort_unstable();
    names
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
