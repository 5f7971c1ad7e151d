//! The languages of the page, and the catalogue that translates sentences with numbers in them.

use std::{collections::HashMap, sync::OnceLock};

use clap::ValueEnum;

use super::catalogue;

/// A language of pages and pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Language {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
}

/// The translations into Spanish.
const SPANISH: &str = include_str!("es.po");

impl Language {
    /// Its code, as HTML has it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
        }
    }

    /// Of a text in both languages, the one in this language.
    pub(crate) fn of(self, [english, spanish]: [&'static str; 2]) -> &'static str {
        match self {
            Self::En => english,
            Self::Es => spanish,
        }
    }

    /// An English text in this language; `None` where the catalogue lacks it.
    pub(crate) fn translation(self, text: &str) -> Option<String> {
        static CATALOGUE: OnceLock<HashMap<String, String>> = OnceLock::new();
        match self {
            Self::En => Some(text.to_owned()),
            Self::Es => catalogue::translate(CATALOGUE.get_or_init(|| catalogue::read(SPANISH)), text),
        }
    }

    /// An English text in this language, or as it is where the catalogue lacks it.
    pub(crate) fn translated(self, text: &str) -> String {
        self.translation(text).unwrap_or_else(|| text.to_owned())
    }
}
