// A tile of C = A B', A and B from global memory through a ring of asynchronous copies.
// KC: the contraction index is contiguous in memory; OC: the outer index is.
#pragma once
#include "epilogue.h"
#include "loaders.h"
// Multiply-adds in f32; or three TF32 products, added up outside of the tensor cores, by mma.sync or by wgmma; or in the
// tensor cores, which is precise enough for short sums only.
enum { FFMA = 0, TF3 = 3, TF3P = 4, WG3 = 5 };
// BM x BN tiles in chunks of BK; WM x WN warps share a tile, WK the contraction; ST stages; MINB blocks a multiprocessor.
template <int BM_, int BN_, int BK_, int WM_, int WN_, int WK_, int ST_, int MATH_, int MINB_ = 1> struct Cfg {
    static constexpr int BM = BM_, BN = BN_, BK = BK_, WM = WM_, WN = WN_, WK = WK_, ST = ST_, MATH = MATH_, MINB = MINB_;
    static constexpr int TH = 32 * WM * WN * WK, WTM = BM / WM, WTN = BN / WN;
};
// wgmma: GR groups of four warps, 64 GR x BN; partial sums leave the tensor cores every PI chunks of 32.
template <int BN_, int ST_, int PI_ = 2, int GR_ = 2, int MINB_ = 1> struct WCfg {
    static constexpr int BM = 64 * GR_, BN = BN_, BK = 32, WK = 1, ST = ST_, MATH = WG3, MINB = MINB_, TH = 128 * GR_, PI = PI_;
};
DEV float hi32(float x) { return u2f((f2u(x) + 0x1000u) & 0xffffe000u); }  // nearest tf32

// The product by multiply-adds, or by mma.sync.
template <class C, bool AKC, bool BKC> struct MGemm {
    typedef typename LoadSel<AKC, C::BM, C::BK, C::TH, 8>::T LA;
    typedef typename LoadSel<BKC, C::BN, C::BK, C::TH, 8>::T LB;
    typedef Epilogue<C::BM, C::BN, C::WK, C::TH> E;
    static constexpr bool MMA = C::MATH != FFMA;
    static constexpr int AS = LA::S, BS = LB::S, STG = LA::SIZE + LB::SIZE, CS = E::CS;
    static constexpr int SMEM = cmax(C::ST * STG, E::SMEM);
    static constexpr int TM = C::WTM / 8, TN = C::WTN / 4, MT = C::WTM / 16, NT = C::WTN / 8;
    static constexpr int NACC = C::WTM * C::WTN / 32;
    static_assert(C::BK / (MMA ? 8 : 4) % C::WK == 0, "split");

    static DEV int lm() { int l = threadIdx.x & 31; return (l & 1) | ((l >> 2) & 1) << 1 | ((l >> 4) & 1) << 2; }
    static DEV int ln() { int l = threadIdx.x & 31; return ((l >> 1) & 1) | ((l >> 3) & 1) << 1; }
    static DEV int wm0() { return threadIdx.x / 32 % C::WM * C::WTM; }
    static DEV int wn0() { return threadIdx.x / 32 / C::WM % C::WN * C::WTN; }
    static DEV int wk() { return threadIdx.x / 32 / (C::WM * C::WN); }
    static DEV int mrow(int r) { return AKC ? lm() + 8 * r : 4 * lm() + (r & 3) + 32 * (r >> 2); }
    static DEV int ncol(int c) { return BKC ? ln() + 4 * c : 4 * ln() + (c & 3) + 16 * (c >> 2); }

    static DEV void zero(float* acc) {
#pragma unroll
        for (int i = 0; i < NACC; i++) acc[i] = 0.f;
    }
    static DEV void ffma_stage(const float* As, const float* Bs, float* acc) {
        const float* pa = AKC ? As + (wm0() + lm()) * AS : As + wm0() + 4 * lm();
        const float* pb = BKC ? Bs + (wn0() + ln()) * BS : Bs + wn0() + 4 * ln();
#pragma unroll(C::BK / 4 / C::WK > 4 ? 4 : C::BK / 4 / C::WK)
        for (int kk = 0; kk < C::BK / 4; kk += C::WK) {
            int kb = kk + wk();
            float a[TM][4], b[TN][4];
            if (AKC) {
#pragma unroll
                for (int r = 0; r < TM; r++) { float4 v = lds4(pa + 8 * r * AS + 4 * kb); a[r][0] = v.x; a[r][1] = v.y; a[r][2] = v.z; a[r][3] = v.w; }
            } else {
#pragma unroll
                for (int q = 0; q < 4; q++)
#pragma unroll
                    for (int r = 0; r < TM; r += 4) { float4 v = lds4(pa + (4 * kb + q) * AS + 8 * r); a[r][q] = v.x; a[r + 1][q] = v.y; a[r + 2][q] = v.z; a[r + 3][q] = v.w; }
            }
            if (BKC) {
#pragma unroll
                for (int c = 0; c < TN; c++) { float4 v = lds4(pb + 4 * c * BS + 4 * kb); b[c][0] = v.x; b[c][1] = v.y; b[c][2] = v.z; b[c][3] = v.w; }
            } else {
#pragma unroll
                for (int q = 0; q < 4; q++)
#pragma unroll
                    for (int c = 0; c < TN; c += 4) { float4 v = lds4(pb + (4 * kb + q) * BS + 4 * c); b[c][q] = v.x; b[c + 1][q] = v.y; b[c + 2][q] = v.z; b[c + 3][q] = v.w; }
            }
#pragma unroll
            for (int q = 0; q < 4; q++)
#pragma unroll
                for (int r = 0; r < TM; r++)
#pragma unroll
                    for (int c = 0; c < TN; c++) acc[r * TN + c] = fmaf(a[r][q], b[c][q], acc[r * TN + c]);
        }
    }
    static DEV void mma_stage(const float* As, const float* Bs, float* out) {
        int l = threadIdx.x & 31, g = l >> 2, t = l & 3;
        float tmp[C::MATH == TF3P ? NACC : 1];
        float* acc = C::MATH == TF3P ? tmp : out;
        if (C::MATH == TF3P) zero(tmp);
        const float* pa = AKC ? As + (wm0() + g) * AS + t : As + t * AS + wm0() + g;
        const float* pb = BKC ? Bs + (wn0() + g) * BS + t : Bs + t * BS + wn0() + g;
#pragma unroll(C::BK / 8 / C::WK > 2 ? 2 : C::BK / 8 / C::WK)
        for (int kk = 0; kk < C::BK / 8; kk += C::WK) {
            int k = 8 * (kk + wk());
            unsigned ah[MT][4], al[MT][4], bh[NT][2], bl[NT][2];
#pragma unroll
            for (int i = 0; i < MT; i++)
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    int dm = 16 * i + 8 * (e & 1), dk = k + 4 * (e >> 1);
                    float x = AKC ? pa[dm * AS + dk] : pa[dk * AS + dm], h = hi32(x);
                    ah[i][e] = f2u(h); al[i][e] = f2u(x - h);
                }
#pragma unroll
            for (int j = 0; j < NT; j++)
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    int dn = 8 * j, dk = k + 4 * e;
                    float x = BKC ? pb[dn * BS + dk] : pb[dk * BS + dn], h = hi32(x);
                    bh[j][e] = f2u(h); bl[j][e] = f2u(x - h);
                }
            {
#pragma unroll
                for (int i = 0; i < MT; i++)
#pragma unroll
                    for (int j = 0; j < NT; j++) mma_tf32(acc + 4 * (i * NT + j), al[i], bh[j]);
#pragma unroll
                for (int i = 0; i < MT; i++)
#pragma unroll
                    for (int j = 0; j < NT; j++) mma_tf32(acc + 4 * (i * NT + j), ah[i], bl[j]);
            }
#pragma unroll
            for (int i = 0; i < MT; i++)
#pragma unroll
                for (int j = 0; j < NT; j++) mma_tf32(acc + 4 * (i * NT + j), ah[i], bh[j]);
        }
        if (C::MATH == TF3P) {
#pragma unroll
            for (int i = 0; i < NACC; i++) out[i] += tmp[i];
        }
    }
    static DEV void compute(const float* As, float* acc) {
        if (MMA) mma_stage(As, As + LA::SIZE, acc); else ffma_stage(As, As + LA::SIZE, acc);
    }
    // Sets acc. An operand marked early does not depend on the launch before this one. With SUMS, thread m < BM also
    // adds up column m of A (which must be OC).
    template <bool SUMS> static DEV void run(float (&acc)[NACC], float* sm, int nk, LA& la, LB& lb, bool early_a, bool early_b, float* sums = nullptr) {
        int n = tiles_of(nk, C::BK);
        zero(acc);
#pragma unroll
        for (int s = 0; s < C::ST - 1; s++)
            if (s < n) { if (early_a) la.stage(sm + s * STG, s * C::BK); if (early_b) lb.stage(sm + s * STG + LA::SIZE, s * C::BK); }
        grid_wait();
        grid_next();
#pragma unroll
        for (int s = 0; s < C::ST - 1; s++) {
            if (s < n) { if (!early_a) la.stage(sm + s * STG, s * C::BK); if (!early_b) lb.stage(sm + s * STG + LA::SIZE, s * C::BK); }
            cp_commit();
        }
        int cur = 0, nxt = C::ST - 1;
        for (int kt = 0; kt < n; kt++) {
            cp_wait<C::ST - 2>();
            __syncthreads();
            int ahead = kt + C::ST - 1;
            if (ahead < n) { la.stage(sm + nxt * STG, ahead * C::BK); lb.stage(sm + nxt * STG + LA::SIZE, ahead * C::BK); }
            cp_commit();
            compute(sm + cur * STG, acc);
            if (SUMS && sums && threadIdx.x < C::BM) {
                const float* p = sm + cur * STG + threadIdx.x;
#pragma unroll 8
                for (int k = 0; k < C::BK; k++) *sums += p[k * AS];
            }
            cur = cur + 1 == C::ST ? 0 : cur + 1;
            nxt = nxt + 1 == C::ST ? 0 : nxt + 1;
        }
        cp_wait<0>();
        __syncthreads();
    }
    // the same with A combined from several arrays in registers
    template <int V> static DEV void run_combined(float (&acc)[NACC], float* sm, int nk, LoadCombine<C::BM, C::BK, C::TH, V>& la, LB& lb) {
        int n = tiles_of(nk, C::BK);
        zero(acc);
#pragma unroll
        for (int s = 0; s < C::ST - 1; s++) {
            if (s < n) lb.stage(sm + s * STG + LA::SIZE, s * C::BK);
            cp_commit();
        }
        la.fetch(0);
        la.commit(sm);
        int cur = 0, nxt = C::ST - 1;
        for (int kt = 0; kt < n; kt++) {
            if (kt + 1 < n) la.fetch((kt + 1) * C::BK);
            cp_wait<C::ST - 2>();
            __syncthreads();
            int ahead = kt + C::ST - 1;
            if (ahead < n) lb.stage(sm + nxt * STG + LA::SIZE, ahead * C::BK);
            cp_commit();
            compute(sm + cur * STG, acc);
            cur = cur + 1 == C::ST ? 0 : cur + 1;
            nxt = nxt + 1 == C::ST ? 0 : nxt + 1;
            if (kt + 1 < n) la.commit(sm + cur * STG);
        }
        cp_wait<0>();
        __syncthreads();
    }
    // acc to shared memory, for Epi
    static DEV void spill(const float (&acc)[NACC], float* sm) {
        float* d = sm + wk() * C::BM * CS;
        if (MMA) {
            int l = threadIdx.x & 31, g = l >> 2, t = l & 3;
#pragma unroll
            for (int i = 0; i < MT; i++)
#pragma unroll
                for (int j = 0; j < NT; j++)
#pragma unroll
                    for (int e = 0; e < 2; e++)
                        *(float2*)(d + (wm0() + 16 * i + g + 8 * e) * CS + wn0() + 8 * j + 2 * t) = make_float2(acc[4 * (i * NT + j) + 2 * e], acc[4 * (i * NT + j) + 2 * e + 1]);
        } else {
#pragma unroll
            for (int r = 0; r < TM; r++)
#pragma unroll
                for (int c = 0; c < TN; c++) d[(wm0() + mrow(r)) * CS + wn0() + ncol(c)] = acc[r * TN + c];
        }
    }
};

#ifdef WARPGROUPS
// The product by wgmma: A is split in registers, B on its way to a second buffer.
template <class C, bool AKC, bool BKC> struct WGemm {
    typedef typename LoadSel<AKC, C::BM, 32, C::TH, 8>::T LA;
    typedef typename LoadSel<BKC, C::BN, 32, C::TH, 4>::T LB;
    typedef Epilogue<C::BM, C::BN, 1, C::TH> E;
    static constexpr int AS = LA::S, BS = LB::S, STG = LA::SIZE + LB::SIZE, CS = E::CS, SPL = C::BN * 32, NACC = C::BN / 2;
    static constexpr int SMEM = cmax(4 * SPL + C::ST * STG, E::SMEM);
    // B's chunk, row n of 32 floats, its 16-byte pieces permuted by n & 7: nearest TF32 and the rest
    static DEV void split_b(const float* s, float* hi) {
        auto put = [&](int n, int kq, float4 v) {
            float4 h = make_float4(hi32(v.x), hi32(v.y), hi32(v.z), hi32(v.w));
            float* d = hi + n * 32 + 4 * (kq ^ (n & 7));
            sts4(d, h);
            sts4(d + SPL, make_float4(v.x - h.x, v.y - h.y, v.z - h.z, v.w - h.w));
        };
        if (BKC) {
#pragma unroll
            for (int i = 0; i < C::BN * 8 / C::TH; i++) {
                int n = threadIdx.x / 8 + C::TH / 8 * i, kq = threadIdx.x % 8;
                put(n, kq, lds4(s + n * BS + 4 * kq));
            }
        } else for (int id = threadIdx.x; id < 2 * C::BN; id += C::TH) {
            int kq = (id & 1) | ((id >> 3) & 3) << 1, n = 4 * (((id >> 1) & 3) | (id >> 5) << 2);
            const float* p = s + 4 * kq * BS + n;
            float4 a = lds4(p), b = lds4(p + BS), c = lds4(p + 2 * BS), d = lds4(p + 3 * BS);
            put(n, kq, make_float4(a.x, b.x, c.x, d.x)); put(n + 1, kq, make_float4(a.y, b.y, c.y, d.y));
            put(n + 2, kq, make_float4(a.z, b.z, c.z, d.z)); put(n + 3, kq, make_float4(a.w, b.w, c.w, d.w));
        }
    }
    static DEV void load_a(const float* s, unsigned (&h)[4][4], unsigned (&l)[4][4]) {
        int lane = threadIdx.x & 31, m = threadIdx.x / 32 * 16 + lane / 4, t = lane & 3;
        const float* p = AKC ? s + m * AS + t : s + t * AS + m;
#pragma unroll
        for (int k = 0; k < 4; k++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                int dm = 8 * (e & 1), dk = 8 * k + 4 * (e >> 1);
                float x = AKC ? p[dm * AS + dk] : p[dk * AS + dm], y = hi32(x);
                h[k][e] = f2u(y); l[k][e] = f2u(x - y);
            }
    }
    static constexpr bool PROM = C::PI < 64;   // else everything stays in the tensor cores
    struct State { float tmp[PROM ? NACC : 1]; unsigned ah[2][4][4], al[2][4][4]; };
    static DEV float (&sum_of(State& s, float (&acc)[NACC]))[NACC] { if constexpr (PROM) return s.tmp; else return acc; }
    static DEV void promote(State& s, float (&acc)[NACC]) {
        if constexpr (PROM) {
#pragma unroll
            for (int i = 0; i < NACC; i++) acc[i] += s.tmp[i];
        }
    }
    static DEV void clear(State& s, float (&acc)[NACC]) {
#pragma unroll
        for (int i = 0; i < NACC; i++) { acc[i] = 0.f; if constexpr (PROM) s.tmp[i] = 0.f; }
    }
    // chunk kt, its parity b: the products of chunk kt - 1 are still under way
    template <int b> static DEV void chunk(State& s, float (&acc)[NACC], float* split, const float* stg, int kt) {
        load_a(stg, s.ah[b], s.al[b]);
        float* hb = split + b * 2 * SPL;
        split_b(stg + LA::SIZE, hb);
        fence_async();
        __syncthreads();
        bool fresh = PROM && kt % C::PI == 0;
        if (fresh && kt) { wg_wait<0>(); promote(s, acc); }
        float (&d)[NACC] = sum_of(s, acc);
        wg_fence();
#pragma unroll
        for (int k = 0; k < 4; k++) {
            wg_mma(d, s.al[b][k], hb, k, !(fresh && k == 0));
            wg_mma(d, s.ah[b][k], hb + SPL, k, 1);
            wg_mma(d, s.ah[b][k], hb, k, 1);
        }
        wg_commit();
    }
    template <bool SUMS> static DEV void run(float (&acc)[NACC], float* sm0, int nk, LA& la, LB& lb, bool early_a, bool early_b, float* sums = nullptr) {
        float* sm = sm0 + 4 * SPL;
        int n = tiles_of(nk, 32);
        State s;
        clear(s, acc);
#pragma unroll
        for (int q = 0; q < C::ST - 1; q++)
            if (q < n) { if (early_a) la.stage(sm + q * STG, q * 32); if (early_b) lb.stage(sm + q * STG + LA::SIZE, q * 32); }
        grid_wait();
        grid_next();
#pragma unroll
        for (int q = 0; q < C::ST - 1; q++) {
            if (q < n) { if (!early_a) la.stage(sm + q * STG, q * 32); if (!early_b) lb.stage(sm + q * STG + LA::SIZE, q * 32); }
            cp_commit();
        }
        int cur = 0, nxt = C::ST - 1;
        auto step = [&](auto par, int kt) {
            wg_wait<1>();
            cp_wait<C::ST - 2>();
            __syncthreads();
            int ahead = kt + C::ST - 1;
            if (ahead < n) { la.stage(sm + nxt * STG, ahead * 32); lb.stage(sm + nxt * STG + LA::SIZE, ahead * 32); }
            cp_commit();
            chunk<decltype(par)::value>(s, acc, sm0, sm + cur * STG, kt);
            if (SUMS && sums && threadIdx.x < C::BM) {
                const float* p = sm + cur * STG + threadIdx.x;
#pragma unroll 8
                for (int k = 0; k < 32; k++) *sums += p[k * AS];
            }
            cur = cur + 1 == C::ST ? 0 : cur + 1;
            nxt = nxt + 1 == C::ST ? 0 : nxt + 1;
        };
        int kt = 0;
        for (; kt + 1 < n; kt += 2) { step(std::integral_constant<int, 0>(), kt); step(std::integral_constant<int, 1>(), kt + 1); }
        if (kt < n) step(std::integral_constant<int, 0>(), kt);
        wg_wait<0>();
        promote(s, acc);
        cp_wait<0>();
        __syncthreads();
    }
    template <int V> static DEV void run_combined(float (&acc)[NACC], float* sm0, int nk, LoadCombine<C::BM, 32, C::TH, V>& la, LB& lb) {
        float* sm = sm0 + 4 * SPL;
        int n = tiles_of(nk, 32);
        State s;
        clear(s, acc);
#pragma unroll
        for (int q = 0; q < C::ST - 1; q++) { if (q < n) lb.stage(sm + q * STG + LA::SIZE, q * 32); cp_commit(); }
        la.fetch(0);
        la.commit(sm);
        int cur = 0, nxt = C::ST - 1;
        auto step = [&](auto par, int kt) {
            wg_wait<1>();
            cp_wait<C::ST - 2>();
            __syncthreads();
            int ahead = kt + C::ST - 1;
            if (ahead < n) lb.stage(sm + nxt * STG + LA::SIZE, ahead * 32);
            cp_commit();
            constexpr int HALF = LoadCombine<C::BM, 32, C::TH, V>::SL / 2, FULL = 2 * HALF;
            if (kt + 1 < n) la.template fetch<0, HALF>((kt + 1) * 32);
            chunk<decltype(par)::value>(s, acc, sm0, sm + cur * STG, kt);
            cur = cur + 1 == C::ST ? 0 : cur + 1;
            nxt = nxt + 1 == C::ST ? 0 : nxt + 1;
            if (kt + 1 < n) {   // while the tensor cores work
                la.template commit<0, HALF>(sm + cur * STG);
                la.template fetch<HALF, FULL>((kt + 1) * 32);
                la.template commit<HALF, FULL>(sm + cur * STG);
            }
        };
        int kt = 0;
        for (; kt + 1 < n; kt += 2) { step(std::integral_constant<int, 0>(), kt); step(std::integral_constant<int, 1>(), kt + 1); }
        if (kt < n) step(std::integral_constant<int, 0>(), kt);
        wg_wait<0>();
        promote(s, acc);
        cp_wait<0>();
        __syncthreads();
    }
    static DEV void spill(const float (&acc)[NACC], float* sm) {
        int lane = threadIdx.x & 31, m = threadIdx.x / 32 * 16 + lane / 4, t = lane & 3;
#pragma unroll
        for (int j = 0; j < C::BN / 8; j++)
#pragma unroll
            for (int e = 0; e < 2; e++) *(float2*)(sm + (m + 8 * e) * CS + 8 * j + 2 * t) = make_float2(acc[4 * j + 2 * e], acc[4 * j + 2 * e + 1]);
    }
};
#endif
template <int MATH, class C, bool AKC, bool BKC> struct GemmSel { typedef MGemm<C, AKC, BKC> T; };
#ifdef WARPGROUPS
template <class C, bool AKC, bool BKC> struct GemmSel<WG3, C, AKC, BKC> { typedef WGemm<C, AKC, BKC> T; };
#endif
template <class C, bool AKC, bool BKC> using Gemm = typename GemmSel<C::MATH, C, AKC, BKC>::T;
