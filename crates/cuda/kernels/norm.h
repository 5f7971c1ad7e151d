// Batch normalisation of [n][C][s], n examples of C channels of s numbers, and rectifiers by themselves.
#pragma once
#include "math.h"
// The numbers of a channel are divided by examples into parts, a block for each part of each channel.
struct Channels {
    const float *x, *dy;                  // [n][C][s]; dy: null on the way forward
    const float *w, *b;                   // [C]; null for ones and for zeros
    float *mean, *variance;               // [C]
    float* sums;                          // [C][parts][3]
    float *out, *dw, *db;                 // y or dx [n][C][s], which may lie over x or dy; [C]; null where they are not wanted
    int n, C, s, parts; float epsilon;
};
DEV long first_of_part(const Channels& a, long k) { return k * a.n / a.parts; }
// V neighbours of a channel.
template <int V> struct Few { float x[V]; };
template <int V> DEV Few<V> ldg_few(const float* p) {
    if constexpr (V == 4) { float4 v = ldg4(p); return {v.x, v.y, v.z, v.w}; }
    else return {ldg1(p)};
}
template <int V> DEV void stg_few(float* p, const Few<V>& v) {
    if constexpr (V == 4) stg4(p, make_float4(v.x[0], v.x[1], v.x[2], v.x[3]));
    else *p = v.x[0];
}
// out = f(j, x, dy) for the numbers of this block, always in the same order; j < 4 tells apart what can be summed apart.
// K loads are under way before the first store: the compiler must not move a load over a store, as `out` may be `x`.
template <int V, bool DY, bool PUT, class F> DEV void each_of(const Channels& a, F f) {
    constexpr int TH = 256, K = V == 4 && (DY || PUT) ? 2 : 4;   // with more, registers spill and stores of four fall apart
    int w = a.s / V, t = threadIdx.x, r = t % w;
    long from = first_of_part(a, blockIdx.y), end = (first_of_part(a, blockIdx.y + 1) - from) * w, next = (long)a.C * a.s;
    long at = (from + t / w) * next + (long)blockIdx.x * a.s + V * r, step = TH / w * next + V * (TH % w);
#pragma unroll 1
    for (long i = t; i < end; i += K * TH) {
        Few<V> x[K], d[K];
        long place[K];
#pragma unroll
        for (int k = 0; k < K; k++) {
            place[k] = at;
            if (i + k * TH < end) {
                x[k] = ldg_few<V>(a.x + at);
                if (DY) d[k] = ldg_few<V>(a.dy + at);
            }
            at += step;
            r += TH % w;
            if (r >= w) { r -= w; at += next - a.s; }
        }
#pragma unroll
        for (int k = 0; k < K; k++)
            if (i + k * TH < end) {
                Few<V> y;
#pragma unroll
                for (int j = 0; j < V; j++) y.x[j] = f(V == 4 ? j : k, x[k].x[j], DY ? d[k].x[j] : 0.f);
                if (PUT) stg_few<V>(a.out + place[k], y);
            }
    }
}
DEV bool aligned(const void* p, const void* q, const void* r) { return ((size_t)p | (size_t)q | (size_t)r) % 16 == 0; }
template <bool DY, bool PUT, class F> DEV void each(const Channels& a, F f) {
    if (a.s % 4 == 0 && aligned(a.x, a.dy, a.out)) each_of<4, DY, PUT>(a, f);
    else each_of<1, DY, PUT>(a, f);
}
// Sums over the four of each thread, and over the block; all threads get them.
template <int N> DEV void sum_block(float (&sum)[N], const float (&of)[N][4], float* shared) {
    int warp = threadIdx.x / 32;
#pragma unroll
    for (int i = 0; i < N; i++) {
        sum[i] = sum_of_warp((of[i][0] + of[i][1]) + (of[i][2] + of[i][3]));
        if (threadIdx.x % 32 == 0) shared[8 * i + warp] = sum[i];
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < N; i++) {
        sum[i] = 0.f;
#pragma unroll
        for (int k = 0; k < 8; k++) sum[i] += shared[8 * i + k];
    }
}
template <int N> DEV void put_sums(const Channels& a, const float (&sum)[N]) {
    float* to = a.sums + 3 * ((long)blockIdx.x * a.parts + blockIdx.y);
    if (threadIdx.x == 0)
        for (int i = 0; i < N; i++) to[i] = sum[i];
}
// The sum of f(sums, numbers) over the parts of the channel in double; every warp computes the same.
template <class F> DEV double over_parts(const Channels& a, F f) {
    const float* sums = a.sums + 3 * (long)blockIdx.x * a.parts;
    double s = 0.;
    for (int k = threadIdx.x % 32; k < a.parts; k += 32)
        s += f(sums + 3 * k, (double)(first_of_part(a, k + 1) - first_of_part(a, k)) * a.s);
    return sum_of_warp(s);
}
// Of each part a number m near its mean, and the sums of x - m and (x - m)^2: what m lacks is not lost.
DEV void channel_moments_of(const Channels& a) {
    float first[1][4] = {}, then[2][4] = {}, mean[1], sum[2];
    each<false, false>(a, [&](int j, float x, float) { return first[0][j] += x; });
    sum_block(mean, first, shared_memory());
    float m = mean[0] / (float)((first_of_part(a, blockIdx.y + 1) - first_of_part(a, blockIdx.y)) * a.s);
    each<false, false>(a, [&](int j, float x, float) {
        float d = x - m;
        then[0][j] += d;
        return then[1][j] = fmaf(d, d, then[1][j]);
    });
    sum_block(sum, then, shared_memory() + 8);
    float all[3] = {m, sum[0], sum[1]};
    put_sums(a, all);
}
// y = w (x - mean) / sqrt(variance + epsilon) + b
DEV void channel_normalise_of(const Channels& a) {
    int c = blockIdx.x;
    double count = (double)a.n * a.s;
    double mean = over_parts(a, [&](const float* p, double n) { return n * ldg1(p) + ldg1(p + 1); }) / count;
    double variance = over_parts(a, [&](const float* p, double n) {   // as Chan joins parts
        double d = ldg1(p) - mean;
        return ldg1(p + 2) + d * (2. * ldg1(p + 1) + d * n);
    }) / count;
    if (variance < 0.) variance = 0.;
    // A mean that is far larger than the deviation has more digits than a float.
    float high = (float)mean, low = (float)(mean - high), b = a.b ? a.b[c] : 0.f;
    float scale = (float)((a.w ? a.w[c] : 1.f) / sqrt(variance + a.epsilon));
    if (blockIdx.y == 0 && threadIdx.x == 0) { a.mean[c] = high; a.variance[c] = (float)variance; }
    each<false, true>(a, [&](int, float x, float) { return fmaf((x - high) - low, scale, b); });
}
// y = w x + b
DEV void channel_affine_of(const Channels& a) {
    float w = a.w[blockIdx.x], b = a.b[blockIdx.x];
    each<false, true>(a, [&](int, float x, float) { return fmaf(w, x, b); });
}
// Of each part the sums of dy, dy (x - m) and x - m, where m is the mean as a float.
DEV void channel_slopes_of(const Channels& a) {
    float m = a.mean[blockIdx.x], of[3][4] = {}, sum[3];
    each<true, false>(a, [&](int j, float x, float dy) {
        float d = x - m;
        of[0][j] += dy;
        of[1][j] = fmaf(dy, d, of[1][j]);
        return of[2][j] += d;
    });
    sum_block(sum, of, shared_memory());
    put_sums(a, sum);
}
// dx = w / deviation (dy - mean of dy - (x - mean) sum of dy (x - mean) / (n s deviation^2))
DEV void channel_back_of(const Channels& a) {
    int c = blockIdx.x;
    double count = (double)a.n * a.s, square = (double)a.variance[c] + a.epsilon, deviation = sqrt(square);
    double dy_sum = over_parts(a, [&](const float* p, double) { return (double)ldg1(p); });
    double low = over_parts(a, [&](const float* p, double) { return (double)ldg1(p + 2); }) / count;
    double product = over_parts(a, [&](const float* p, double) { return (double)ldg1(p + 1); }) - low * dy_sum;
    if (blockIdx.y == 0 && threadIdx.x == 0) {
        if (a.dw) a.dw[c] = (float)(product / deviation);
        if (a.db) a.db[c] = (float)dy_sum;
    }
    if (!a.out) return;
    float m = a.mean[c], rest = (float)low, shift = (float)(dy_sum / count), slope = (float)(product / (count * square));
    float scale = (float)((a.w ? a.w[c] : 1.f) / deviation);
    each<true, true>(a, [&](int, float x, float dy) { return scale * fmaf((m - x) + rest, slope, dy - shift); });
}
// Rectifiers of `count` numbers, 4096 a block: max(x, 0), or dy where y > 0.
struct Rectifier { const float *x, *dy; float* out; long count; };   // x: y on the way back; out: may lie over x or dy
template <bool BACK> DEV void rectifier_of(const Rectifier& a) {
    constexpr int TH = 256, K = 4;
    long first = (long)blockIdx.x * 4 * K * TH;
    const float *x = a.x + first, *dy = a.dy + first;
    float* out = a.out + first;
    int t = threadIdx.x, count = a.count - first < 4 * K * TH ? (int)(a.count - first) : 4 * K * TH;
    int fours = aligned(a.x, a.dy, a.out) ? count / 4 : 0;
    auto f = [](float x, float dy) { return BACK ? back(RELU, dy, x) : rectify(x); };
    Few<4> v[K], d[K];
#pragma unroll
    for (int k = 0; k < K; k++)
        if (t + k * TH < fours) {
            v[k] = ldg_few<4>(x + 4 * (t + k * TH));
            if (BACK) d[k] = ldg_few<4>(dy + 4 * (t + k * TH));
        }
#pragma unroll
    for (int k = 0; k < K; k++)
        if (t + k * TH < fours) {
#pragma unroll
            for (int j = 0; j < 4; j++) v[k].x[j] = f(v[k].x[j], BACK ? d[k].x[j] : 0.f);
            stg_few(out + 4 * (t + k * TH), v[k]);
        }
    for (int i = 4 * fours + t; i < count; i += TH) out[i] = f(ldg1(x + i), BACK ? ldg1(dy + i) : 0.f);
}
