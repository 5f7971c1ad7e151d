// Activations and losses, as collado-models and collado-risk define them.
#pragma once
#include "machine.h"
enum Activation { LINEAR = 0, RELU = 1, TANH = 2, SOFTPLUS = 3, GELU = 4, LOGISTIC = 5, SILU = 6, LEAKY = 7 };
enum Loss { SQUARED = 0, CROSS_ENTROPY = 1, LOGISTIC_LOSS = 2 };
DEV float logistic(float z) {
    float e = expf(-fabsf(z));
    return (z >= 0.f ? 1.f : e) / (1.f + e);
}
DEV float softplus(float z) { return (z < 0.f ? 0.f : z) + log1pf(expf(-fabsf(z))); }
DEV float normal(float z) { return .5f * erfcf(-z * .70710678f); }
// rho(z) for every function
DEV float activate(int kind, float z) {
    switch (kind) {
        case RELU: return rectify(z);
        case TANH: return tanhf(z);
        case SOFTPLUS: return softplus(z);
        case GELU: return z * normal(z);
        case LOGISTIC: return logistic(z);
        case SILU: return z * logistic(z);
        case LEAKY: return z > 0.f ? z : .01f * z;
        default: return z;
    }
}
// rho'(z) of the functions whose derivative does not follow from their value
DEV float stored_slope(int kind, float z) {
    if (kind == GELU) return normal(z) + z * .39894228f * expf(-.5f * z * z);
    float p = logistic(z);
    return kind == SILU ? p + z * p * (1.f - p) : 0.f;
}
// rho' from rho(z); for GELU and SILU x is rho' itself
DEV float slope(int kind, float x) {
    switch (kind) {
        case RELU: return x > 0.f ? 1.f : 0.f;
        case TANH: return 1.f - x * x;
        case SOFTPLUS: return -expm1f(-x);
        case GELU:
        case SILU: return x;
        case LEAKY: return x > 0.f ? 1.f : .01f;
        case LOGISTIC: return x * (1.f - x);
        default: return 1.f;
    }
}
DEV float back(int kind, float d, float x) {   // d rho'
    if (kind == RELU) return x > 0.f ? d : 0.f;
    if (kind == LINEAR) return d;
    return d * slope(kind, x);
}
struct Read { float loss, wrong; };
// The loss of one example with q <= Q outputs z, which become the derivatives of the loss. The target is the class y,
// or the values v.
template <int Q> DEV Read read_out(float (&z)[Q], int q, int loss, int y, const float* v) {
    Read r = {0.f, 0.f};
    bool nan = false;
    int best = 0;
    float top = z[0], zy = 0.f;
#pragma unroll
    for (int c = 0; c < Q; c++)
        if (c < q) {
            nan = nan || z[c] != z[c];
            if (c && z[c] > top) { top = z[c]; best = c; }
            if (c == y) zy = z[c];
        }
    if (q == 1) best = z[0] > (loss == SQUARED ? .5f : 0.f);
    r.wrong = nan || best != y;
    if (loss == CROSS_ENTROPY) {
        // The largest term, 1, is kept out of the sum: small losses keep their digits.
        float rest = 0.f;
#pragma unroll
        for (int c = 0; c < Q; c++)
            if (c < q) { z[c] = expf(z[c] - top); if (c != best) rest += z[c]; }
        float all = 1.f / (1.f + rest);
#pragma unroll
        for (int c = 0; c < Q; c++) z[c] = c == y ? (c == best ? -rest * all : z[c] * all - 1.f) : z[c] * all;
        r.loss = log1pf(rest) + (top - zy);
        return r;
    }
#pragma unroll
    for (int c = 0; c < Q; c++)
        if (c < q) {
            float t = v ? v[c] : q == 1 ? (float)y : c == y ? 1.f : 0.f, x = z[c];
            if (loss == SQUARED) { r.loss += (x - t) * (x - t); z[c] = 2.f * (x - t); }
            else { r.loss += softplus(x) - t * x; z[c] = logistic(x) - t; }
        }
    return r;
}
