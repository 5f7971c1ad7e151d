//! Rows with a class for each position, as language models have them.

use collado_data::{Targets, load};

use crate::make::{c, error, file, stored};

fn tokens(targets: &Targets) -> (&[u32], usize, usize) {
    match targets {
        Targets::Tokens { labels, positions, count } => (labels, *positions, *count),
        other => panic!("expected tokens, found {other:?}"),
    }
}

#[test]
fn arrays_have_a_class_for_each_position() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = [
        ("x", c(&[2, 3], &[4_i64, 1, 2, 0, 3, 3])),
        ("y", c(&[2, 3], &[1_i64, 2, 3, 3, 3, 0])),
        ("x_test", c(&[1, 3], &[1_i64, 1, 1])),
        ("y_test", c(&[1, 3], &[5_i64, 0, 1])),
    ];
    let name = stored(folder.path(), &arrays);
    let data = load(&format!("{name}?task=tokens")).unwrap();
    assert_eq!(tokens(&data.train.targets), (&[1, 2, 3, 3, 3, 0][..], 3, 6));
    assert_eq!(tokens(&data.test.as_ref().unwrap().targets), (&[5, 0, 1][..], 3, 6));
    assert_eq!((data.train.len(), data.features(), data.outputs()), (2, 3, 18));
    assert_eq!(data.train.inputs.to_vec2::<f64>().unwrap(), [[4., 1., 2.], [0., 3., 3.]]);
    let last = data.train.select(&[1]).unwrap();
    assert_eq!(tokens(&last.targets), (&[3, 3, 0][..], 3, 6));
    // One-hot rows look the same: they are not taken for tokens unless it is said.
    assert!(error(&name).contains("task=tokens takes one for each position"));
}

#[test]
fn columns_of_a_table_are_positions_in_the_order_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(folder.path(), "csv", "t.csv", b"a,b,y0,y1\n1,2,0,4\n3,1,2,2\n");
    let data = load(&format!("{table}?target=y1,y0&task=tokens")).unwrap();
    assert_eq!(tokens(&data.train.targets), (&[4, 0, 2, 2][..], 2, 5));
    let twisted = load(&format!("{table}?target=y0,y1&task=tokens")).unwrap();
    assert_ne!(data.hash, twisted.hash);
    let wrong = error(&format!("{table}?target=y1&task=tokens"));
    assert!(wrong.contains("several columns, one for each position"), "{wrong}");
    let halves = file(folder.path(), "csv", "h.csv", b"1,2,0.5\n3,1,2\n");
    assert!(
        error(&format!("{halves}?target=1,2&task=tokens&header=false")).contains("an integer class label")
    );
}

#[test]
fn labels_out_of_range_are_named_by_their_row() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = [("x", c(&[2, 2], &[0_i64; 4])), ("y", c(&[2, 2], &[0_i64, 1, 2, -100]))];
    let text = error(&format!("{}?task=tokens", stored(folder.path(), &arrays)));
    assert!(text.contains("row 1: expected a class label from 0 to 65535, found -100"), "{text}");
}
