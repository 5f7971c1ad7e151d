//! Folders of images: classes, splits, channels, and files that are refused.
#![allow(clippy::unwrap_used)]

mod pictures;

use collado_data::{Dataset, Spec, Targets};
use pictures::{jpeg, png};
use png::{BitDepth, ColorType};

type Files<'a> = Vec<(&'a str, Vec<u8>)>;

fn load(spec: &str, files: &[(&str, Vec<u8>)]) -> collado_data::Result<Dataset> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    spec.parse::<Spec>()?.load_from(&files)
}

fn message(spec: &str, files: &[(&str, Vec<u8>)]) -> String {
    let text = load(spec, files).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

fn grey(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    png(width, height, ColorType::Grayscale, BitDepth::Eight, pixels)
}

fn rows(data: &Dataset) -> Vec<Vec<f32>> {
    data.train.inputs.to_vec2().unwrap()
}

fn labels(targets: &Targets) -> (Vec<u32>, Vec<String>) {
    let Targets::Classes { labels, names, .. } = targets else { panic!("labels") };
    (labels.clone(), names.clone())
}

/// Two classes with images of 2 × 3 pixels.
fn plain() -> Files<'static> {
    vec![
        ("d/b/2.png", grey(3, 2, &[0, 1, 2, 3, 4, 255])),
        ("d/b/1.PNG", grey(3, 2, &[9; 6])),
        ("d/a/deeper/x.png", grey(3, 2, &[7; 6])),
        ("d/a/.hidden.png", vec![]),
        ("d/a/readme.txt", vec![]),
    ]
}

#[test]
fn folders_are_classes_in_sorted_order() {
    let data = load("folder:d", &plain()).unwrap();
    assert_eq!((data.image, data.outputs(), data.train.len()), (Some([1, 2, 3]), 2, 3));
    assert_eq!(labels(&data.train.targets), (vec![0, 1, 1], vec!["a".to_owned(), "b".to_owned()]));
    let expected: Vec<f32> = [0., 1., 2., 3., 4., 255.].iter().map(|x| x / 255.).collect();
    assert_eq!(rows(&data)[2], expected);
    assert_eq!(rows(&data)[0], [7_f32 / 255.; 6]);
    assert!(data.classes_inferred && data.notes.iter().any(|note| note.contains("1 files are not read")));
    let numbered = vec![("d/1/x.png", grey(1, 1, &[1])), ("d/0/x.png", grey(1, 1, &[0]))];
    let data = load("folder:d", &numbered).unwrap();
    assert_eq!(labels(&data.train.targets), (vec![0, 1], vec![]));
    assert!(!data.classes_inferred);
}

#[test]
fn folders_on_disk_are_read_as_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in plain() {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let spec = format!("folder:{}/d", dir.path().display());
    assert_eq!(collado_data::load(&spec).unwrap().hash, load("folder:d", &plain()).unwrap().hash);
    let missing = format!("folder:{}/e", dir.path().display());
    assert!(collado_data::load(&missing).unwrap_err().to_string().contains("/e"));
}

#[test]
fn splits_are_folders() {
    let one = |value| grey(1, 1, &[value]);
    let files = |train: &'static str, test: &'static str| -> Vec<(String, Vec<u8>)> {
        vec![
            (format!("d/{train}/a/1.png"), one(1)),
            (format!("d/{train}/b/1.png"), one(2)),
            (format!("d/{test}/b/1.png"), one(3)),
            ("d/other/b/1.png".to_owned(), one(4)),
        ]
    };
    let load = |spec: &str, files: &[(String, Vec<u8>)]| {
        let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
        load(spec, &files)
    };
    let data = load("folder:d", &files("train", "test")).unwrap();
    let test = data.test.as_ref().unwrap();
    assert_eq!((data.train.len(), test.len(), labels(&test.targets).0), (2, 1, vec![1]));
    assert!(data.notes.iter().any(|note| note.contains("not other")), "{:?}", data.notes);
    let named = load("folder:d?split=train/val", &files("train", "val")).unwrap();
    assert_eq!(named.hash, data.hash);
    let error = load("folder:d", &files("train", "val")).unwrap_err().to_string();
    assert!(error.contains("split=TRAIN/TEST"), "{error}");
    let mut more = files("train", "test");
    more.push(("d/test/c/1.png".to_owned(), one(5)));
    assert!(load("folder:d", &more).unwrap_err().to_string().contains("'c'"));
    for wrong in ["split=train", "split=a/a", "split=a/b&test-every=2", "channels=2", "size=8x8"] {
        assert!(format!("folder:d?{wrong}").parse::<Spec>().is_err(), "{wrong}");
    }
}

#[test]
fn every_kth_image_is_a_test_row() {
    let data = load("folder:d?test-every=2", &plain()).unwrap();
    assert_eq!((labels(&data.train.targets).0, labels(&data.test.unwrap().targets).0), (vec![1], vec![0, 1]));
}

#[test]
fn every_kind_of_png_is_read() {
    let one = |color, depth, pixels: &[u8]| {
        let data = load("folder:d", &[("d/a/x.png", png(2, 1, color, depth, pixels))])?;
        Ok::<_, collado_data::Error>((rows(&data)[0].clone(), data.image.unwrap()[0]))
    };
    let of = |values: &[f32], white: f32| -> Vec<f32> { values.iter().map(|x| x / white).collect() };
    let read = |color, depth, pixels: &[u8]| one(color, depth, pixels).unwrap();
    assert_eq!(read(ColorType::Grayscale, BitDepth::Eight, &[3, 200]), (of(&[3., 200.], 255.), 1));
    assert_eq!(read(ColorType::Grayscale, BitDepth::One, &[0b0100_0000]), (vec![0., 1.], 1));
    assert_eq!(read(ColorType::Grayscale, BitDepth::Four, &[0x5f]), (vec![5. / 15., 1.], 1));
    let wide = of(&[258., 65535.], 65535.);
    assert_eq!(read(ColorType::Grayscale, BitDepth::Sixteen, &[1, 2, 255, 255]), (wide, 1));
    let colours = of(&[1., 4., 2., 5., 3., 6.], 255.);
    assert_eq!(read(ColorType::Rgb, BitDepth::Eight, &[1, 2, 3, 4, 5, 6]), (colours.clone(), 3));
    assert_eq!(read(ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 255, 4, 5, 6, 255]), (colours, 3));
    assert_eq!(read(ColorType::GrayscaleAlpha, BitDepth::Eight, &[7, 255, 8, 255]), (of(&[7., 8.], 255.), 1));
    assert_eq!(
        read(ColorType::Indexed, BitDepth::Eight, &[1, 3]),
        (of(&[255., 10., 0., 20., 0., 30.], 255.), 3)
    );
    let seen_through = one(ColorType::GrayscaleAlpha, BitDepth::Eight, &[7, 255, 8, 254]);
    assert!(seen_through.unwrap_err().to_string().contains("transparent"));
}

#[test]
fn jpeg_files_are_read() {
    let data = load("folder:d", &[("d/a/x.jpg", jpeg(2, 1, &[vec![3], vec![250]]))]).unwrap();
    assert_eq!(data.image, Some([1, 8, 16]));
    for (i, pixel) in rows(&data)[0].iter().enumerate() {
        assert_eq!(*pixel, if i % 16 < 8 { 3. / 255. } else { 250. / 255. }, "{i}");
    }
    let blocks = [[100, 90, 170], [200, 128, 128], [60, 200, 60], [30, 128, 120]];
    let data = load("folder:d", &[("d/a/x.jpeg", jpeg(2, 2, &blocks.map(|b| b.to_vec())))]).unwrap();
    assert_eq!(data.image, Some([3, 16, 16]));
    let row = &rows(&data)[0];
    for (i, block) in blocks.iter().enumerate() {
        // The matrix of JFIF.
        let [y, cb, cr] = block.map(f64::from);
        let (cb, cr) = (cb - 128., cr - 128.);
        let colour = [y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb];
        for (channel, expected) in colour.into_iter().enumerate() {
            let pixel = row[channel * 256 + (i / 2 * 8 + 3) * 16 + i % 2 * 8 + 5] * 255.;
            assert!((f64::from(pixel) - expected.clamp(0., 255.)).abs() <= 1., "{i} {channel}: {pixel}");
        }
    }
}

#[test]
fn channels_are_those_of_the_files_or_as_asked() {
    let colour = png(1, 1, ColorType::Rgb, BitDepth::Eight, &[10, 200, 77]);
    let mixed = [("d/a/1.png", grey(1, 1, &[50])), ("d/b/1.png", colour)];
    let error = message("folder:d", &mixed);
    assert!(
        error.contains("d/b/1.png") && error.contains("d/a/1.png") && error.contains("channels=1"),
        "{error}"
    );
    let greys = load("folder:d?channels=1", &mixed).unwrap();
    // Pillow: Image.fromarray(np.uint8([[[10, 200, 77]]])).convert("L") is 129.
    assert_eq!((greys.image, rows(&greys)), (Some([1, 1, 1]), vec![vec![50. / 255.], vec![129. / 255.]]));
    let colours = load("folder:d?channels=3&normalize=0,0,0/1,2,4", &mixed).unwrap();
    assert_eq!(colours.image, Some([3, 1, 1]));
    let x: Vec<f32> = [10., 200., 77.].iter().map(|x| x / 255.).collect();
    assert_eq!(rows(&colours)[1], [x[0], x[1] / 2., x[2] / 4.]);
    assert_eq!(rows(&colours)[0], [50. / 255., 50. / 255. / 2., 50. / 255. / 4.]);
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let sound = [("d/a/1.png", grey(3, 2, &[1, 2, 3, 4, 5, 6])), ("d/a/2.jpg", jpeg(1, 1, &[vec![9]]))];
    let error = message("folder:d", &sound);
    assert!(error.contains("d/a/2.jpg") && error.contains("2x3") && error.contains("8x8"), "{error}");
    for (name, bytes) in &sound {
        for end in 0..bytes.len() {
            let cut = [(*name, bytes[..end].to_vec())];
            assert!(message("folder:d", &cut).contains(name), "{name} cut at {end} of {}", bytes.len());
        }
    }
    let other = message("folder:d", &[("d/a/1.png", b"GIF89a".to_vec())]);
    assert!(other.contains("d/a/1.png") && other.contains("PNG or JPEG"), "{other}");
    // A header that promises more than the largest image, before anything is unpacked.
    let large = grey(1025, 1, &[0; 1025]);
    assert!(message("folder:d", &[("d/a/1.png", large)]).contains("1024x1024"));
    assert!(message("folder:d", &[("d/x.png", vec![])]).contains("a folder for each class"));
    assert!(message("folder:d", &[("d/a/x.txt", vec![])]).contains("d/a"));
    assert!(load("folder:", &[]).is_err() && load("folder:e", &[("d/a/1.png", vec![])]).is_err());
}
