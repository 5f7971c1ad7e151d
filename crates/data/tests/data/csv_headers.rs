//! What the first line of a table is taken for.

use std::io::Write;

use collado_data::{Dataset, Error, Spec};
use flate2::{Compression, write::GzEncoder};

use crate::make::{gzip, labels};

pub fn read(bytes: &[u8], options: &str) -> collado_data::Result<Dataset> {
    let spec: Spec = format!("csv:t.csv{options}").parse().unwrap();
    spec.load_from(&[("t.csv", bytes)])
}

/// Rows, features, and whether a note says that the first line is a header.
fn shape(text: &str, options: &str) -> (usize, usize, bool) {
    let data = read(text.as_bytes(), options).unwrap_or_else(|error| panic!("{text:?}{options}: {error}"));
    let notes: Vec<_> =
        data.notes.iter().filter(|note| note.contains("the first line is taken as a")).collect();
    assert_eq!(notes.len(), usize::from(!options.contains("header=")), "{text:?}: {:?}", data.notes);
    let header = notes.first().map_or(options.contains("header=true"), |note| note.contains("as a header"));
    (data.train.len(), data.features(), header)
}

#[test]
fn headers_and_rows_are_told_apart() {
    let cases = [
        // Words are names.
        ("a,b,c\n1,2,0\n3,4,1\n", "", (2, 2, true)),
        ("a;b;c\n1,5;2;0\n", "", (0, 0, true)),
        ("größe\tlänge\tart\n1\t2\t0\n", "", (1, 2, true)),
        ("\"a\",\"b, c\"\n1,0\n", "", (1, 1, true)),
        (",a,species\n0,1.5,x\n1,2.5,y\n", "", (2, 2, true)),
        // A header of a table whose label is a word in all lines.
        ("length,species\n5.1,setosa\n4.9,setosa\n", "", (2, 1, true)),
        // Numbers are a row.
        ("5.1,3.5,0\n4.9,3.0,1\n", "", (2, 2, false)),
        ("0,0\n1,1\n", "", (2, 1, false)),
        ("1,2,3,4\n5,6,7,0\n", "", (2, 3, false)),
        ("0,1,2,4\n5,6,7,0\n", "", (2, 3, false)),
        ("0,1,2,3.0\n5,6,7,0\n", "", (2, 3, false)),
        // Unless they count.
        ("0,1,2,3\n5,6,7,0\n4,4,4,1\n", "", (2, 3, true)),
        ("0,1\n5.5,0\n4.5,1\n", "", (2, 1, true)),
        (",0,1\n0,5,0\n1,4,1\n", "", (2, 2, true)),
        ("\"\",\"0\",\"1\"\n0,5,0\n1,4,1\n", "", (2, 2, true)),
        // Or a name is asked for that is no index.
        ("2019,2020,2021\n5,6,7\n1,2,3\n", "?target=2021", (2, 2, true)),
        ("2019,2020,2021\n5,6,7\n1,2,3\n", "?drop=2019", (2, 1, true)),
        ("2019,2020,2021\n5,6,7\n1,2,3\n", "?target=2", (3, 2, false)),
        ("5.1,3.5,0\n4.9,3.0,1\n", "?target=0", (2, 2, false)),
        // Or they are quoted and the others are not.
        ("\"400\",\"401\",\"402\"\n1,2,0\n", "", (1, 2, true)),
        ("\"400\",\"401\",\"402\"\n\"1\",\"2\",\"0\"\n", "", (2, 2, false)),
        // Words and numbers.
        ("id,2019,2020\n1,5,0\n2,4,1\n", "", (2, 2, true)),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n6.2,3.4,virginica\n", "", (3, 2, false)),
        ("setosa,5.1,3.5\nsetosa,4.9,3.0\nvirginica,6.2,3.4\n", "?target=0", (3, 2, false)),
        ("400.5,401.5,species\n1,2,x\n", "?target=species", (1, 2, true)),
        // Said.
        ("0,1\n5,0\n", "?header=false", (2, 1, false)),
        ("0,1\n5,0\n", "?header=true", (1, 1, true)),
        ("5.1,3.5,x\n4.9,3.0,y\n", "?header=false", (2, 2, false)),
        ("5.1,3.5,x\n4.9,3.0,y\n", "?header=true", (1, 2, true)),
    ];
    for (text, options, expected) in cases {
        if expected.0 == 0 {
            assert!(read(text.as_bytes(), options).is_err(), "{text:?}");
            continue;
        }
        for ends in ["\n", "\r\n"] {
            let text = text.replace('\n', ends);
            assert_eq!(shape(&text, options), expected, "{text:?}{options}");
            assert_eq!(shape(text.trim_end(), options), expected, "{text:?}{options}");
            assert_eq!(shape(&format!("\u{feff}{text}"), options), expected, "{text:?}{options}");
        }
    }
}

/// Every column is looked at in every line of the window, but none of them is counted off from the first.
#[test]
fn wide_tables_take_no_longer_than_their_bytes() {
    let row = |field: fn(usize) -> String| (0..100_000).map(field).collect::<Vec<_>>().join(",");
    let start = std::time::Instant::now();
    let text = format!(",{}\n1,{}\n", row(|i| format!("x{i}")), row(|_| "1".to_owned()));
    assert_eq!(shape(&text, ""), (1, 100_000, true));
    let text = format!("{}\n{}\n", row(|i| format!("{i}")), row(|_| "1".to_owned()));
    assert_eq!(shape(&text, ""), (1, 99_999, true));
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for text in [
        "0,1\n1,0\n",
        "0,1,2\n1,0,1\n",
        "5.1,3.5,x\n4.9,3.0,y\n",
        "5.1,3.5,x\n",
        // A damaged number among others, and a label that recurs or does not.
        "5.1x,3.5,setosa\n4.9,3.0,setosa\n",
        "5.1x,3.5,0\n4.9,3.0,1\n",
        "name,0,0\n1,2,3\n",
        "?,?,setosa\n1,2,setosa\n",
        "species,400,401\nsetosa,1,2\nvirginica,3,4\n",
    ] {
        let error = read(text.as_bytes(), "").unwrap_err();
        assert!(matches!(error, Error::Header { .. }), "{text:?}: {error}");
        assert!(error.to_string().starts_with("t.csv: line 1: expected a header or a row"), "{error}");
        assert!(error.hint().unwrap().contains("header=true or header=false"));
    }
}

#[test]
fn gaps_in_the_first_line_are_refused_as_in_others() {
    for gap in ["?", "", "NA", "nan", "null", "-"] {
        for (text, line, column) in
            [(format!("{gap},3.5,0\n4.9,3.0,1\n"), 1, 0), (format!("4.9,3.0,1\n5,{gap},0\n"), 2, 1)]
        {
            let error = read(text.as_bytes(), "").unwrap_err().to_string();
            let expected =
                format!("t.csv: line {line}, column '{column}': expected a finite number, found '{gap}'");
            assert_eq!(error, expected);
        }
    }
    let error = read(b"inf,1\n2,1\n", "").unwrap_err().to_string();
    assert!(error.contains("line 1, column '0'") && error.contains("'inf'"), "{error}");
    assert!(read(b"?,?\n2,1\n", "").unwrap_err().to_string().contains("line 1, column '0'"));
}

#[test]
fn columns_are_left_out_by_name_or_index() {
    let text = b"name,a,b,y\nAda,1,2,0\nBob,3,4,1\n";
    for (options, features) in
        [("?drop=name", 2), ("?drop=0", 2), ("?drop=name,b", 1), ("?drop=-4,2", 1), ("?drop=0&target=y", 2)]
    {
        let data = read(text, options).unwrap();
        assert_eq!((data.train.len(), data.features(), data.outputs()), (2, features, 2), "{options}");
    }
    let data = read(b"name,a,b,y\nAda,1,2,0\nBob,3,4,1\n", "?drop=name&target=b,a&task=regress").unwrap();
    assert_eq!(crate::make::values(&data.train.targets), [[2., 1.], [4., 3.]]);
}

#[test]
fn an_index_is_proposed_and_left_out_under_its_own_name() {
    let text = b",a,y\n0,5.5,0\n1,4.5,1\n2,3.5,1\n";
    let data = read(text, "").unwrap();
    assert!(
        data.notes.iter().any(|note| note.contains("counts 0, 1, …: an index? drop=unnamed")),
        "{:?}",
        data.notes
    );
    for options in ["?drop=unnamed", "?drop=Unnamed: 0", "?drop=0", "?drop=-3"] {
        let data = read(text, options).unwrap();
        assert_eq!(data.features(), 1, "{options}");
        assert!(!data.notes.iter().any(|note| note.contains("an index?")));
    }
    // Numbers that do not count are none.
    let data = read(b",a,y\n0,5.5,0\n2,4.5,1\n", "").unwrap();
    assert!(!data.notes.iter().any(|note| note.contains("an index?")));
    // Two columns without a name.
    assert!(read(b",,y\n0,5.5,0\n1,4.5,1\n", "?drop=unnamed").unwrap_err().to_string().contains("2 of them"));
    assert_eq!(read(b",,y\n0,5.5,0\n1,4.5,1\n", "?drop=Unnamed: 1").unwrap().features(), 1);
}

#[test]
fn gzipped_tables_are_read_whole() {
    let text = b"a,b\n1,0\n2,1\n3,1\n";
    let plain = read(text, "").unwrap();
    assert_eq!(plain.hash, read(&gzip(text), "").unwrap().hash);
    // Members one after another, as `cat` and `bgzip` make them.
    let parts = [gzip(&text[..6]), gzip(&text[6..])].concat();
    assert_eq!(plain.hash, read(&parts, "").unwrap().hash);
    let cut = gzip(text);
    assert!(read(&cut[..cut.len() - 9], "").is_err());
    // 20 MiB in 20 KiB.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&b"1,0\n".repeat(5 << 20)).unwrap();
    let error = read(&bomb.finish().unwrap(), "").err().unwrap().to_string();
    assert!(error.contains("expected at most 16777216 bytes in a gzipped file of"), "{error}");
}

#[test]
fn names_of_classes_are_sorted() {
    let data = read("x,y\n1,b\n2,Ä\n3,a\n4,b\n".as_bytes(), "?test-every=3").unwrap();
    assert_eq!(data.train.targets.class_names(), ["a", "b", "Ä"]);
    assert_eq!(labels(&data.train.targets), (&[2, 0][..], 3));
    assert_eq!(labels(&data.test.unwrap().targets), (&[1, 1][..], 3));
    let note = data.notes.last().unwrap();
    assert!(note.ends_with("column 'y': 3 classes in words: 0 = a, 1 = b, 2 = Ä"), "{note}");
    // A constant column is one class; names reach no terminal raw.
    let data = read(b"x,y\n1,a\x1b[2J\n2,a\x1b[2J\n", "").unwrap();
    assert_eq!(labels(&data.train.targets), (&[0, 0][..], 1));
    assert!(data.notes.last().unwrap().ends_with("0 = a\\u{1b}[2J"), "{:?}", data.notes);
    // Words and numbers, where all is said to be a class.
    let data = read(b"x,y\n1,2\n2,4WD\n3,none\n", "?task=classes").unwrap();
    assert_eq!(data.train.targets.class_names(), ["2", "4WD", "none"]);
}
