use candle_core::{D, DType, Tensor};

use collado_files::{Checkpoint, ReadOptions};

use crate::support::{archives, difference, outputs, values};

/// The mean cross-entropy of `logits` `[.., classes]`.
fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Tensor {
    let classes = logits.dim(D::Minus1).unwrap();
    let flat = logits.reshape(((), classes)).unwrap();
    let largest = flat.max_keepdim(1).unwrap().detach();
    let shifted = flat.broadcast_sub(&largest).unwrap();
    let sums = shifted.exp().unwrap().sum_keepdim(1).unwrap().log().unwrap();
    let own = shifted.gather(&labels.reshape(((), 1)).unwrap(), 1).unwrap();
    (sums - own).unwrap().mean_all().unwrap()
}

/// Every archive gives PyTorch's outputs, in both number types, and PyTorch's gradients.
#[test]
fn outputs_and_gradients_are_those_of_pytorch() {
    let mut faults = Vec::new();
    for (name, path) in archives() {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let checkpoint = match Checkpoint::read(&path, &ReadOptions::default()) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                faults.push(error.to_string());
                continue;
            }
        };
        let expected = values(&name);
        let (logits, theta) = outputs(&checkpoint, &expected["inputs"], DType::F64);
        let (narrow, _) = outputs(&checkpoint, &expected["inputs"], DType::F32);
        let shape = expected["logits_f64"].dims();
        let loss = cross_entropy(&logits.reshape(shape).unwrap(), &expected["labels"]);
        let gradient = loss.backward().unwrap().get(&theta).unwrap().clone();
        let parts = checkpoint.arch.layout().split(&gradient).unwrap();
        let names: Vec<&String> = parts.keys().collect();
        let all = |of: &dyn Fn(&str) -> Tensor| {
            let flat: Vec<Tensor> = names.iter().map(|name| of(name).flatten_all().unwrap()).collect();
            Tensor::cat(&flat, 0).unwrap()
        };
        // A tied tensor has the name that the version of PyTorch chose; ONNX has no other.
        let ties = checkpoint.arch.network().ties().to_vec();
        let theirs = all(&|name| {
            let aliases = ties.iter().filter(|(_, of)| of == name).map(|(alias, _)| alias.as_str());
            let mut names = aliases.chain([name, "wte.weight"]).map(|name| format!("gradient.{name}"));
            expected[&names.find(|name| expected.contains_key(name)).unwrap()].clone()
        });
        let largest = difference(&all(&|name| parts[name].clone()), &theirs);
        let found = [
            difference(&logits, &expected["logits_f64"]),
            difference(&narrow, &expected["logits_f32"]),
            difference(&loss, &expected["loss"]),
            largest,
        ];
        let [wide, narrow, loss, gradient] = found;
        if !(wide < 1e-9 && narrow < 1e-5 && loss < 1e-9 && gradient < 1e-8) {
            faults.push(format!("{file}: {found:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
