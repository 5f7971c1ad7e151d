//! What every picture promises: valid XML, readable text, the same bytes, nothing dropped silently.

use collado_plots::{
    Error, Figure, History, Panel, Point, Profile, Reference, Role, Run, Scale, Series, TreeNode,
    history_figure, merge_tree_figure, profile_figure,
};
use roxmltree::Document;
use tiny_skia::Pixmap;

const NAN: f64 = f64::NAN;

/// All pieces of text of a picture.
fn texts(figure: &Figure) -> Vec<String> {
    let svg = figure.to_svg().expect("the figure can be drawn");
    let document = Document::parse(&svg).expect("the SVG is well-formed");
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

fn paths(figure: &Figure) -> usize {
    figure.to_svg().expect("the figure can be drawn").matches("stroke=\"#0072b2\"").count()
}

fn plain(ys: &[f64]) -> Figure {
    let xs: Vec<f64> = (0..ys.len()).map(|i| i as f64).collect();
    Figure::new("title").x_label("x").panel(Panel::new("y").series(Series::line("", &xs, ys)))
}

#[test]
fn labels_are_text_and_markup_is_escaped() {
    let (xs, ys) = ([0.0, 1.0], [1.0, 2.0]);
    let panel = Panel::new("κ & λ")
        .series(Series::line("a<b>\"c\"\u{1}", &xs, &ys))
        .point(Point::new(0.5, 1.5).text("]]>"));
    let texts = texts(&Figure::new("<&>").subtitle("R&D").x_label("x < 1").panel(panel));
    for wanted in ["<&>", "R&D", "x < 1", "κ & λ", "a<b>\"c\"\u{FFFD}", "]]>", "0.6", "1.6"] {
        assert!(texts.iter().any(|text| text == wanted), "{wanted} in {texts:?}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let figure = plain(&[1.0, 3.0, 2.0]);
    assert_eq!(figure.to_svg().ok(), figure.clone().to_svg().ok());
    assert_eq!(figure.to_png().ok(), figure.clone().to_png().ok());
}

/// In grey, lines and dots of different roles still differ: by dashes and by shapes.
#[test]
fn pictures_for_papers_need_no_colours() {
    let (xs, ys) = ([0.0, 0.5, 1.0], [1.0, 3.0, 2.0]);
    let roles = [(Role::Train, "#0072b2"), (Role::Test, "#d55e00"), (Role::Accent, "#009e73")];
    let lines = roles.iter().fold(Panel::new("a"), |panel, (role, color)| {
        panel.series(Series::line(*color, &xs, &ys).role(*role))
    });
    let dots = roles.iter().fold(Panel::new("b"), |panel, (role, color)| {
        panel.series(Series::dots(*color, &xs, &ys).role(*role))
    });
    let figure = Figure::new("title").x_label("x").panel(lines).panel(dots);
    let forms = |svg: &str, color: &str| -> Vec<String> {
        let document = Document::parse(svg).expect("the SVG is well-formed");
        let drawn = |name: &str| {
            let nodes = document.descendants().filter(|node| node.attribute(name) == Some(color));
            let forms = nodes.map(|node| {
                let corners = node.attribute("d").map_or(0, |d| d.matches('L').count());
                let kind = if name == "fill" {
                    format!("{} {corners}", node.tag_name().name())
                } else {
                    String::new()
                };
                format!("{kind}{}", node.attribute("stroke-dasharray").unwrap_or("solid"))
            });
            forms.collect::<std::collections::BTreeSet<_>>()
        };
        drawn("stroke").into_iter().chain(drawn("fill")).collect()
    };
    let screen = figure.to_svg().expect("the figure can be drawn");
    assert!(!screen.contains("stroke-dasharray"));
    for width in [3.25, 6.75] {
        let svg = figure.print(width).expect("the figure can be printed").svg;
        let all: Vec<Vec<String>> = roles.iter().map(|(_, color)| forms(&svg, color)).collect();
        assert!(all.iter().all(|forms| forms.len() >= 2), "{all:?}");
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a[0] != b[0] && a[1] != b[1]), "{all:?}");
        }
    }
}

#[test]
fn the_png_has_twice_the_size_and_text_in_it() {
    let png = plain(&[1.0, 3.0]).size(400.0, 300.0).to_png().expect("the PNG is drawn");
    let pixels = Pixmap::decode_png(&png).expect("the PNG is read");
    assert_eq!((pixels.width(), pixels.height()), (800, 600));
    let title = (30..76).flat_map(|y| (40..120).map(move |x| (x, y)));
    let dark = title.filter(|&(x, y)| pixels.pixel(x, y).is_some_and(|pixel| pixel.red() < 100)).count();
    assert!(dark > 100, "{dark} dark pixels where the title should be");
}

#[test]
fn values_without_a_place_leave_a_gap_and_are_counted() {
    let whole = plain(&[1.0, 2.0, 3.0, 2.0, 1.0, 2.0]);
    let broken = plain(&[1.0, 2.0, NAN, 2.0, 1.0, f64::INFINITY]);
    assert_eq!(paths(&whole), 1);
    // Two pieces, and two crosses of two strokes.
    assert_eq!(paths(&broken), 2 + 4);
    assert!(texts(&broken).contains(&"2 values not finite".to_owned()));
    let panel =
        Panel::new("y").scale(Scale::Log).series(Series::line("s", &[0.0, 1.0, 2.0], &[1.0, 0.0, NAN]));
    assert!(texts(&Figure::new("").panel(panel)).contains(&"1 value not finite, 1 value ≤ 0".to_owned()));
}

#[test]
fn strange_data_are_drawn_all_the_same() {
    let values = [0.0, -0.0, 5e-324, 1e-300, -1.0, 1.0, 1e300, f64::MAX, f64::MIN, NAN, f64::NEG_INFINITY];
    for scale in [Scale::Linear, Scale::Log] {
        for a in values {
            for b in values {
                for ys in [vec![], vec![a], vec![a, b], vec![a, b, a]] {
                    let xs = ys.iter().rev().copied().collect::<Vec<_>>();
                    let panel = Panel::new("y")
                        .scale(scale)
                        .y_limits(a, b)
                        .rule(a, "rule")
                        .upright(b, "mark")
                        .shade(a, b)
                        .span(a, a, b);
                    let panel = panel
                        .series(Series::line("s", &xs, &ys).band(&ys, &xs))
                        .point(Point::new(a, b).text("p"));
                    let figure = Figure::new("")
                        .x_scale(scale)
                        .panel(panel.clone())
                        .panel(panel.from_zero().weight(a));
                    let svg = figure.to_svg().unwrap_or_else(|error| panic!("{a:e} {b:e}: {error}"));
                    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{a:e} {b:e}");
                }
            }
        }
    }
}

#[test]
fn wrong_input_is_refused_with_numbers() {
    let series = Series::line("s", &[0.0, 1.0], &[0.0]);
    let error =
        Figure::new("").panel(Panel::new("y").series(series)).to_svg().expect_err("the series is refused");
    assert_eq!(error.to_string(), "series \"s\": 2 x values, but 1 values in column y");
    assert!(matches!(Figure::new("").to_svg(), Err(Error::NoPanels)));
    assert!(matches!(plain(&[1.0]).size(NAN, 1e9).to_png(), Err(Error::Size { .. })));
    let many = (0..40).fold(Figure::new("").size(300.0, 300.0), |figure, _| figure.panel(Panel::new("y")));
    assert!(matches!(many.to_svg(), Err(Error::Size { .. })));
}

#[test]
fn a_profile_says_what_was_found() {
    let (t, risk, none) = ([0.0, 0.5, 1.0], [0.01, 0.02, 0.015], [NAN; 3]);
    let mut profile = Profile {
        title: "two minima",
        t: &t,
        train_risk: &risk,
        train_loss: &risk,
        train_error: &none,
        test_loss: &none,
        test_error: &none,
        references: &[Reference { label: "straight line", t: &t, risk: &[0.01, 1.3, 0.015] }],
        above_ends: 0.005,
        ..Profile::default()
    };
    let found = texts(&profile_figure(&profile));
    for wanted in [
        "A",
        "B",
        "Risk (log scale)",
        "highest 0.0200 at t = 0.50",
        "0.00500 above the higher end",
        "higher end 0.0150",
        "straight line, highest 1.30",
    ] {
        assert!(found.iter().any(|text| text == wanted), "{wanted} in {found:?}");
    }
    for absent in ["Error (%)", "test loss", "training loss, without penalty"] {
        assert!(!found.iter().any(|text| text == absent), "{absent} in {found:?}");
    }
    assert!(!found.iter().any(|text| text.contains("not finite")), "{found:?}");
    profile.end = "B′";
    let found = texts(&profile_figure(&profile));
    for wanted in ["B′", "t, from A to B′ along the path"] {
        assert!(found.iter().any(|text| text == wanted), "{wanted} in {found:?}");
    }
    profile.test_error = &[0.1, NAN, 0.2];
    let found = texts(&profile_figure(&profile));
    assert!(found.contains(&"Error (%)".to_owned()) && found.contains(&"1 value not finite".to_owned()));
}

#[test]
fn a_history_shows_the_median_of_many_and_the_curve_of_one() {
    let (epochs, none) = ([0.0, 1.0, 2.0], [NAN; 3]);
    let risks = [[4.0, 2.0, 1.0], [5.0, 3.0, 2.0], [6.0, NAN, NAN]];
    let run = |risk| Run {
        label: "",
        epochs: &epochs,
        train_risk: risk,
        test_loss: &none,
        train_error: &none,
        test_error: &none,
    };
    let runs: Vec<Run<'_>> = risks.iter().map(|risk| run(risk)).collect();
    let many = texts(&history_figure(&History { title: "t", subtitle: "", runs: &runs }));
    assert!(many.contains(&"training risk, median of 3".to_owned()));
    assert!(many.contains(&"2 values not finite".to_owned()), "{many:?}");
    let one = texts(&history_figure(&History { title: "t", subtitle: "", runs: &runs[..1] }));
    assert!(one.contains(&"training risk".to_owned()) && !one.contains(&"Error (%)".to_owned()));
    assert!(history_figure(&History::default()).to_svg().is_ok());
}

#[test]
fn a_merge_tree_names_its_minima_and_has_a_branch_for_each_join() {
    let leaf = |height| TreeNode { height, children: None };
    let join = |height, a, b| TreeNode { height, children: Some((a, b)) };
    let nodes = [leaf(0.1), leaf(0.3), leaf(0.2), join(0.5, 0, 2), join(0.9, 3, 1)];
    let names = ["a", "b", "c"].map(String::from);
    let figure = merge_tree_figure("tree", "", &names, &nodes, &[0, 2, 1]);
    let found = texts(&figure);
    // From the bottom up, as the axis is drawn.
    let places: Vec<_> = ["b", "c", "a"].iter().map(|n| found.iter().position(|t| t == n)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{found:?}");
    // Two joins and the stem.
    assert_eq!(paths(&figure), 3);
    // Numbers belong to the risk axis only.
    assert!(found.iter().any(|t| t == "0.4") && !found.iter().any(|t| t == "1.5"), "{found:?}");
    let log = [leaf(1e-4), leaf(1e-3), join(0.5, 0, 1)];
    let found = texts(&merge_tree_figure("", "", &names[..2], &log, &[0, 1]));
    assert!(found.iter().any(|t| t.contains("log scale")), "{found:?}");
    let forest = [leaf(0.1), leaf(f64::NAN), leaf(0.2)];
    assert!(merge_tree_figure("", "", &names, &forest, &[0, 1, 2]).to_svg().is_ok());
}
