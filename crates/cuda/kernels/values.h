// The risk at many points of a line, curve or plane, theta(t) = theta_0 + sum_j c_j(t) theta_j: what is linear in theta is
// computed once for each vertex.
#pragma once
#include "layers.h"
// out[p][m][n] = a_p[m] . x[n] + bias_p[m]: the first layer with examples along the rows of memory
struct Across {
    const float *theta, *x;
    float* out;
    long S, w, b, out_point;
    int P, M, rows, N, K, ldw, ldx, ldo;     // M outputs, `rows` of them written; N examples
};
template <class C> DEV void across(const Across& a) {
    typedef Gemm<C, true, true> G;
    typedef typename G::E E;
    float* sm = shared_memory();
    int mt = tiles_of(a.rows, C::BM), nt = tiles_of(a.N, C::BN), p = blockIdx.x / (mt * nt), r = blockIdx.x % (mt * nt);
    int m0 = r % mt * C::BM, n0 = r / mt * C::BN;
    const float* th = a.theta + p * a.S;
    typename G::LA la; typename G::LB lb;
    la.init(th + a.w, a.ldw, nullptr, m0, a.M, a.K);
    lb.init(a.x, a.ldx, nullptr, n0, a.N, a.K);
    float acc[G::NACC];
    G::template run<false>(acc, sm, a.K, la, lb, false, false);
    G::spill(acc, sm);
    int n = n0 + E::column();
    E::template finish<cmin(E::ROWS, 4), false>(sm, [&](int m) { return m0 + m < a.M ? ldg1(th + a.b + m0 + m) : 0.f; }, [&](int m, float4 v, float b) {
        if (m0 + m < a.rows && n < a.ldo) stg4(a.out + p * a.out_point + (long)(m0 + m) * a.ldo + n, make_float4(v.x + b, v.y + b, v.z + b, v.w + b));
        return v;
    });
}
// The second layer: forward() of relu(h_0 + sum_j c_j h_j), h [V][B][ldx]. Points run fastest within a group of row
// tiles, so that h and the weights stay in the L2 cache.
struct Blended { Forward f; const float* coefficients; long vertex; int group; };
template <class C, int V> DEV void blended(const Blended& a) {
    typedef Gemm<C, true, true> G;
    float* sm = shared_memory();
    const Forward& f = a.f;
    int nt = tiles_of(f.N, C::BN), mt = tiles_of(f.B, C::BM), per = a.group * f.P * nt, b = blockIdx.x, g = b / per, r = b % per;
    int here = mt - g * a.group < a.group ? mt - g * a.group : a.group;
    int n0 = r % nt * C::BN, m0 = (g * a.group + r / nt % here) * C::BM, p = r / nt / here;
    LoadCombine<C::BM, C::BK, C::TH, V> la; typename G::LB lb;
    la.init(f.x, a.vertex, f.ldx, a.coefficients + p * (V - 1), m0, f.B, f.K);
    lb.init(f.theta + p * f.S + f.w, f.ldw, nullptr, n0, f.N, f.K);
    float acc[G::NACC];
    G::template run_combined<V>(acc, sm, f.K, la, lb);
    G::spill(acc, sm);
    finish_layer<C, G>(f, sm, p, m0, n0, nt);
}
// rho(sum_j c_j h_j) for every function and any number of vertices
// (with `based`, the first vertex has weight 1 and no coefficient)
struct Blend { const float *h, *coefficients; float* out; long vertex; int V, P, B, ld, N, kind, based; };
DEV void blend(const Blend& a) {
    long per = (long)a.B * a.ld / 4;
    const float* c = a.coefficients + (long)blockIdx.y * (a.V - a.based) - a.based;
    for (long i = (long)blockIdx.x * blockDim.x + threadIdx.x; i < per; i += (long)gridDim.x * blockDim.x) {
        float4 v = make_float4(0, 0, 0, 0);
        for (int j = 0; j < a.V; j++) {
            float4 u = ldg4(a.h + j * a.vertex + 4 * i);
            float k = a.based && j == 0 ? 1.f : c[j];
            v.x = fmaf(k, u.x, v.x); v.y = fmaf(k, u.y, v.y); v.z = fmaf(k, u.z, v.z); v.w = fmaf(k, u.w, v.w);
        }
        float z[4] = {v.x, v.y, v.z, v.w};
        int n = (int)(4 * i % a.ld);
#pragma unroll
        for (int e = 0; e < 4; e++) z[e] = n + e < a.N ? activate(a.kind, z[e]) : 0.f;
        stg4(a.out + blockIdx.y * per * 4 + 4 * i, make_float4(z[0], z[1], z[2], z[3]));
    }
}
// the last layer's weights with outputs along the rows of memory, [V][units][OUT], and its biases [V][OUT]
struct Turn { const float* theta; float *w_out, *b_out; long S, w, b; int V, units, padded, q, ldw; };
DEV void turn(const Turn& a) {
    const float* th = a.theta + blockIdx.y * a.S;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < a.padded * OUT; i += gridDim.x * blockDim.x) {
        int u = i / OUT, c = i % OUT;
        a.w_out[(long)blockIdx.y * a.padded * OUT + i] = u < a.units && c < a.q ? th[a.w + (long)c * a.ldw + u] : 0.f;
        if (i < OUT) a.b_out[blockIdx.y * OUT + i] = i < a.q ? th[a.b + i] : 0.f;
    }
}
// One hidden layer of rectifiers. h [V][units][ldn], w [V][units][OUT], b [V][OUT], coefficients [T][V-1]. A thread owns
// one point and R rows; TL points by RG groups of rows make a block.
struct Tail {
    const float *h, *w, *b, *coefficients;
    const int* labels; const float* values;
    float* part;                          // [row blocks * RG][2][tpad]
    long ldn, first;
    int units, N, T, tpad, q, ldv, loss;
};
template <int V, int QN, int R, int RG, int TL, int UC, int ST> DEV void tail(const Tail& a) {
    constexpr int TH = TL * RG, RR = R * RG, HS = V * UC * RR, WS = V * UC * OUT, STG = HS + WS;
    float* sm = shared_memory();
    int tid = threadIdx.x, t = blockIdx.y * TL + tid % TL, rg = tid / TL, n0 = blockIdx.x * RR;
    float c[V > 1 ? V - 1 : 1];
#pragma unroll
    for (int j = 0; j + 1 < V; j++) c[j] = a.coefficients[(t < a.T ? t : a.T - 1) * (V - 1) + j];
    constexpr int Q = RR / 4, SL = UC * Q / TH, US = TH / Q;
    static_assert(UC * Q % TH == 0 && TH % Q == 0 && UC * 3 <= TH, "copies");
    bool in = n0 + 4 * (tid % Q) < a.N;
    const float* ph = in ? a.h + (long)(tid / Q) * a.ldn + n0 + 4 * (tid % Q) : a.h;
    const float* pw = a.w + 4 * tid;
    auto stage = [&](int k) {
        float* d = sm + k % ST * STG;
        const float* p = ph + (in ? (long)k * UC * a.ldn : 0);
#pragma unroll
        for (int j = 0; j < V; j++) {
#pragma unroll
            for (int s = 0; s < SL; s++) cp_async16(d + j * UC * RR + s * US * RR + 4 * tid, p + ((long)j * a.units + s * US) * (in ? a.ldn : 0), in);
            if (tid < UC * 3) cp_async16(d + HS + j * UC * OUT + 4 * tid, pw + ((long)j * a.units + k * UC) * OUT, true);
        }
    };
    float acc[R][QN];
#pragma unroll
    for (int r = 0; r < R; r++)
#pragma unroll
        for (int q = 0; q < QN; q++) acc[r][q] = 0.f;
    int n = a.units / UC;
#pragma unroll
    for (int s = 0; s < ST - 1; s++) { if (s < n) stage(s); cp_commit(); }
    for (int k = 0; k < n; k++) {
        cp_wait<ST - 2>();
        __syncthreads();
        if (k + ST - 1 < n) stage(k + ST - 1);
        cp_commit();
        const float *h = sm + k % ST * STG + rg * R, *w0 = sm + k % ST * STG + HS;
#pragma unroll 2
        for (int u = 0; u < UC; u++) {
            float w[OUT];
#pragma unroll
            for (int q = 0; q < OUT; q += 4) {
                float4 x = lds4(w0 + u * OUT + q);
#pragma unroll
                for (int j = 1; j < V; j++) {
                    float4 y = lds4(w0 + (j * UC + u) * OUT + q);
                    x.x = fmaf(c[j - 1], y.x, x.x); x.y = fmaf(c[j - 1], y.y, x.y);
                    if (q + 2 < QN) { x.z = fmaf(c[j - 1], y.z, x.z); x.w = fmaf(c[j - 1], y.w, x.w); }
                }
                w[q] = x.x; w[q + 1] = x.y; w[q + 2] = x.z; w[q + 3] = x.w;
            }
#pragma unroll
            for (int r = 0; r < R; r += 4) {
                float4 x = lds4(h + u * RR + r);
#pragma unroll
                for (int j = 1; j < V; j++) {
                    float4 y = lds4(h + (j * UC + u) * RR + r);
                    x.x = fmaf(c[j - 1], y.x, x.x); x.y = fmaf(c[j - 1], y.y, x.y); x.z = fmaf(c[j - 1], y.z, x.z); x.w = fmaf(c[j - 1], y.w, x.w);
                }
                float z[4] = {rectify(x.x), rectify(x.y), rectify(x.z), rectify(x.w)};
#pragma unroll
                for (int i = 0; i < 4; i++)
#pragma unroll
                    for (int q = 0; q < QN; q++) acc[r + i][q] = fmaf(z[i], w[q], acc[r + i][q]);
            }
        }
    }
    float b[QN];
#pragma unroll
    for (int q = 0; q < QN; q++) {
        b[q] = a.b[q];
#pragma unroll
        for (int j = 1; j < V; j++) b[q] = fmaf(c[j - 1], a.b[OUT * j + q], b[q]);
    }
    float loss = 0.f, wrong = 0.f;
#pragma unroll
    for (int r = 0; r < R; r++) {
        int row = n0 + rg * R + r;
        if (row < a.N) {
#pragma unroll
            for (int q = 0; q < QN; q++) acc[r][q] += b[q];
            long e = a.first + row;
            int y = a.labels ? a.labels[e] : 0;
            if (a.loss == CROSS_ENTROPY) {
                float top = acc[r][0], zy = 0.f, rest = 0.f;
                int best = 0;
                bool nan = top != top;
#pragma unroll
                for (int q = 1; q < QN; q++) if (q < a.q) { if (acc[r][q] > top) { top = acc[r][q]; best = q; } nan = nan || acc[r][q] != acc[r][q]; }
#pragma unroll
                for (int q = 0; q < QN; q++) if (q < a.q) { if (q == y) zy = acc[r][q]; if (q != best) rest += expf(acc[r][q] - top); }
                loss += log1pf(rest) + (top - zy);
                wrong += nan || best != y;
            } else {   // squared
                float top = acc[r][0];
                int best = 0;
                bool nan = top != top;
                const float* v = a.values ? a.values + e * a.ldv : nullptr;
#pragma unroll
                for (int q = 0; q < QN; q++) if (q < a.q) {
                    float x = acc[r][q], d = x - (v ? v[q] : a.q == 1 ? (float)y : q == y ? 1.f : 0.f);
                    loss += d * d;
                    if (x > top) { top = x; best = q; }
                    nan = nan || x != x;
                }
                if (a.q == 1) best = top > .5f;
                wrong += nan || best != y;
            }
        }
    }
    if (t < a.T) {
        float* o = a.part + ((long)(blockIdx.x * RG + rg) * 2) * a.tpad + t;
        o[0] = loss; o[a.tpad] = wrong;
    }
}
