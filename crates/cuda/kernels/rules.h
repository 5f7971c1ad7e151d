// Rules of descent, applied where gradients arise.
#pragma once
#include "math.h"
enum Rule { GRADIENT = 0, SGD = 1, ADAM = 2 };
struct Descent {
    float *theta, *first, *second;   // points, and what the rule remembers, [P][S]; with GRADIENT `first` is the gradient
    const float* steps;              // four numbers a step: size, two corrections of bias, factor of theta
    float momentum, decay;
    int nesterov, keep;              // with GRADIENT: whether the gradient is added
};
struct Moved { float theta, first, second; };
// One parameter; g has the regulariser in it.
DEV Moved move_one(const Descent& d, int rule, const float* step, float g, Moved o) {
    if (rule == GRADIENT) { o.first = d.keep ? o.first + g : g; return o; }
    g = fmaf(d.decay, o.theta, g);
    if (rule == SGD) {
        o.first = fmaf(d.momentum, o.first, g);
        o.theta = fmaf(-step[0], d.nesterov ? fmaf(d.momentum, o.first, g) : o.first, o.theta);
        return o;
    }
    o.first = fmaf(.9f, o.first, .1f * g);
    o.second = fmaf(.999f, o.second, .001f * g * g);
    o.theta = step[3] * o.theta - step[0] * (o.first * step[1]) / (sqrtf(o.second * step[2]) + 1e-8f);
    return o;
}
// The derivative of the regulariser: kind 1 the square, 2 the absolute value.
DEV float pull(int kind, float kappa, float x) {
    if (kind == 1) return 2.f * kappa * x;
    return kind == 2 ? x > 0.f ? kappa : x < 0.f ? -kappa : 0.f : 0.f;
}
