// How operands come into shared memory.
#pragma once
#include "math.h"
// Outputs that are read out at once; networks with more have a last layer like the others.
constexpr int OUT = 12;
constexpr HD int tiles_of(int n, int b) { return (n + b - 1) / b; }
constexpr HD int cmax(int a, int b) { return a > b ? a : b; }
constexpr HD int cmin(int a, int b) { return a < b ? a : b; }
// BO outer x BK inner floats; copies of 16 bytes along the inner index
template <int BO, int BK, int TH> struct LoadKC {
    static constexpr int S = BK + 4, SIZE = BO * S, Q = BK / 4, SL = BO * Q / TH, STEP = TH / Q;
    static_assert(BO * Q % TH == 0 && TH % Q == 0, "copies");
    const float* rp[SL];
    bool ok[SL];
    int nk;
    DEV void init(const float* p, long ld, const int* rows, int o0, int no, int nk_) {
        nk = nk_;
#pragma unroll
        for (int s = 0; s < SL; s++) {
            int o = o0 + threadIdx.x / Q + s * STEP, row = o >= no ? -1 : rows ? ldg1(rows + o) : o;
            ok[s] = row >= 0;   // -1 stands for no row
            rp[s] = p + (ok[s] ? (long)row * ld : 0) + 4 * (threadIdx.x % Q);
        }
    }
    DEV void stage(float* sm, int k0) {
        float* d = sm + threadIdx.x / Q * S + 4 * (threadIdx.x % Q);
        bool in = k0 + 4 * (int)(threadIdx.x % Q) < nk;
#pragma unroll
        for (int s = 0; s < SL; s++) cp_async16(d + s * STEP * S, rp[s] + (in ? k0 : 0), ok[s] && in);
    }
};
template <int BO, int BK, int TH, int PAD = 8> struct LoadOC {
    static constexpr int S = BO + PAD, SIZE = BK * S, Q = BO / 4, SL = BK * Q / TH, STEP = TH / Q;
    static_assert(BK * Q % TH == 0 && TH % Q == 0, "copies");
    const float* p;
    const int* rows;
    long ld;
    int nk;
    bool ok;
    DEV void init(const float* p_, long ld_, const int* rows_, int o0, int no, int nk_) {
        int o = o0 + 4 * (threadIdx.x % Q);
        ok = o < no;
        p = p_ + (ok ? o : 0); ld = ld_; rows = rows_; nk = nk_;
    }
    DEV void stage(float* sm, int k0) {
        float* d = sm + threadIdx.x / Q * S + 4 * (threadIdx.x % Q);
#pragma unroll
        for (int s = 0; s < SL; s++) {
            int k = k0 + threadIdx.x / Q + s * STEP;
            int row = k >= nk ? -1 : rows ? rows[k] : k;
            cp_async16(d + s * STEP * S, p + (row < 0 ? 0 : row * ld), row >= 0 && ok);
        }
    }
};
template <bool KC, int BO, int BK, int TH, int PAD> struct LoadSel { typedef LoadKC<BO, BK, TH> T; };
template <int BO, int BK, int TH, int PAD> struct LoadSel<false, BO, BK, TH, PAD> { typedef LoadOC<BO, BK, TH, PAD> T; };

// rows of relu(h_0 + sum_j c_j h_j), combined in registers on the way to shared memory
template <int BO, int BK, int TH, int V> struct LoadCombine {
    static constexpr int S = BK + 4, SIZE = BO * S, Q = BK / 4, SL = BO * Q / TH, STEP = TH / Q;
    const float* rp[SL];
    long hs;
    int nk;
    float c[V > 1 ? V - 1 : 1];
    float4 r[SL][V];
    DEV void init(const float* h, long stride, long ld, const float* coef, int o0, int no, int nk_) {
        hs = stride; nk = nk_;
#pragma unroll
        for (int j = 0; j + 1 < V; j++) c[j] = ldg1(coef + j);
#pragma unroll
        for (int s = 0; s < SL; s++) {
            int o = o0 + threadIdx.x / Q + s * STEP;
            rp[s] = h + (long)(o < no ? o : no - 1) * ld + 4 * (threadIdx.x % Q);
        }
    }
    // copies FROM to TO of the SL
    template <int FROM = 0, int TO = SL> DEV void fetch(int k0) {
        bool in = k0 + 4 * (int)(threadIdx.x % Q) < nk;
#pragma unroll
        for (int s = FROM; s < TO; s++)
#pragma unroll
            for (int j = 0; j < V; j++) r[s][j] = in ? ldg4(rp[s] + j * hs + k0) : make_float4(0, 0, 0, 0);
    }
    template <int FROM = 0, int TO = SL> DEV void commit(float* sm) {
        float* d = sm + threadIdx.x / Q * S + 4 * (threadIdx.x % Q);
#pragma unroll
        for (int s = FROM; s < TO; s++) {
            float4 v = r[s][0];
#pragma unroll
            for (int j = 1; j < V; j++) {
                v.x = fmaf(c[j - 1], r[s][j].x, v.x); v.y = fmaf(c[j - 1], r[s][j].y, v.y);
                v.z = fmaf(c[j - 1], r[s][j].z, v.z); v.w = fmaf(c[j - 1], r[s][j].w, v.w);
            }
            sts4(d + s * STEP * S, make_float4(rectify(v.x), rectify(v.y), rectify(v.z), rectify(v.w)));
        }
    }
};
