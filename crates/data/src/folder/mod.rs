//! Folders of images: a folder for each class, with PNG and JPEG files in it, as torchvision's `ImageFolder` reads them.

mod classes;
mod picture;

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::array::matrix;
use crate::bytes::io_error;
use crate::files::Files;
use crate::images::{Normalize, normalized};
use crate::options::Options;
use crate::targets::MAX_CLASSES;
use crate::test_rows::TestRows;
use crate::text::{Notes, clip, listed};
use crate::{Dataset, Error, Result, Split, Targets};
use classes::Class;
use picture::Picture;

/// More bytes than the largest image can take.
const LARGEST_FILE: u64 = 1 << 24;

/// The folder and the options of a string.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    folder: PathBuf,
    /// The names of the folders of training and test rows.
    split: Option<(String, String)>,
    test: TestRows,
    channels: Option<usize>,
    normalize: Option<Normalize>,
}

impl Folder {
    /// Reads the options `split`, those of test rows, `channels` and `normalize`.
    pub(crate) fn parse(folder: PathBuf, options: &Options) -> Result<Self> {
        let split = options.text("split").map(|text| {
            let names = text.split_once('/').filter(|(a, b)| !a.is_empty() && !b.is_empty() && a != b);
            let names = names.map(|(train, test)| (train.to_owned(), test.to_owned()));
            names.ok_or_else(|| options.error("split", "TRAIN/TEST, the names of two folders", text))
        });
        let split = split.transpose()?;
        let test = TestRows::parse(options, false)?;
        if let (Some((train, test)), Some(option)) = (&split, test.option()) {
            let found = format!("{train}/{test}");
            return Err(options.error("split", format!("either split or {option}"), &found));
        }
        let channels = options.value("channels", 0, "1 or 3", |c: &usize| matches!(c, 1 | 3))?;
        let normalize = Normalize::parse(options, None)?;
        options.finish()?;
        Ok(Self { folder, split, test, channels: (channels > 0).then_some(channels), normalize })
    }

    /// Reads all images: inputs F32 `[N, pixels]`, samples/255 (of 16 bits /65535), divided in f32.
    pub(crate) fn load(&self, spec: &str, files: Files<'_>) -> Result<Dataset> {
        let mut notes = Notes::default();
        let (folder, test) = classes::splits(&self.folder, self.split.as_ref(), files, &mut notes)?;
        let all = classes::classes(&folder, files, &mut notes)?;
        let names = self.names(&folder, &all, &mut notes)?;
        let mut images = Images { first: None, channels: self.channels, files };
        let train = self.rows(&folder, &all, &names, &mut images)?;
        let (train, test) = match (test, self.test.option()) {
            (Some(test), None) => {
                let classes = classes::classes(&test, files, &mut notes)?;
                (train, Some(self.rows(&test, &classes, &names, &mut images)?))
            }
            (Some(test), Some(option)) => {
                let found = test.display().to_string();
                return Err(Error::format(spec, format!("either {option} or a folder of test rows"), found));
            }
            (None, _) => self.test.divide(spec, train)?,
        };
        let shape = images.first.map(|(_, shape)| shape);
        Ok(Dataset::new(spec, train, test)?.with_notes(notes).with_image(shape))
    }

    /// The names of the classes; each has an image.
    fn names(&self, folder: &Path, classes: &[Class], notes: &mut Notes) -> Result<Vec<String>> {
        let place = folder.display();
        if let Some(empty) = classes.iter().find(|class| class.images.is_empty()) {
            let place = folder.join(&empty.name).display().to_string();
            return Err(Error::format(place, "PNG or JPEG files", "none"));
        }
        if classes.len() > MAX_CLASSES {
            let expected = format!("at most {MAX_CLASSES} classes");
            return Err(Error::format(place.to_string(), expected, classes.len().to_string()));
        }
        let list = classes.iter().enumerate().map(|(k, class)| format!("{k} = {}", clip(&class.name, 30)));
        notes.push(format!("{place}: {} classes by folder: {}", classes.len(), listed(list)));
        let names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
        notes.classes_inferred |= !are_numbers(&names);
        Ok(names)
    }

    /// The rows of a folder, whose classes are some of those that `names` are of.
    fn rows(
        &self,
        folder: &Path,
        classes: &[Class],
        names: &[String],
        images: &mut Images<'_>,
    ) -> Result<Split> {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        let count: usize = classes.iter().map(|class| class.images.len()).sum();
        for class in classes {
            let Ok(label) = names.binary_search(&class.name) else {
                let place = folder.display().to_string();
                let found = format!("'{}'", class.name);
                return Err(Error::format(place, "the classes of the training rows", found));
            };
            for path in &class.images {
                let picture = images.read(path)?;
                if pixels.is_empty() {
                    let size = count.saturating_mul(picture.height * picture.width * picture.channels);
                    let place = folder.display().to_string();
                    let reserved = pixels.try_reserve_exact(size);
                    reserved.map_err(|_| {
                        Error::format(place, "images that fit the memory", format!("{size} numbers"))
                    })?;
                }
                pixels.extend(picture.planes());
                labels.push(label as u32);
            }
        }
        let place = folder.display().to_string();
        let [channels, height, width] = images.first.as_ref().map_or([0; 3], |(_, shape)| *shape);
        if labels.is_empty() {
            return Err(Error::format(place, "PNG or JPEG files", "none"));
        }
        let inputs = matrix(pixels, channels * height * width)?;
        let inputs = normalized(self.normalize.as_ref(), inputs, channels)?;
        let shown = if are_numbers(names) { Vec::new() } else { names.to_vec() };
        Split::at(&place, &place, inputs, Targets::Classes { labels, count: names.len(), names: shown })
    }
}

/// Whether the names of the classes are their numbers.
fn are_numbers(names: &[String]) -> bool {
    names.iter().enumerate().all(|(class, name)| *name == class.to_string())
}

/// Images that must be as the first one.
struct Images<'a> {
    /// The first image, with its channels, height and width.
    first: Option<(String, [usize; 3])>,
    channels: Option<usize>,
    files: Files<'a>,
}

impl Images<'_> {
    fn read(&mut self, path: &Path) -> Result<Picture> {
        let place = path.display().to_string();
        let (mut reader, length) = self.files.open(path)?;
        if length > LARGEST_FILE {
            return Err(Error::format(place, format!("at most {LARGEST_FILE} bytes"), length.to_string()));
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|source| io_error(&place, source))?;
        let picture = Picture::decode(&bytes);
        let picture = picture.map_err(|found| Error::format(place.as_str(), "a PNG or JPEG image", found))?;
        let picture = match self.channels {
            Some(channels) => picture.with_channels(channels),
            None => picture,
        };
        let shape = [picture.channels, picture.height, picture.width];
        match &self.first {
            None => self.first = Some((place, shape)),
            Some((_, first)) if *first == shape => {}
            Some((like, first)) => {
                let advice = if first[0] == shape[0] { "" } else { " (channels=1 or channels=3 converts)" };
                let expected = format!("{}, as {like} has{advice}", size(*first));
                return Err(Error::format(place, expected, size(shape)));
            }
        }
        Ok(picture)
    }
}

/// The words for a shape.
fn size([channels, height, width]: [usize; 3]) -> String {
    format!("{height}x{width} pixels in {}", if channels == 1 { "grey" } else { "colour" })
}
