// Points as the kernels keep them, from and to those of the rest of the program; sums.
#pragma once
#include "rules.h"
#include "loaders.h"
constexpr int SEGMENTS = 48;
struct Segment { long dense, padded; int rows, columns, ld; };   // a matrix in both layouts
struct Pack {                             // row r of `out` is sum_j c[r][j] row j of `in`
    const float* in; float* out;
    const float* coefficients;            // [rows of out][rows of in], or null: rows are copied
    long dense, padded;                   // numbers in a row of either layout
    int in_rows, out_rows, segments, back, keep;   // back: from padded to dense; keep: `out` is added to
    Segment segment[SEGMENTS];
};
DEV void pack(const Pack& a) {
    const Segment& s = a.segment[blockIdx.y];
    int r = blockIdx.z;
    long in_row = a.back ? a.padded : a.dense, out_row = a.back ? a.dense : a.padded, count = (long)s.rows * s.ld;
    for (long i = (long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (long)gridDim.x * blockDim.x) {
        long row = i / s.ld, column = i % s.ld, dense = s.dense + row * s.columns + column, padded = s.padded + i;
        bool real = column < s.columns;
        if (a.back && !real) continue;
        float* out = a.out + r * out_row + (a.back ? dense : padded);
        float v = a.keep ? *out : 0.f;
        if (real) {
            const float* in = a.in + (a.back ? padded : dense);
            if (!a.coefficients) v += in[r * in_row];
            else
                for (int j = 0; j < a.in_rows; j++) {
                    float c = a.coefficients[r * a.in_rows + j];
                    if (c != 0.f) v = fmaf(c, in[j * in_row], v);
                }
        }
        *out = v;
    }
}
// slopes += kappa R'(theta) in columns `from` to `to`
struct Pull { const float* theta; float* slopes; long S, from, to; int kind; float kappa; };
DEV void pull_points(const Pull& a) {
    long at = blockIdx.y * a.S;
    for (long i = a.from + (long)blockIdx.x * blockDim.x + threadIdx.x; i < a.to; i += (long)gridDim.x * blockDim.x) a.slopes[at + i] += pull(a.kind, a.kappa, a.theta[at + i]);
}
// Free vertices from the gradients of P points, and the points of the next step.
struct Move {
    Descent d;                            // theta: the points [P][S]; first, second: of the free vertices [F][S]
    float* vertices;                      // [V][S]; those from `free` on move
    const float *slopes, *coefficients, *next;   // gradients at the points [P][S]; [P][V] of this step and of the next
    long S, from, to;                     // the columns of the regulariser
    int V, free, F, P, rule, pull; float kappa;
};
DEV void move_vertices(const Move& a) {
    for (long i = (long)blockIdx.x * blockDim.x + threadIdx.x; i < a.S; i += (long)gridDim.x * blockDim.x) {
        bool pulled = i >= a.from && i < a.to;
        for (int f = 0; f < a.F; f++) {
            float g = 0.f;
            for (int p = 0; p < a.P; p++) {
                float s = a.slopes[p * a.S + i];
                if (pulled) s += pull(a.pull, a.kappa, a.d.theta[p * a.S + i]);
                g = fmaf(a.coefficients[p * a.V + a.free + f], s, g);
            }
            float* v = a.vertices + (a.free + f) * a.S + i;
            long j = f * a.S + i;
            Moved q = move_one(a.d, a.rule, a.d.steps, g, Moved{*v, a.d.first[j], a.rule == ADAM ? a.d.second[j] : 0.f});
            a.d.first[j] = q.first; *v = q.theta;
            if (a.rule == ADAM) a.d.second[j] = q.second;
        }
        for (int p = 0; p < a.P; p++) {
            float t = 0.f;
            for (int j = 0; j < a.V; j++) t = fmaf(a.next[p * a.V + j], a.vertices[j * a.S + i], t);
            a.d.theta[p * a.S + i] = t;
        }
    }
}
// The sum of `parts` numbers, in double, a warp for each sum: out[i] (+)= sum_k in[i * step + k * stride].
struct Sum { const float* in; double* out; long parts, step, stride; int count, keep; };
DEV void sums(const Sum& a) {
    int i = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (i >= a.count) return;
    double s = 0;
    const float* in = a.in + i * a.step;
#pragma unroll 4
    for (long k = lane; k < a.parts; k += 32) s += in[k * a.stride];
#pragma unroll
    for (int m = 16; m; m /= 2) s += __shfl_xor_sync(~0u, s, m);
    if (lane == 0) a.out[i] = a.keep ? a.out[i] + s : s;
}
// Penalties: parts of the sums of squares or absolute values of columns `from` to `to`, [P][blocks].
struct Norm { const float* theta; double* out; long S, from, to; int kind; };
DEV void norms(const Norm& a) {
    double* red = (double*)shared_memory();
    const float* th = a.theta + blockIdx.y * a.S;
    double s = 0;
    for (long i = a.from + (long)blockIdx.x * 256 + threadIdx.x; i < a.to; i += (long)gridDim.x * 256) {
        double x = th[i];
        s += a.kind == 1 ? x * x : fabs(x);
    }
#pragma unroll
    for (int m = 16; m; m /= 2) s += __shfl_xor_sync(~0u, s, m);
    if (threadIdx.x % 32 == 0) red[threadIdx.x / 32] = s;
    __syncthreads();
    if (threadIdx.x == 0) {
        s = 0;
        for (int k = 0; k < 8; k++) s += red[k];
        a.out[blockIdx.y * gridDim.x + blockIdx.x] = s;
    }
}
