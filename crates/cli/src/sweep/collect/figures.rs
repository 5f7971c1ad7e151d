//! The figures of a summary: its numbers and words, named by their place in it.

use serde_json::Value as Json;

use super::cell::Cell;

/// Lists that are longer are left out: permutations, spectra, attempts.
const LONGEST: usize = 10;

/// All figures of a summary, those in lists numbered from 0. Of the runs of a training there are the means.
pub(super) fn figures(summary: &Json) -> Vec<(String, Cell)> {
    let mut found = Vec::new();
    for (name, value) in summary.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("run" | "notes", _) => {}
            ("runs", Json::Array(runs)) => found.extend(means(runs)),
            _ => walk(name, value, &mut found),
        }
    }
    found
}

fn walk(name: &str, value: &Json, found: &mut Vec<(String, Cell)>) {
    match value {
        Json::Object(inner) => {
            inner.iter().for_each(|(below, value)| walk(&format!("{name}.{below}"), value, found));
        }
        Json::Array(list) if list.len() <= LONGEST && !list.iter().any(Json::is_array) => {
            list.iter().enumerate().for_each(|(i, value)| walk(&format!("{name}.{i}"), value, found));
        }
        _ => found.extend(Cell::new(value).map(|cell| (name.to_owned(), cell))),
    }
}

/// The figures of one run of a training.
pub(super) fn of_run(run: &Json) -> Vec<(String, Cell)> {
    let mut found = Vec::new();
    for (name, value) in run.as_object().into_iter().flatten().filter(|(name, _)| *name != "seed") {
        walk(name, value, &mut found);
    }
    found
}

/// The number of runs, and the means of their numbers; of a single run all figures.
fn means(runs: &[Json]) -> Vec<(String, Cell)> {
    let mut found = vec![("networks".to_owned(), Cell::Whole(runs.len() as i64))];
    let all: Vec<_> = runs.iter().map(of_run).collect();
    if let [one] = &all[..] {
        found.extend(one.clone());
        return found;
    }
    for (name, _) in all.first().into_iter().flatten() {
        let values: Option<Vec<f64>> = all
            .iter()
            .map(|run| run.iter().find(|(of, _)| of == name).and_then(|(_, cell)| cell.number()))
            .collect();
        if let Some(values) = values {
            found.push((name.clone(), Cell::Number(values.iter().sum::<f64>() / values.len() as f64)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_named_by_their_place() {
        let summary = serde_json::json!({
            "barrier": {"max": 0.5, "mean": "nan"}, "certified": null, "points": 3, "method": "line",
            "list": [[1, 2]], "top": [{"value": 2.5}], "run": {"id": "x"}, "notes": ["n"],
            "long": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        });
        let found: Vec<_> = figures(&summary).into_iter().map(|(n, c)| format!("{n}={}", c.text())).collect();
        assert_eq!(
            found,
            [
                "barrier.max=0.5",
                "barrier.mean=nan",
                "certified=",
                "method=line",
                "points=3",
                "top.0.value=2.5"
            ]
        );
    }

    #[test]
    fn of_several_runs_there_are_means() {
        let run = |seed: u64, risk: f64| serde_json::json!({"seed": seed, "risk": risk, "stop": "epochs"});
        let text = |runs: Vec<Json>| {
            let found = figures(&serde_json::json!({"runs": runs}));
            found.into_iter().map(|(n, c)| format!("{n}={}", c.text())).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text(vec![run(0, 1.), run(1, 4.)]), "networks=2 risk=2.5");
        assert_eq!(text(vec![run(7, 0.5)]), "networks=1 risk=0.5 stop=epochs");
    }
}
