//! The type [`Dataset`]: a training split, a test split and a hash of both.

use crate::hash::content_hash;
use crate::images::{Normalize, normalized};
use crate::text::{Notes, shown};
use crate::{Error, Result, Split, Targets};

/// A data set: training rows and, where there is one, a test split.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name of the data set.
    pub spec: String,
    /// SHA-256 (hex) of inputs and targets of both splits; the same whatever the file was called or packed
    /// with.
    pub hash: String,
    /// The training rows.
    pub train: Split,
    /// The test rows, where there are any.
    pub test: Option<Split>,
    /// Lines for the user: decisions that the files leave open, and anything that may surprise.
    pub notes: Vec<String>,
    /// Whether the labels in the files decide which class is which: words in sorted order, or labels that begin at 1
    /// without the string saying so. Rows of fewer classes would then number them otherwise.
    pub classes_inferred: bool,
    /// Channels, height and width, where the rows are images: a row has its pixels channel by channel, row by row.
    pub image: Option<[usize; 3]>,
}

impl Dataset {
    /// Joins checked splits and hashes their content.
    ///
    /// # Errors
    /// A test split that differs in features, number type, kind or number of outputs.
    pub fn new(spec: impl Into<String>, train: Split, test: Option<Split>) -> Result<Self> {
        let spec = spec.into();
        if let Some(test) = &test {
            let (expected, found) = (signature(&train), signature(test));
            if expected != found {
                return Err(Error::Splits { spec, expected, found });
            }
        }
        let hash = content_hash(&train, test.as_ref())?;
        let notes = Vec::new();
        Ok(Self { spec, hash, train, test, notes, classes_inferred: false, image: None })
    }

    /// The same data set with the given notes added.
    pub(crate) fn with_notes(mut self, notes: Notes) -> Self {
        self.notes.extend(notes.lines.iter().map(|note| shown(note).into_owned()));
        self.classes_inferred |= notes.classes_inferred;
        self
    }

    /// The same data set, whose rows are images of that many channels, rows and columns.
    pub(crate) fn with_image(self, image: Option<[usize; 3]>) -> Self {
        debug_assert!(image.is_none_or(|image| image.iter().product::<usize>() == self.features()));
        Self { image, ..self }
    }

    /// The same data set, whose inputs have mean 0 and standard deviation 1 over the training rows: each column, or each
    /// channel of images. Test rows are moved with them.
    pub(crate) fn standardized(self) -> Result<Self> {
        let channels = self.image.map_or(self.features(), |[channels, ..]| channels);
        let (normalize, constant) = Normalize::fitted(&self.train.inputs, channels)?;
        let moved = |split: &Split| {
            let inputs = normalized(Some(&normalize), split.inputs.clone(), channels)?;
            Split::at(&self.spec, &self.spec, inputs, split.targets.clone())
        };
        let test = self.test.as_ref().map(moved).transpose()?;
        let mut notes = Notes::default();
        if constant > 0 {
            let what = if self.image.is_some() { "channels" } else { "columns" };
            notes.push(format!(
                "standardize: {constant} of {channels} {what} are the same in all training rows: they are only moved to 0"
            ));
        }
        let set = Self::new(self.spec.clone(), moved(&self.train)?, test)?;
        let classes_inferred = self.classes_inferred;
        Ok(Self { notes: self.notes, classes_inferred, ..set }.with_notes(notes).with_image(self.image))
    }

    /// The number of inputs n0.
    pub fn features(&self) -> usize {
        self.train.features()
    }

    /// The number of outputs a model needs: classes, or columns of real targets.
    pub fn outputs(&self) -> usize {
        self.train.targets.outputs()
    }
}

/// A description of the properties that both splits of a data set must share.
fn signature(split: &Split) -> String {
    let kind = match &split.targets {
        Targets::Classes { .. } => "classes".to_owned(),
        Targets::Tokens { positions, .. } => format!("classes at {positions} positions"),
        Targets::Values(_) => "real targets".to_owned(),
    };
    let (dtype, outputs) = (split.inputs.dtype().as_str(), split.targets.outputs());
    format!("{} {dtype} inputs and {outputs} {kind}", split.features())
}
