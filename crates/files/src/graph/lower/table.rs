//! The operations that are covered, and the rule for each. Everything else is refused by its name.

use super::{Lower, Result, arithmetic, call::Call, fixed, images, layers, pointwise, shapes, value::Value};

/// What an operation of the graph becomes.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// The tensors that it computes.
    Tensors(fn(&mut Lower<'_>, &Call<'_>) -> Result<Vec<Value>>),
    /// Nothing: it computes sizes, or checks them.
    Nothing,
}

/// A covered operation.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) rule: Rule,
    /// Whether the result may share the memory of the first tensor.
    pub(super) view: bool,
    /// Whether the result is written over the first tensor.
    pub(super) in_place: bool,
}

type Entry = (&'static str, fn(&mut Lower<'_>, &Call<'_>) -> Result<Vec<Value>>);

/// The operation called `target`, if it is covered. A name with an underscore at its end is the same in place.
pub(super) fn find(target: &str) -> Option<Known> {
    const SIZES: [&str; 4] = ["_operator.", "torch.sym_", "math.", "aten.sym_"];
    let name = target.trim_start_matches("torch.ops.");
    let checks = ["aten._assert_scalar", "aten._assert_tensor_metadata", "aten._assert_async"];
    if SIZES.iter().chain(&checks).any(|start| name.starts_with(start)) {
        return Some(Known { rule: Rule::Nothing, view: false, in_place: false });
    }
    let (base, overload) = name.strip_prefix("aten.")?.split_once('.')?;
    let entry = |list: &[Entry], base: &str| {
        let whole = format!("{base}.{overload}");
        // Without an overload all of them are meant.
        list.iter().find(|(name, _)| *name == whole || *name == base).map(|(_, rule)| Rule::Tensors(*rule))
    };
    let of = |base: &str| {
        let view = entry(VIEWS, base).map(|rule| (rule, true));
        view.or_else(|| entry(OPERATIONS, base).map(|rule| (rule, false)))
    };
    let plain = of(base).map(|(rule, view)| Known { rule, view, in_place: false });
    let changing = || {
        let (rule, view) = of(base.strip_suffix('_')?)?;
        Some(Known { rule, view, in_place: true })
    };
    plain.or_else(changing)
}

/// Operations whose result has memory of its own.
const OPERATIONS: &[Entry] = &[
    // Layers.
    ("conv2d", images::conv2d),
    ("conv1d", images::conv1d),
    ("convolution", images::convolution),
    ("linear", layers::linear),
    ("batch_norm", layers::batch_norm),
    ("_native_batch_norm_legit_no_training", layers::batch_norm),
    ("_native_batch_norm_legit", layers::batch_norm),
    ("_native_batch_norm_legit_functional", layers::batch_norm),
    ("native_batch_norm", layers::batch_norm),
    ("_batch_norm_with_update", layers::batch_norm),
    ("layer_norm", layers::layer_norm),
    ("native_layer_norm", layers::layer_norm),
    ("group_norm", layers::group_norm),
    ("max_pool2d", images::max_pool2d),
    ("max_pool2d_with_indices", images::max_pool2d),
    ("max_pool1d", images::max_pool1d),
    ("avg_pool2d", images::avg_pool2d),
    ("avg_pool1d", images::avg_pool1d),
    ("adaptive_avg_pool2d", images::adaptive_avg_pool2d),
    ("_adaptive_avg_pool2d", images::adaptive_avg_pool2d),
    ("adaptive_avg_pool1d", images::adaptive_avg_pool1d),
    ("embedding", layers::embedding),
    // Functions of each number.
    ("relu", pointwise::relu),
    ("relu6", pointwise::relu6),
    ("hardtanh", pointwise::hardtanh),
    ("clamp.default", pointwise::clamp),
    ("clamp_min.default", pointwise::clamp),
    ("clamp_max.default", pointwise::clamp),
    ("leaky_relu", pointwise::leaky_relu),
    ("elu", pointwise::elu),
    ("gelu", pointwise::gelu),
    ("silu", pointwise::silu),
    ("sigmoid", pointwise::sigmoid),
    ("hardsigmoid", pointwise::hardsigmoid),
    ("hardswish", pointwise::hardswish),
    ("tanh", pointwise::tanh),
    ("softplus", pointwise::softplus),
    ("exp", pointwise::exp),
    ("log", pointwise::log),
    ("erf", pointwise::erf),
    ("sin", pointwise::sin),
    ("cos", pointwise::cos),
    ("abs", pointwise::abs),
    ("neg", pointwise::neg),
    ("sqrt", pointwise::sqrt),
    ("rsqrt", pointwise::rsqrt),
    ("reciprocal", pointwise::reciprocal),
    ("square", pointwise::square),
    ("pow.Tensor_Scalar", pointwise::power),
    // Arithmetic.
    ("add.Tensor", arithmetic::add),
    ("add.Scalar", arithmetic::add),
    ("sub.Tensor", arithmetic::subtract),
    ("sub.Scalar", arithmetic::subtract),
    ("rsub.Scalar", arithmetic::subtract_from),
    ("mul.Tensor", arithmetic::multiply),
    ("mul.Scalar", arithmetic::multiply),
    ("div.Tensor", arithmetic::divide),
    ("div.Scalar", arithmetic::divide),
    ("matmul", arithmetic::matmul),
    ("bmm", arithmetic::matmul),
    ("mm", arithmetic::matmul),
    ("addmm", arithmetic::addmm),
    ("scaled_dot_product_attention", arithmetic::attention),
    ("masked_fill", arithmetic::masked_fill),
    ("where.self", arithmetic::select_where),
    ("where.ScalarSelf", arithmetic::select_where),
    ("where.ScalarOther", arithmetic::select_where),
    ("softmax", arithmetic::softmax),
    ("_softmax", arithmetic::softmax),
    ("log_softmax", arithmetic::log_softmax),
    ("_log_softmax", arithmetic::log_softmax),
    ("mean.dim", arithmetic::mean),
    ("sum.dim_IntList", arithmetic::sum),
    // Axes.
    ("cat", shapes::cat),
    ("stack", shapes::stack),
    ("pad", shapes::pad),
    ("constant_pad_nd", shapes::pad),
    ("clone", shapes::same),
    ("_to_copy", shapes::to),
    ("dropout", shapes::dropout),
    ("native_dropout", shapes::dropout),
    ("lift_fresh_copy", shapes::same),
    // Fixed numbers.
    ("arange", fixed::arange),
    ("full", fixed::full),
    ("zeros", fixed::zeros),
    ("ones", fixed::ones),
    ("full_like", fixed::full),
    ("zeros_like", fixed::zeros),
    ("ones_like", fixed::ones),
    ("scalar_tensor", fixed::scalar),
    ("tril", fixed::tril),
    ("triu", fixed::triu),
    ("eq", fixed::equal),
    ("ne", fixed::unequal),
    ("lt", fixed::less),
    ("le", fixed::at_most),
    ("gt", fixed::greater),
    ("ge", fixed::at_least),
    ("logical_not", fixed::not),
    ("bitwise_not", fixed::not),
    ("logical_and", fixed::and),
    ("logical_or", fixed::or),
];

/// Operations whose result may share the memory of its input.
const VIEWS: &[Entry] = &[
    ("view.default", shapes::view),
    ("reshape", shapes::view),
    ("_unsafe_view", shapes::view),
    ("flatten", shapes::flatten),
    ("unflatten", shapes::unflatten),
    ("squeeze", shapes::squeeze),
    ("unsqueeze", shapes::unsqueeze),
    ("transpose", shapes::transpose),
    ("t", shapes::turn),
    ("permute", shapes::permute),
    ("expand", shapes::expand),
    ("slice", shapes::slice),
    ("narrow", shapes::narrow),
    ("select", shapes::select),
    ("split", shapes::split),
    ("split_with_sizes", shapes::split),
    ("chunk", shapes::chunk),
    ("unbind", shapes::unbind),
    ("contiguous", shapes::same),
    ("alias", shapes::same),
    ("detach", shapes::detach),
    ("to", shapes::to),
    ("type_as", shapes::to),
    ("feature_dropout", shapes::dropout),
];
