//! The page that `collado study all` writes: every claim in the order of the slides, in one file without links to others.

mod catalogue;
mod chapters;
mod language;
mod words;

use std::{fmt::Write as _, io::Write as _, path::Path};

use self::chapters::{CHAPTERS, MORE, Text, Topic};
pub(crate) use self::language::Language;
use super::headline::{Headline, PictureFile, StudyOutcome};
use crate::{failure::Failure, inline_picture};

const STYLE: &str = include_str!("style.css");

/// What the page says of the run as a whole.
pub(super) struct About {
    pub(super) language: Language,
    pub(super) size: &'static str,
    pub(super) seed: u64,
}

/// Writes `index.html`: every claim with its formula, verdict, sentences and pictures.
pub(super) fn write(folder: &Path, about: &About, done: &[StudyOutcome]) -> Result<(), Failure> {
    let page = Page { language: about.language, text: String::new() }.of(folder, about, done);
    Ok(collado_files::atomically(&folder.join("index.html"), |file| file.write_all(page.as_bytes()))?)
}

struct Page {
    language: Language,
    text: String,
}

impl Page {
    fn of(mut self, folder: &Path, about: &About, done: &[StudyOutcome]) -> String {
        let (code, title) = (self.language.code(), self.language.of(words::TITLE));
        self.push(&format!(
            "<!DOCTYPE html>\n<html lang=\"{code}\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
             initial-scale=1\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n<h1>{title}</h1>\n<p>{}</p>",
            self.language.of(words::LEAD)
        ));
        self.overview(about, done);
        let outcome = |name: &str| done.iter().find(|d| d.name == name);
        for chapter in CHAPTERS.iter().filter(|c| c.topics.iter().any(|t| outcome(t.study).is_some())) {
            self.chapter(chapter.title, chapter.text);
            for topic in chapter.topics {
                if let Some(done) = outcome(topic.study) {
                    self.section(folder, about, done, Some(topic));
                }
            }
        }
        let mut rest = done.iter().filter(|d| topic(d.name).is_none()).peekable();
        if rest.peek().is_some() {
            self.chapter(MORE, ["", ""]);
            rest.for_each(|done| self.section(folder, about, done, None));
        }
        self.push("</html>");
        self.text
    }

    fn push(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    /// A text of the report in the page's language, or marked as English where the catalogue lacks it.
    fn said(&self, text: &str) -> String {
        match self.language.translation(text) {
            Some(text) => escape(&capitalised(&text)),
            None => format!("<span lang=\"en\">{}</span>", escape(&capitalised(text))),
        }
    }

    fn chapter(&mut self, title: Text, text: Text) {
        let (title, text) = (self.language.of(title), self.language.of(text));
        self.push(&format!("<h2>{title}</h2>"));
        if !text.is_empty() {
            self.push(&format!("<p>{text}</p>"));
        }
    }

    /// A table of all claims with their verdicts, in the order of the page.
    fn overview(&mut self, about: &About, done: &[StudyOutcome]) {
        let of = |text| self.language.of(text);
        let mut table = format!(
            "<table>\n<tr><th>{}<th>{}<th class=\"seconds\">{}",
            of(words::CLAIM),
            of(words::VERDICT),
            of(words::SECONDS)
        );
        let listed =
            CHAPTERS.iter().flat_map(|c| c.topics).filter_map(|t| done.iter().find(|d| d.name == t.study));
        for d in listed.chain(done.iter().filter(|d| topic(d.name).is_none())) {
            let seconds = d.result.as_ref().ok().and_then(|r| r.seconds).map(|s| format!("{s:.1}"));
            let title = topic(d.name).map_or(d.name, |t| of(t.title));
            let _ = write!(
                table,
                "\n<tr><td><a href=\"#{}\">{title}</a><td>{}<td class=\"seconds\">{}",
                d.name,
                self.badge(d),
                seconds.unwrap_or_default()
            );
        }
        let (size, seed, number) = (of(words::size(about.size)), of(words::SEED), about.seed);
        let _ = write!(
            table,
            "\n</table>\n<p class=\"soft\">collado {}. {}: {size}, {seed} {number}.</p>",
            env!("CARGO_PKG_VERSION"),
            of(words::SIZE)
        );
        self.push(&table);
    }

    fn badge(&self, done: &StudyOutcome) -> String {
        let verdict = done.result.as_ref().map_or("failed", |headline| &headline.verdict);
        format!("<span class=\"verdict {verdict}\">{}</span>", self.language.of(words::verdict(verdict)))
    }

    fn section(&mut self, folder: &Path, about: &About, done: &StudyOutcome, topic: Option<&Topic>) {
        let (name, badge) = (done.name, self.badge(done));
        let title = topic.map_or(name, |t| self.language.of(t.title));
        self.push(&format!("<section id=\"{name}\">\n<h3>{title}</h3>"));
        if let Some(topic) = topic {
            self.push(&format!("<p>{}</p>", self.language.of(topic.text)));
            self.push(&format!("<div class=\"formula\">\n{}</div>", topic.formula));
        }
        match &done.result {
            Err(error) => self.push(&format!("<p>{badge} {}</p>", escape(error))),
            Ok(headline) => {
                self.push(&format!("<blockquote><p>{}</p></blockquote>", self.said(&headline.claim)));
                self.push(&format!("<p>{badge}</p>"));
                self.pictures(&folder.join(name), name, headline);
                self.sentences(headline);
                self.conditions(headline);
                self.command(about, name);
            }
        }
        self.push("</section>");
    }

    /// The pictures, the claim's own first.
    fn pictures(&mut self, folder: &Path, name: &str, headline: &Headline) {
        for picture in pictures(folder, &headline.pictures) {
            let Some(svg) = inline_picture::inline(folder, name, &picture.file) else { continue };
            let caption = if picture.caption.is_empty() {
                String::new()
            } else {
                format!("<figcaption>{}</figcaption>", self.said(&picture.caption))
            };
            self.push(&format!("<figure>\n{svg}{caption}\n</figure>"));
        }
    }

    fn sentences(&mut self, headline: &Headline) {
        let Headline { rule, shown, not_shown, contradicted_by, power, source, .. } = headline;
        let rows = [
            (words::SHOWN, without_lead(shown)),
            (words::NOT_SHOWN, without_lead(not_shown)),
            (words::RULE, rule),
            (words::CONTRADICTED_BY, contradicted_by),
            (words::POWER, power),
        ];
        self.push("<dl>");
        for (word, text) in rows.into_iter().filter(|(_, text)| !text.is_empty()) {
            self.push(&format!("<dt>{}<dd>{}", self.language.of(word), self.said(text)));
        }
        let word = self.language.of(words::SOURCE);
        self.push(&format!("<dt>{word}<dd><cite lang=\"en\">{}</cite>", escape(source)));
        self.push("</dl>");
    }

    fn conditions(&mut self, headline: &Headline) {
        if headline.conditions.is_empty() {
            return;
        }
        let of = |text| self.language.of(text);
        let mut table = format!(
            "<table>\n<tr><th>{}<th>{}<th>{}",
            of(words::CONDITION),
            of(words::FOUND),
            of(words::VERDICT)
        );
        for c in &headline.conditions {
            let verdict = of(words::verdict(&c.verdict));
            let _ = write!(
                table,
                "\n<tr><td>{}<td>{}<td class=\"verdict {}\">{verdict}",
                self.said(&c.condition),
                self.said(&c.found),
                escape(&c.verdict)
            );
        }
        self.push(&(table + "\n</table>"));
    }

    fn command(&mut self, about: &About, name: &str) {
        let size = match about.size {
            "usual" => String::new(),
            size => format!(" --{size}"),
        };
        let seed = if about.seed == 0 { String::new() } else { format!(" --seed {}", about.seed) };
        let repeat = self.language.of(words::REPEAT);
        self.push(&format!(
            "<p class=\"soft\">{repeat}: <code>collado study {name}{size}{seed} --out runs/{name}</code></p>"
        ));
    }
}

/// The topic of a study.
fn topic(study: &str) -> Option<&'static Topic> {
    CHAPTERS.iter().flat_map(|chapter| chapter.topics).find(|topic| topic.study == study)
}

/// The pictures of a study, in the order of its report; all SVG files of its folder where the report does not list them.
fn pictures(folder: &Path, listed: &[PictureFile]) -> Vec<PictureFile> {
    if !listed.is_empty() {
        return listed.to_vec();
    }
    let unlisted = |file| PictureFile { file, caption: String::new() };
    inline_picture::names(folder).into_iter().map(unlisted).collect()
}

/// A sentence without the words `Shown:` or `Not shown:` that it has on a terminal.
fn without_lead(text: &str) -> &str {
    let rest = text.strip_prefix("Shown: ").or_else(|| text.strip_prefix("Not shown: "));
    rest.unwrap_or(text)
}

/// The text with a capital at its beginning, where that is an ordinary word.
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.clone().next()) {
        // Not the symbols of formulas, which stand alone.
        (Some(first @ 'a'..='z'), Some('a'..='z' | 'á' | 'é' | 'í' | 'ó' | 'ú'))
        | (Some(first @ 'a'), Some(' ')) => first.to_uppercase().chain(characters).collect(),
        _ => text.to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
