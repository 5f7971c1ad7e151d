//! Convolutions and their derivatives against plain loops in `f64`.

use super::{convolution::Convolution, image::Image, lanes::Number, reverse::Reverse, winograd::Winograd};
use crate::engine::chain::Pool;

/// Numbers in (−½, ½) without a pattern.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

fn narrow<T: Number>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::of(x)).collect()
}

/// The tile of `values` `[channel][row][column][example]`, with a border.
fn tile<T: Number>(values: &[f64], image: &Image) -> Vec<T> {
    let mut tile = vec![T::of(f64::NAN); image.len::<T>()];
    image.clear_border(&mut tile);
    let mut lines = values.chunks_exact(image.width * T::LANES);
    for (channel, row) in (0..image.channels).flat_map(|c| (0..image.height).map(move |row| (c, row))) {
        let line = &mut tile[image.line::<T>(channel, row)];
        line.iter_mut().zip(lines.next().expect("a line")).for_each(|(t, &v)| *t = T::of(v));
    }
    tile
}

/// The values of a tile without its border.
fn values<T: Number>(tile: &[T], image: &Image) -> Vec<f64> {
    let lines = (0..image.channels).flat_map(|c| (0..image.height).map(move |row| (c, row)));
    lines.flat_map(|(c, row)| tile[image.line::<T>(c, row)].iter().map(|x| x.wide())).collect()
}

/// Calls `visit` with the places of weight, input and output of every product, for one example.
fn products(map: &Convolution, x: &Image, mut visit: impl FnMut(usize, usize, usize)) {
    let y = map.image(x);
    let (inputs, outputs) = (map.inputs / map.groups, map.outputs / map.groups);
    for (o, c) in (0..map.outputs).flat_map(|o| (0..inputs).map(move |c| (o, c))) {
        for (row, column) in (0..y.height).flat_map(|r| (0..y.width).map(move |c| (r, c))) {
            for (i, j) in (0..map.kernel[0]).flat_map(|i| (0..map.kernel[1]).map(move |j| (i, j))) {
                let at = |axis: usize, n: usize, tap: usize| {
                    (n * map.stride[axis] + tap * map.dilation[axis]).checked_sub(map.padding[axis])
                };
                let (Some(r), Some(s)) = (at(0, row, i), at(1, column, j)) else { continue };
                if r < x.height && s < x.width {
                    let channel = o / outputs * inputs + c;
                    visit(
                        ((o * inputs + c) * map.kernel[0] + i) * map.kernel[1] + j,
                        (channel * x.height + r) * x.width + s,
                        (o * y.height + row) * y.width + column,
                    );
                }
            }
        }
    }
}

fn close<T: Number>(what: &str, map: &Convolution, found: &[f64], expected: &[f64]) {
    let scale = expected.iter().fold(1., |m: f64, x| m.max(x.abs()));
    let bound = scale * if T::LANES == 16 { 3e-6 } else { 1e-14 };
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= bound, "{what}, {map:?}: {a} {b}");
    }
}

fn check<T: Number>(map: Convolution, x: Image) {
    let (x, y) = (x.with_border(map.border()), map.image(&x).with_border(1));
    let lanes = T::LANES;
    let weight = numbers(map.outputs * map.inputs / map.groups * map.kernel[0] * map.kernel[1], 1);
    let (input, delta) = (numbers(x.units() * lanes, 2), numbers(y.units() * lanes, 3));
    let (mut out, mut slope, mut back) =
        (vec![0.; delta.len()], numbers(weight.len(), 4), vec![0.; input.len()]);
    let begin = slope.clone();
    products(&map, &x, |w, i, o| {
        for n in 0..lanes {
            out[o * lanes + n] += weight[w] * input[i * lanes + n];
            slope[w] += delta[o * lanes + n] * input[i * lanes + n];
            back[i * lanes + n] += weight[w] * delta[o * lanes + n];
        }
    });
    let (w, tile_x) = (narrow::<T>(&weight), tile::<T>(&input, &x));
    let mut tile_y = vec![T::zero(); y.len::<T>()];
    let mut rows = Vec::new();
    map.forward(&w, (&tile_x, &x), (&mut tile_y, &y), |_, row| rows.push(row));
    close::<T>("forward", &map, &values(&tile_y, &y), &out);
    assert!(rows.drain(..).eq(0..y.height));

    let pool = Pool::default();
    if map.can_be_filtered() {
        tile_y.fill(T::nan());
        Winograd::forward(&map, &w, &pool)
            .run((&tile_x, &x), (&mut tile_y, &y), false, |_, row| rows.push(row));
        close::<T>("filtered", &map, &values(&tile_y, &y), &out);
        assert!(rows.into_iter().eq(0..y.height));

        let (tile_d, mut tile_b) = (tile::<T>(&delta, &y), vec![T::zero(); x.len::<T>()]);
        let filtered = Winograd::reverse(&map, &w, &pool);
        for add in [false, true] {
            filtered.run((&tile_d, &y), (&mut tile_b, &x), add, |_, _| {});
        }
        let twice: Vec<_> = back.iter().map(|x| 2. * x).collect();
        close::<T>("filtered, reverse", &map, &values(&tile_b, &x), &twice);
    }

    if map.can_be_filtered() {
        let (mut sums, mut found) = (vec![T::zero(); map.filtered_sums()], narrow::<T>(&begin));
        map.add_patches(&mut sums, (&tile_x, &x), (&tile::<T>(&delta, &y), &y), &pool);
        map.weights_of_sums(&sums, &mut found);
        close::<T>("filtered, weights", &map, &found.iter().map(|x| x.wide()).collect::<Vec<_>>(), &slope);
    }

    let reverse = Reverse::new(map, &w, &x, &pool);
    let y = y.with_border(reverse.border());
    let tile_d = tile::<T>(&delta, &y);
    let mut found = narrow::<T>(&begin);
    map.weights(&mut found, (&tile_x, &x), (&tile_d, &y));
    close::<T>("weights", &map, &found.iter().map(|x| x.wide()).collect::<Vec<_>>(), &slope);

    let mut tile_b = tile::<T>(&input, &x);
    reverse.run((&tile_d, &y), (&mut tile_b, &x), false);
    close::<T>("reverse", &map, &values(&tile_b, &x), &back);
    reverse.run((&tile_d, &y), (&mut tile_b, &x), true);
    let twice: Vec<_> = back.iter().map(|x| 2. * x).collect();
    close::<T>("reverse, added", &map, &values(&tile_b, &x), &twice);
}

#[test]
fn convolutions_and_derivatives_match_plain_loops() {
    let plain = Convolution {
        inputs: 1,
        outputs: 1,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
        groups: 1,
    };
    let cases = [
        (plain, [5, 5]),
        (Convolution { inputs: 3, outputs: 16, ..plain }, [8, 7]),
        (Convolution { inputs: 19, outputs: 13, ..plain }, [4, 6]),
        (Convolution { inputs: 2, outputs: 3, padding: [0, 1], ..plain }, [9, 3]),
        (Convolution { inputs: 7, outputs: 5, padding: [2, 0], ..plain }, [1, 9]),
        (Convolution { inputs: 4, outputs: 6, padding: [1, 2], groups: 2, ..plain }, [6, 25]),
        // Filtered, in more than one block of rows, of columns and of taps.
        (Convolution { inputs: 16, outputs: 17, ..plain }, [5, 31]),
        (Convolution { inputs: 32, outputs: 20, ..plain }, [9, 7]),
        (Convolution { inputs: 300, outputs: 16, ..plain }, [3, 4]),
        (Convolution { inputs: 5, outputs: 7, stride: [2, 2], ..plain }, [8, 8]),
        (Convolution { inputs: 5, outputs: 7, stride: [2, 2], ..plain }, [7, 9]),
        (
            Convolution { inputs: 4, outputs: 6, kernel: [1, 1], padding: [0, 0], stride: [2, 2], ..plain },
            [6, 5],
        ),
        (Convolution { inputs: 2, outputs: 6, kernel: [5, 5], padding: [0, 0], ..plain }, [9, 8]),
        (
            Convolution { inputs: 2, outputs: 3, kernel: [7, 7], padding: [3, 3], stride: [2, 2], ..plain },
            [11, 10],
        ),
        (Convolution { inputs: 6, outputs: 6, groups: 6, ..plain }, [5, 4]),
        (Convolution { inputs: 6, outputs: 12, groups: 3, stride: [2, 1], ..plain }, [5, 4]),
        (Convolution { inputs: 3, outputs: 2, dilation: [2, 1], padding: [2, 0], ..plain }, [6, 6]),
        (
            Convolution { inputs: 2, outputs: 2, kernel: [1, 5], padding: [0, 2], stride: [1, 3], ..plain },
            [3, 8],
        ),
        (Convolution { inputs: 40, outputs: 3, kernel: [1, 1], padding: [1, 1], ..plain }, [2, 2]),
        (Convolution::dense(&Image::new(7, 2, 3), 5), [2, 3]),
    ];
    for (map, [height, width]) in cases {
        let x = Image::new(map.inputs, height, width);
        check::<f64>(map, x);
        check::<f32>(map, x);
    }
}
