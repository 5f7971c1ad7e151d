//! The grammar of names of data sets.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::cifar::{Cifar, Kind};
use crate::csv::CsvOptions;
use crate::files::Files;
use crate::folder::Folder;
use crate::images::{MNIST, Normalize};
use crate::labels::LabelsFrom;
use crate::named::NamedOptions;
use crate::options::{Options, spec_error};
use crate::synthetic::Synthetic;
use crate::{Dataset, Error, Result};

/// The schemes that may precede the first `:`, for error messages.
const SCHEMES: &str = "digits, mnist:DIR, cifar10:DIR, cifar100:DIR, folder:DIR, csv:FILE?target=COL, npz:FILE, safetensors:FILE or synthetic:NAME?key=value";

/// The name of a data set, whose scheme, names and options are understood; its files have not been looked at.
///
/// * `digits`, the embedded set
/// * `mnist:DIR`, `mnist:DIR?labels-from=0|1&normalize=mean/std`
/// * `cifar10:DIR`, `cifar100:DIR` (its fine labels), both with `?normalize=mean/std`: the original files in either
///   version, in the folder itself or in the folder that the archives have
/// * `folder:DIR`, `folder:DIR?split=TRAIN/TEST&test-every=K&channels=1|3&normalize=…`: PNG and JPEG files, all of one
///   size, in a folder for each class; the classes are in sorted order. Where DIR has folders `train` and `test`, or
///   those of `split`, their folders are the classes. Images are grey or coloured as the files are, or as `channels` says
/// * `csv:FILE`, `csv:FILE?target=COL[,COL…]&drop=COL[,COL…]&header=true|false&task=classes|regress&test-every=K`,
///   plain or gzipped: COL is a column name or an index from 0 (negative: from the end). The target is by default the
///   last column; columns under `drop` are left out. A column without a name is called `unnamed`, or as pandas does
///   `Unnamed: 0` by its index. Rows whose index is a multiple of K become the test split.
/// * `npz:FILE`, `safetensors:FILE`, both with `?task=classes|regress&labels-from=0|1`; an `x` with four axes is images
///   `[N, C, H, W]`, or with `layout=nhwc` `[N, H, W, C]`, and takes `normalize=` too
///   With `task=tokens` `y` `[N, T]` has a class for each of T positions, such as the next token of a text
/// * `synthetic:NAME?key=value&…`: see [`synthetic_tasks`](crate::synthetic_tasks).
///
/// **All files**, and `digits`, take `standardize=true`: each column, or each channel of images, has mean 0 and standard deviation 1
/// over the training rows.
///
/// **Test rows.** Where files have none apart, `csv:`, `npz:`, `safetensors:` and `folder:` take `test-every=K`, or
/// `test-share=P&test-seed=N` for a random share P of the rows; all but `folder:` take `test=FILE`, with the same columns or
/// arrays.
///
/// **Targets.** Without `task`, one CSV column of words is class labels, in sorted order; one of integers too, and one
/// of whole numbers written as floats (`0.0`) where they are 0 to k − 1 or 1 to k without a gap. In arrays integers are
/// class labels and floats are not. Everything else is regression. Labels that begin at 1 become classes from 0, unless
/// `labels-from=0` says that label 0 has no rows.
///
/// **Images** take `normalize=mean/std` for the usual constants of the set, or numbers such as `normalize=0.5/0.25` or
/// `normalize=0.49,0.48,0.45/0.25,0.24,0.26`, a mean and a standard deviation for each channel. Nothing undoes it.
///
/// **CSV header.** Without `header`, the first line is a header
/// 1. if it has a name that `target` or `drop` ask for and that is no index;
/// 2. if none of its fields is a number, and one is a word;
/// 3. if it counts 0, 1, 2, …, perhaps after an empty field, as pandas writes where there are no names (fewer than
///    four of them only if a column below has decimal points throughout, or an empty field comes first);
/// 4. if all its fields are quoted numbers and those below are not quoted;
/// 5. if it has words and whole numbers, all different, and a column with a word in it has numbers below.
///
/// It is a row if it has numbers and no words, or if its words stand among the values below (of the first 1000 lines).
/// Whatever else, or both, can be read in two ways and is refused. `?`, `NA` and the like are gaps, not words. What was
/// inferred is among the [notes](Dataset::notes).
#[derive(Debug, Clone)]
pub struct Spec {
    text: String,
    source: Source,
    /// Whether inputs are brought to mean 0 and standard deviation 1.
    standardize: bool,
}

#[derive(Debug, Clone)]
enum Source {
    Digits,
    Mnist(PathBuf, LabelsFrom, Option<Normalize>),
    Cifar(Cifar),
    Folder(Folder),
    Csv(PathBuf, CsvOptions),
    Npz(PathBuf, NamedOptions),
    Safetensors(PathBuf, NamedOptions),
    Synthetic(Synthetic),
}

impl Spec {
    /// Reads the data set.
    ///
    /// # Errors
    /// When one of its files cannot be read, or its content is not as documented.
    pub fn load(&self) -> Result<Dataset> {
        self.read(Files::Disk)
    }

    /// Reads the data set from memory: `files` are path and content of the files that the string names, and no other
    /// file is looked at.
    ///
    /// ```
    /// let spec: collado_data::Spec = "csv:rows.csv?header=false".parse()?;
    /// let data = spec.load_from(&[("rows.csv", b"0.5,1\n1.5,0\n")])?;
    /// assert_eq!((data.train.len(), data.features(), data.outputs()), (2, 1, 2));
    /// # Ok::<(), collado_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// When one of the files is missing, or its content is not as documented.
    pub fn load_from(&self, files: &[(&str, &[u8])]) -> Result<Dataset> {
        self.read(Files::Memory(files))
    }

    fn read(&self, files: Files<'_>) -> Result<Dataset> {
        let data = self.stored(files)?;
        if self.standardize { data.standardized() } else { Ok(data) }
    }

    /// The data set as its files have it.
    fn stored(&self, files: Files<'_>) -> Result<Dataset> {
        match &self.source {
            Source::Digits => Ok(Dataset { spec: self.text.clone(), ..crate::digits()? }),
            Source::Mnist(folder, labels_from, normalize) => {
                crate::idx::mnist(&self.text, folder, (*labels_from, normalize.as_ref()), files)
            }
            Source::Cifar(cifar) => cifar.load(&self.text, files),
            Source::Folder(folder) => folder.load(&self.text, files),
            Source::Csv(file, options) => crate::csv::load(&self.text, file, options, files),
            Source::Npz(file, options) => crate::npz::load(&self.text, file, options, files),
            Source::Safetensors(file, options) => crate::safetensors::load(&self.text, file, options, files),
            Source::Synthetic(synthetic) => synthetic.load(&self.text),
        }
    }
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // The embedded set has options, but nothing that they could belong to.
        let embedded = text.strip_prefix("digits").filter(|rest| rest.starts_with('?'));
        let (scheme, rest) = match embedded {
            Some(options) => ("digits", options),
            None => text.split_once(':').unwrap_or((text, "")),
        };
        let path = |path: &str, what: &str| match path {
            "" => Err(spec_error(text, scheme, what, "")),
            path => Ok(PathBuf::from(path)),
        };
        let (file, options) = split_options(rest);
        let mut standardize = false;
        // The option that all of them have.
        let mut parsed = || {
            let options = Options::parse(text, options)?;
            standardize = options.value("standardize", false, "true or false", |_| true)?;
            match standardize && options.has("normalize") {
                true => Err(options.error("normalize", "either normalize or standardize", "both")),
                false => Ok(options),
            }
        };
        let source = match scheme {
            "digits" if text == scheme || embedded.is_some() && file.is_empty() => {
                parsed()?.finish()?;
                Source::Digits
            }
            "digits" => return Err(spec_error(text, scheme, "nothing after it", rest)),
            "mnist" => {
                let folder = path(file, "a folder with the four IDX files")?;
                let options = parsed()?;
                let labels_from = LabelsFrom::parse(&options)?;
                let normalize = Normalize::parse(&options, Some(MNIST))?;
                options.finish()?;
                Source::Mnist(folder, labels_from, normalize)
            }
            "cifar10" | "cifar100" => {
                let kind = if scheme == "cifar10" { Kind::Ten } else { Kind::Hundred };
                let folder = path(file, "a folder with the files of CIFAR")?;
                Source::Cifar(Cifar::parse(kind, folder, &parsed()?)?)
            }
            "folder" => {
                let folder = path(file, "a folder with a folder for each class")?;
                Source::Folder(Folder::parse(folder, &parsed()?)?)
            }
            "npz" => Source::Npz(path(file, "a file")?, NamedOptions::parse(&parsed()?)?),
            "safetensors" => Source::Safetensors(path(file, "a file")?, NamedOptions::parse(&parsed()?)?),
            "csv" => Source::Csv(path(file, "a file")?, CsvOptions::parse(&parsed()?)?),
            "synthetic" => {
                let (name, options) = rest.split_once('?').unwrap_or((rest, ""));
                Source::Synthetic(Synthetic::parse(name, &Options::parse(text, options)?)?)
            }
            _ => return Err(spec_error(text, "scheme", SCHEMES, scheme)),
        };
        Ok(Self { text: text.to_owned(), source, standardize })
    }
}

/// Splits off the options; a `?` that no `=` follows belongs to the file's name.
fn split_options(rest: &str) -> (&str, &str) {
    match rest.rsplit_once('?') {
        Some((file, options)) if options.contains('=') => (file, options),
        _ => (rest, ""),
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads the data set of that name.
///
/// # Errors
/// When the string does not follow the grammar of [`Spec`], or one of the files that it names cannot be read.
pub fn load(spec: &str) -> Result<Dataset> {
    spec.parse::<Spec>()?.load()
}
