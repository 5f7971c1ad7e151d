// From outputs to losses and errors, and back through the last layer.
#pragma once
#include "loaders.h"
struct Head {
    const float* parts;                   // parts of the outputs [P][count][B][OUT], without bias
    const float* theta;
    const int *labels, *rows;             // class of each example, or null; rows, or null
    const float* values;                  // [N][ldv], or null
    const float *x, *scale;               // what rho' follows from [P][B][ldx]; weight of each point, or null for 1 / B
    float *dz, *dx;                       // [P][B][ld], [P][B][ldx]; null where they are not wanted
    float* sums;                          // losses and errors [P][tiles of B][2]
    long S, w, b, rows_point, first;      // first: the first example where there are no rows
    int P, B, N, count, q, ld, ldx, ldw, ldv, loss, kind;
};
// RT rows and CT columns of dx a block
template <int RT, int CT, int TH> DEV void head(const Head& a) {
    float* zs = shared_memory();                  // [RT][OUT]
    int ct = a.dx ? tiles_of(a.N, CT) : 1, rt = tiles_of(a.B, RT), p = blockIdx.x / (ct * rt), r = blockIdx.x % (ct * rt);
    int m0 = r / ct * RT, c0 = r % ct * CT, tid = threadIdx.x;
    const float* th = a.theta + p * a.S;
    constexpr int Q = CT / 4, STEP = TH / Q, PER = (RT + STEP - 1) / STEP;
    int col = c0 + 4 * (tid % Q);
    bool in = a.dx && col < a.N;
    float4 w[OUT], h[PER];
#pragma unroll
    for (int c = 0; c < OUT; c++) w[c] = in && c < a.q ? ldg4(th + a.w + (long)c * a.ldw + col) : make_float4(0, 0, 0, 0);
    long example = -1;   // none
    if (tid < RT && m0 + tid < a.B) example = a.rows ? (long)a.rows[p * a.rows_point + m0 + tid] : a.first + m0 + tid;
    int y = a.labels && example >= 0 ? a.labels[example] : 0;
    grid_wait();
    grid_next();
    long at = (long)p * a.B * a.ldx + col;
#pragma unroll
    for (int i = 0; i < PER; i++) {
        int m = tid / Q + i * STEP;
        h[i] = in && m < RT && m0 + m < a.B ? ldg4(a.x + at + (long)(m0 + m) * a.ldx) : make_float4(0, 0, 0, 0);
    }
    for (int i = tid; i < RT * OUT; i += TH) {
        int m = i / OUT, c = i % OUT;
        float s = 0.f;
        if (m0 + m < a.B && c < a.q) {
            s = ldg1(th + a.b + c);
            const float* z = a.parts + ((long)p * a.count * a.B + m0 + m) * OUT + c;
#pragma unroll 8
            for (int k = 0; k < a.count; k++) s += ldg1(z + (long)k * a.B * OUT);
        }
        zs[i] = s;
    }
    __syncthreads();
    if (tid < 32) {
        Read sum = {0.f, 0.f};
        if (tid < RT && m0 + tid < a.B) {
            float z[OUT];
#pragma unroll
            for (int c = 0; c < OUT; c++) z[c] = zs[tid * OUT + c];
            float f = 0.f;
            if (example >= 0) {
                sum = read_out<OUT>(z, a.q, a.loss, y, a.values ? a.values + example * a.ldv : nullptr);
                f = a.scale ? a.scale[p] : 1.f / a.B;
            }
#pragma unroll
            for (int c = 0; c < OUT; c++) zs[tid * OUT + c] = c < a.q && f != 0.f ? z[c] * f : 0.f;
        }
#pragma unroll
        for (int s = 16; s; s /= 2) { sum.loss += __shfl_xor_sync(~0u, sum.loss, s); sum.wrong += __shfl_xor_sync(~0u, sum.wrong, s); }
        if (c0 == 0 && tid == 0) { float* l = a.sums + 2 * ((long)p * rt + m0 / RT); l[0] = sum.loss; l[1] = sum.wrong; }
    }
    __syncthreads();
    if (c0 == 0 && a.dz)
        for (int i = tid; i < RT * OUT; i += TH)
            if (m0 + i / OUT < a.B && i % OUT < a.ld) a.dz[((long)p * a.B + m0 + i / OUT) * a.ld + i % OUT] = zs[i];
    if (!a.dx) return;
#pragma unroll
    for (int i = 0; i < PER; i++) {
        int m = tid / Q + i * STEP;
        if (m < RT && m0 + m < a.B && in) {
            float4 d = make_float4(0, 0, 0, 0);
#pragma unroll
            for (int c = 0; c < OUT; c++) {
                float z = zs[m * OUT + c];
                d.x = fmaf(z, w[c].x, d.x); d.y = fmaf(z, w[c].y, d.y); d.z = fmaf(z, w[c].z, d.z); d.w = fmaf(z, w[c].w, d.w);
            }
            stg4(a.dx + at + (long)(m0 + m) * a.ldx, make_float4(back(a.kind, d.x, h[i].x), back(a.kind, d.y, h[i].y), back(a.kind, d.z, h[i].z), back(a.kind, d.w, h[i].w)));
        }
    }
}

// Losses and errors without a way back, a thread for each example.
DEV void read(const Head& a) {
    float* red = shared_memory();                 // [8][2]
    int rt = tiles_of(a.B, 256), p = blockIdx.x / rt, m = blockIdx.x % rt * 256 + threadIdx.x;
    Read sum = {0.f, 0.f};
    if (m < a.B) {
        const float* th = a.theta + p * a.S + a.b;
        const float* part = a.parts + ((long)p * a.count * a.B + m) * OUT;
        float z[OUT];
#pragma unroll
        for (int c = 0; c < OUT; c++) z[c] = c < a.q ? ldg1(th + c) : 0.f;
#pragma unroll 2
        for (int k = 0; k < a.count; k++, part += (long)a.B * OUT) {
#pragma unroll
            for (int c = 0; c < OUT; c += 4) {
                float4 v = ldg4(part + c);
                z[c] += v.x; z[c + 1] += v.y; z[c + 2] += v.z; z[c + 3] += v.w;
            }
        }
        long example = a.rows ? (long)a.rows[p * a.rows_point + m] : a.first + m;
        if (example >= 0) sum = read_out<OUT>(z, a.q, a.loss, a.labels ? a.labels[example] : 0, a.values ? a.values + example * a.ldv : nullptr);
    }
#pragma unroll
    for (int s = 16; s; s /= 2) { sum.loss += __shfl_xor_sync(~0u, sum.loss, s); sum.wrong += __shfl_xor_sync(~0u, sum.wrong, s); }
    int w = threadIdx.x / 32;
    if (threadIdx.x % 32 == 0) { red[2 * w] = sum.loss; red[2 * w + 1] = sum.wrong; }
    __syncthreads();
    if (threadIdx.x < 2) {
        float s = 0.f;
        for (int k = 0; k < 8; k++) s += red[2 * k + threadIdx.x];
        a.sums[2 * ((long)p * rt + m / 256) + threadIdx.x] = s;
    }
}

// The loss of any number of outputs, a warp for each example. z [P][B][ldz] has the biases in it and becomes dz.
struct Wide {
    float* z;
    const int *labels, *rows; const float *values, *scale;
    float* sums;                          // [P][B][2]
    long rows_point, first;
    int P, B, q, ldz, ldv, loss, slopes;
};
DEV void wide(const Wide& a) {
    grid_wait();
    grid_next();
    long id = (long)blockIdx.x * 8 + threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (id >= (long)a.P * a.B) return;
    int p = (int)(id / a.B), m = (int)(id % a.B);
    long example = a.rows ? (long)a.rows[p * a.rows_point + m] : a.first + m;
    if (example < 0) {   // none
        for (int c = lane; c < a.ldz; c += 32) a.z[id * a.ldz + c] = 0.f;
        if (lane == 0) a.sums[2 * id] = a.sums[2 * id + 1] = 0.f;
        return;
    }
    int y = a.labels ? a.labels[example] : 0;
    const float* v = a.values ? a.values + example * a.ldv : nullptr;
    float* z = a.z + id * a.ldz;
    float f = a.scale ? a.scale[p] : 1.f / a.B, top = -INFINITY, nan = 0.f, loss = 0.f;
    int best = a.q;
    for (int c = lane; c < a.q; c += 32) {
        float x = ldg1(z + c);
        if (x != x) nan = 1.f;
        if (x > top || best == a.q) { top = x; best = c; }
    }
#pragma unroll
    for (int s = 16; s; s /= 2) {   // the first of the largest
        float t = __shfl_xor_sync(~0u, top, s), n = __shfl_xor_sync(~0u, nan, s);
        int b = __shfl_xor_sync(~0u, best, s);
        if (t > top || (t == top && b < best)) { top = t; best = b; }
        nan += n;
    }
    int found = a.q == 1 ? (top > (a.loss == SQUARED ? .5f : 0.f)) : best;
    float wrong = nan > 0.f || found != y;
    if (a.loss == CROSS_ENTROPY) {
        float rest = 0.f;
        for (int c = lane; c < a.q; c += 32) if (c != best) rest += expf(ldg1(z + c) - top);
        rest = sum_of_warp(rest);
        loss = log1pf(rest) + (top - ldg1(z + y));
        float all = 1.f / (1.f + rest);
        __syncwarp();
        if (a.slopes)
            for (int c = lane; c < a.ldz; c += 32) {
                float e = c < a.q ? expf(ldg1(z + c) - top) : 0.f;
                z[c] = c < a.q ? f * (c == y ? (c == best ? -rest * all : e * all - 1.f) : e * all) : 0.f;
            }
        if (nan > 0.f) loss = NAN;
    } else {
        for (int c = lane; c < a.ldz; c += 32) {
            float x = c < a.q ? ldg1(z + c) : 0.f, t = c < a.q ? (v ? v[c] : a.q == 1 ? (float)y : c == y ? 1.f : 0.f) : 0.f, g = 0.f;
            if (c < a.q) {
                if (a.loss == SQUARED) { loss += (x - t) * (x - t); g = 2.f * (x - t); }
                else { loss += softplus(x) - t * x; g = logistic(x) - t; }
            }
            if (a.slopes) z[c] = f * g;
        }
        loss = sum_of_warp(loss);
    }
    if (lane == 0) { a.sums[2 * id] = loss; a.sums[2 * id + 1] = wrong; }
}
