//! The names candle-core 0.10 takes from the `tokenizers` crate, with nothing behind them.
//!
//! candle-core can read a language model's tokenizer from a GGUF file, and for that alone it always compiles
//! `tokenizers` with 40 more packages, one of them in C. collado reads no such file; here the attempt ends with
//! [`Absent`], and a [`Tokenizer`] cannot exist. Who depends on collado's libraries from another workspace gets the
//! real crate.

#![allow(clippy::new_ret_no_self, reason = "signatures of the real crate")]

use std::{convert::Infallible, fmt};

/// The end of every attempt to make a tokenizer.
#[derive(Debug)]
pub struct Absent;

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build is without tokenizers")
    }
}

impl std::error::Error for Absent {}

/// Any stage of a tokenizer, or what would build one.
#[derive(Clone, Debug, Default)]
pub struct Stage;

#[allow(non_snake_case, reason = "a variant's name")]
impl Stage {
    pub fn new(_: bool, _: bool, _: bool) -> Self {
        Self
    }

    pub fn Template(_: Self) -> Self {
        Self
    }

    pub fn builder() -> Self {
        Self
    }

    pub fn try_single(self, _: Vec<String>) -> Result<Self, Absent> {
        Err(Absent)
    }

    pub fn try_pair(self, _: Vec<String>) -> Result<Self, Absent> {
        Err(Absent)
    }

    pub fn special_tokens(self, _: Vec<(String, u32)>) -> Self {
        self
    }

    pub fn build(self) -> Result<Self, Absent> {
        Err(Absent)
    }
}

pub struct Sequence;

impl Sequence {
    pub fn new(_: Vec<Stage>) -> Stage {
        Stage
    }
}

pub struct Split;

impl Split {
    pub fn new(_: SplitPattern, _: SplitDelimiterBehavior, _: bool) -> Result<Stage, Absent> {
        Err(Absent)
    }
}

pub enum SplitPattern {
    Regex(String),
}

pub enum SplitDelimiterBehavior {
    Isolated,
}

pub type Vocab = std::collections::HashMap<String, u32>;

/// A model that cannot exist.
pub struct BPE(Infallible);

impl BPE {
    pub fn builder() -> BpeBuilder {
        BpeBuilder
    }
}

pub struct BpeBuilder;

impl BpeBuilder {
    pub fn vocab_and_merges(self, _: Vocab, _: Vec<(String, String)>) -> Self {
        self
    }

    pub fn unk_token(self, _: String) -> Self {
        self
    }

    pub fn byte_fallback(self, _: bool) -> Self {
        self
    }

    pub fn ignore_merges(self, _: bool) -> Self {
        self
    }

    pub fn build(self) -> Result<BPE, Absent> {
        Err(Absent)
    }
}

/// A tokenizer that cannot exist.
pub struct Tokenizer(Infallible);

impl Tokenizer {
    pub fn new(model: BPE) -> Self {
        Self(model.0)
    }

    pub fn with_normalizer(&mut self, _: Option<Stage>) {
        match self.0 {}
    }

    pub fn with_pre_tokenizer(&mut self, _: Option<Stage>) {
        match self.0 {}
    }

    pub fn with_decoder(&mut self, _: Option<Stage>) {
        match self.0 {}
    }

    pub fn with_post_processor(&mut self, _: Option<Stage>) {
        match self.0 {}
    }

    pub fn add_special_tokens(&mut self, _: &[AddedToken]) {
        match self.0 {}
    }
}

pub struct AddedToken;

impl AddedToken {
    pub fn from(_: String, _: bool) -> Self {
        Self
    }
}

pub mod decoders {
    pub use crate::Stage as DecoderWrapper;
    pub mod byte_level {
        pub use crate::Stage as ByteLevel;
    }
}

pub mod models {
    pub mod bpe {
        pub use crate::{BPE, Vocab};
    }
}

pub mod normalizers {
    pub use crate::Stage as NormalizerWrapper;
    pub mod unicode {
        pub use crate::Stage as NFC;
    }
}

pub mod pre_tokenizers {
    pub use crate::Stage as PreTokenizerWrapper;
    pub mod byte_level {
        pub use crate::Stage as ByteLevel;
    }
    pub mod sequence {
        pub use crate::Sequence;
    }
    pub mod split {
        pub use crate::{Split, SplitPattern};
    }
}

pub mod processors {
    pub use crate::Stage as PostProcessorWrapper;
    pub mod byte_level {
        pub use crate::Stage as ByteLevel;
    }
    pub mod sequence {
        pub use crate::Sequence;
    }
    pub mod template {
        pub use crate::Stage as TemplateProcessing;
    }
}

pub mod tokenizer {
    pub use crate::SplitDelimiterBehavior;
}
