//! The page: style, drawing library, results and the script that draws them, in one text.

use std::io::Read as _;

use super::results::Results;
use crate::json;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// plotly.js 4.1.1, the bundle with lines and surfaces, gzipped (MIT, see its licence beside it).
const PLOTLY: &[u8] = include_bytes!("../../assets/plotly/plotly-gl3d-4.1.1.min.js.gz");

/// The page of `runs`. The policy in its head forbids every access to the network.
pub(super) fn of(runs: &[Results]) -> String {
    let title = match runs {
        [run] => format!("{}: {}", run.name, run.command),
        runs => format!("{} runs", runs.len()),
    };
    let title = text(&title);
    let plotly = plotly();
    // Within a script element only `<` could end it.
    let data = json::value(&serde_json::json!({ "runs": runs })).to_string().replace('<', "\\u003c");
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; \
         style-src 'unsafe-inline'; img-src data: blob:\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>{title}</h1><button type=\"button\" id=\"theme\">Light or dark</button></header>\n\
         <noscript><p class=\"note\">This page draws its results by a script. The numbers are also in the tables and pictures \
         of the run folders.</p></noscript>\n<main></main>\n<footer class=\"soft\"><p>Written by collado {version}. Drawn by \
         plotly.js 4.1.1 (MIT licence, Plotly, Inc.).</p></footer>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n<script>{plotly}</script>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

fn plotly() -> String {
    let mut script = String::new();
    flate2::read::GzDecoder::new(PLOTLY)
        .read_to_string(&mut script)
        .expect("the library that the program carries is whole");
    script.replace("</script", "<\\/script")
}

fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
