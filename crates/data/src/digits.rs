//! The embedded handwritten digits.
//!
//! The test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, "Cascading
//! classifiers", Kybernetika 34 (1998)), as scikit-learn ships it; `assets/README.md` has source and licence.

use flate2::read::GzDecoder;

use crate::array::matrix;
use crate::csv::{CsvOptions, read};
use crate::{Dataset, Result, Split};

const FILE: &[u8] = include_bytes!("../assets/digits.csv.gz");
const NAME: &str = "digits.csv.gz";
/// Pixels of an image; the label follows them.
const PIXELS: usize = 64;
/// The largest pixel; division by this power of two is exact.
const WHITE: f32 = 16.0;
/// Every fifth row is a test row.
const TEST_EVERY: usize = 5;

/// 1 797 images of 8×8 pixels in ten classes: 1 437 to train and 360 (row index % 5 == 0) to test.
///
/// Inputs F32 `[N, 64]`, pixels/16 in [0, 1], exact.
///
/// # Errors
/// None in practice: the file is embedded.
pub fn digits() -> Result<Dataset> {
    let table = read(NAME, GzDecoder::new(FILE), &CsvOptions::rows_of_labels())?;
    let pixels = table.inputs.iter().map(|&pixel| pixel as f32 / WHITE).collect();
    let targets = table.targets;
    let (train, test) = Split::at(NAME, NAME, matrix(pixels, PIXELS)?, targets)?
        .divide(|row| row.is_multiple_of(TEST_EVERY))?;
    Ok(Dataset::new("digits", train, Some(test))?.with_image(Some([1, 8, 8])))
}
