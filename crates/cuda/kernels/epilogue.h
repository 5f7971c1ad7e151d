// What happens to a tile once its WK partial sums lie in shared memory, [WK][BM][CS].
#pragma once
#include "loaders.h"
template <int BM, int BN, int WK, int TH> struct Epilogue {
    static constexpr int CS = BN + 4, Q = BN / 4, STEP = TH / Q, ROWS = cmax(BM / STEP, 1);
    static constexpr int KS = cmin(cmin(TH / BM, BN / 4), 4), PER = BN / cmax(KS, 1);
    static constexpr int READ = KS * BM * OUT + OUT * CS;
    static constexpr int SMEM = WK * BM * CS + READ;
    static DEV int column() { return 4 * (threadIdx.x % Q); }
    static DEV float4 sum(const float* sm, int m, int n) {
        float4 v = lds4(sm + m * CS + n);
#pragma unroll
        for (int w = 1; w < WK; w++) { float4 u = lds4(sm + (w * BM + m) * CS + n); v.x += u.x; v.y += u.y; v.z += u.z; v.w += u.w; }
        return v;
    }
    // f(m, four values) for every four columns of each row; what it returns stays in the tile if KEEP. before(m) is
    // read for U rows before the first of them is finished: writes in between would keep these reads apart.
    template <int U, bool KEEP, class P, class F> static DEV void finish(float* sm, P before, F f) {
        static_assert(BM < STEP ? U == 1 : ROWS % U == 0, "rows");
        __syncthreads();
        int n = column();
#pragma unroll 1
        for (int m0 = threadIdx.x / Q; m0 < BM; m0 += U * STEP) {
            decltype(before(0)) state[U];
#pragma unroll
            for (int i = 0; i < U; i++) state[i] = before(m0 + i * STEP);
#pragma unroll
            for (int i = 0; i < U; i++) {
                int m = m0 + i * STEP;
                float4 v = f(m, sum(sm, m, n), state[i]);
                if (KEEP) sts4(sm + m * CS + n, v);
            }
        }
        __syncthreads();
    }
    // after finish: out[m][c] = sum_n tile[m][n] w[c][n] for m < rows, n < cols and c < q
    static DEV void read_out(float* sm, const float* w, long ldw, int q, int cols, int rows, float* out) {
        float* red = sm + WK * BM * CS;          // [KS][BM][OUT]
        float* ws = red + KS * BM * OUT;         // [OUT][CS]
        for (int i = threadIdx.x; i < OUT * BN / 4; i += TH) {
            int c = i / (BN / 4), n = 4 * (i % (BN / 4));
            sts4(ws + c * CS + n, c < q && n < cols ? ldg4(w + c * ldw + n) : make_float4(0, 0, 0, 0));
        }
        __syncthreads();
        int m = threadIdx.x % BM, ks = threadIdx.x / BM;
        if (ks < KS) {
            float z[OUT];
#pragma unroll
            for (int c = 0; c < OUT; c++) z[c] = 0.f;
#pragma unroll 2
            for (int n = ks * PER; n < (ks + 1) * PER; n += 4) {
                float4 h = lds4(sm + m * CS + n);
#pragma unroll
                for (int c = 0; c < OUT; c++) {
                    float4 u = lds4(ws + c * CS + n);
                    z[c] = fmaf(h.x, u.x, fmaf(h.y, u.y, fmaf(h.z, u.z, fmaf(h.w, u.w, z[c]))));
                }
            }
#pragma unroll
            for (int c = 0; c < OUT; c++) red[(ks * BM + m) * OUT + c] = z[c];
        }
        __syncthreads();
        for (int i = threadIdx.x; i < BM * OUT; i += TH) {
            float s = 0.f;
#pragma unroll
            for (int k = 0; k < KS; k++) s += red[k * BM * OUT + i];
            if (i / OUT < rows) out[i] = s;
        }
        __syncthreads();
    }
};
