//! The options that may follow the file of named arrays, or the folder of MNIST's files.

use std::str::FromStr;

use candle_core::Tensor;

use crate::images::{Normalize, normalized};
use crate::labels::{LabelsFrom, Task};
use crate::options::Options;
use crate::test_rows::TestRows;
use crate::{Error, Result};

/// The options `task` and `labels-from` of an `npz:`, `safetensors:` or `mnist:` string.
#[derive(Debug, Clone)]
pub(crate) struct NamedOptions {
    task: Task,
    pub(crate) labels_from: LabelsFrom,
    layout: Layout,
    normalize: Option<Normalize>,
    pub(crate) test: TestRows,
}

/// The order of the axes of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Channels before rows and columns, as in PyTorch.
    Nchw,
    /// Channels last.
    Nhwc,
}

impl FromStr for Layout {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        match text {
            "nchw" => Ok(Self::Nchw),
            "nhwc" => Ok(Self::Nhwc),
            _ => Err(()),
        }
    }
}

impl NamedOptions {
    /// Reads all options.
    pub(crate) fn parse(options: &Options) -> Result<Self> {
        let (task, labels_from) = (Task::parse(options)?, LabelsFrom::parse(options)?);
        let layout = options.value("layout", Layout::Nchw, "nchw or nhwc", |_| true)?;
        let normalize = Normalize::parse(options, None)?;
        let test = TestRows::parse(options, true)?;
        options.finish()?;
        Ok(Self { task, labels_from, layout, normalize, test })
    }

    /// Channels, height and width of the images in an array of that shape, if it has four axes.
    pub(crate) fn image(&self, shape: &[u64]) -> Option<[usize; 3]> {
        let &[_, a, b, c] = shape else { return None };
        let (a, b, c) = (a as usize, b as usize, c as usize);
        Some(if self.layout == Layout::Nhwc { [c, a, b] } else { [a, b, c] })
    }

    /// The rows of an array as images, channel by channel, normalised; rows of another array as they are.
    ///
    /// # Errors
    /// When an option for images is given for something else.
    pub(crate) fn images(&self, place: &str, shape: &[u64], rows: Tensor) -> Result<Tensor> {
        let Some([channels, height, width]) = self.image(shape) else {
            if self.layout == Layout::Nhwc || self.normalize.is_some() {
                let expected = "images with four axes, for layout= and normalize=";
                return Err(Error::format(place, expected, format!("shape {shape:?}")));
            }
            return Ok(rows);
        };
        let rows = match self.layout {
            Layout::Nchw => rows,
            Layout::Nhwc => {
                let images = rows.reshape((rows.dims()[0], height, width, channels))?;
                images.permute((0, 3, 1, 2))?.contiguous()?.flatten_from(1)?
            }
        };
        normalized(self.normalize.as_ref(), rows, channels)
    }

    pub(crate) fn tokens(&self) -> bool {
        self.task == Task::Tokens
    }

    pub(crate) fn classes(&self) -> bool {
        self.task == Task::Classes
    }

    pub(crate) fn regress(&self) -> bool {
        self.task == Task::Regress
    }
}
