// Many steps of SGD or Adam on P small networks: L hidden layers of at most 64 units, at most 64 inputs, 10 outputs and minibatches
// of 64. A cluster of C blocks owns a network and keeps everything but the data in shared memory and registers; each
// block takes 64 / C rows of the minibatch. Products are three TF32 products each. A block has four warps.
// Matrices in shared memory have rows of 64 numbers, whose groups of eight are permuted so that eight rows of one group, eight
// columns of every other row, and pieces of 16 bytes all lie in different banks.
#pragma once
#include "rules.h"
#include "loaders.h"
constexpr int SMALL_LAYERS = 4;
struct Small {
    const float *X, *values; const int *labels, *rows;   // X [N][ldx], rows [steps][P][B], -1 for none
    float *theta, *velocity, *second;                    // [P][S]; second: Adam's second moments
    float* sums;                                         // [steps][P][C][2]
    const float* rates;                                  // four numbers a step: its size, 1 / examples, Adam's corrections
    long S, w[SMALL_LAYERS], b[SMALL_LAYERS];
    int n[SMALL_LAYERS + 1], ldw[SMALL_LAYERS], bias[SMALL_LAYERS];
    int P, B, steps, ldx, ldv, kind, loss, nesterov;
    float momentum, decay, apart;                        // apart: the weight decay that acts apart from the gradient
};
// Computes x where it is used: what could be computed once for all steps would take more registers than there are.
#ifdef __CUDACC__
DEV int here(int x) { asm volatile("" : "+r"(x)); return x; }
#else
DEV int here(int x) { return x; }
#endif
DEV int swizzle(int row) { return 8 * ((row & 3) ^ (row >> 2 & 1)); }
DEV int place(int row, int column) { return 64 * row + (column ^ swizzle(row)); }
template <int L, int C, bool ADAM> struct SmallLayout {
    static constexpr bool APART = C > 1 || ADAM;         // gradients have memory of their own, and are applied at the end
    static constexpr int SW = 64, ZS = 20, RB = 64 / C;
    // The last weight has six rows of zeros.
    static constexpr int LAST = L * 64 * SW, BIAS = LAST + 16 * SW, PAR = BIAS + 64 * L + 32;
    static constexpr int ZR = cmax(RB, 16) * ZS;
    static constexpr int SMEM = PAR + (APART ? PAR : 0) + (2 + L) * RB * SW + ZR + (C > 1 ? 4 * RB * 16 : 0) + 64 + RB + 16;
    // where an entry lies in theta, or -1
    static DEV long flat(const Small& a, int i) {
        if (i < BIAS) {
            int l = cmin(i / (64 * SW), L), r = i / SW - 64 * l, c = i % SW ^ swizzle(r);
            return r < a.n[l + 1] && c < a.ldw[l] ? a.w[l] + (long)r * a.ldw[l] + c : -1;
        }
        int l = cmin((i - BIAS) / 64, L), r = i - BIAS - 64 * l;
        return r < a.n[l + 1] ? a.b[l] + r : -1;
    }
};
DEV void split(float x, unsigned& h, unsigned& l) { unsigned u = (f2u(x) + 0x1000u) & 0xffffe000u; h = u; l = f2u(x - u2f(u)); }
// One operand of a product: rows of m from where `at` points to, or with TURNED columns. The contraction may take its numbers
// in any order: thread t of four has 2t and 2t + 1 of every eight. STRIDE: of rows that are not permuted.
template <bool TURNED, int STRIDE> struct Operand {
    const float* m;
    int at;
    DEV Operand(const float* m, int at) : m(m), at(here(at)) {}
    // Row (or column) g of block q, numbers 2t and 2t + 1 of block k + i, where k is a multiple of U.
    template <int U> DEV float2 pair(int q, int k, int i) const {
        constexpr int S = STRIDE ? STRIDE : 64;
        int j = TURNED ? q : i, far = 8 * S * (TURNED ? k + i : q) + (TURNED ? 0 : U % 4 ? 8 * (k & ~3) : 8 * k) + (STRIDE ? 8 * j : 32 * (j >> 2)), near = STRIDE ? 0 : 8 * (j & 3);
        const float* p = m + (at ^ near ^ (TURNED || U % 4 == 0 ? 0 : 8 * (k & 3)));
        if (TURNED) return make_float2(p[far], (STRIDE ? p : m + (at ^ near ^ 8))[far + S]);
        return *(const float2*)(p + far);
    }
};
// acc[i][j] = sum over 8 K8 of a 16 MT x 8 NT product. A is [m][k], or with AT [k][m]; B is [n][k], or with BT [k][n].
// SETS accumulators keep the chains of dependent products short, and the small terms apart. With HALF, only the first eight
// of sixteen rows of A are there, and of the result.
template <int MT, int NT, int K8, int SETS, int UNROLL = 8, bool HALF = false, bool AT, int AS, bool BT, int BS>
DEV void mma3(float (&acc)[MT][NT][4], const Operand<AT, AS>& a, const Operand<BT, BS>& b) {
    float s[SETS][MT][NT][4];
#pragma unroll
    for (int q = 0; q < SETS; q++)
#pragma unroll
        for (int i = 0; i < MT; i++)
#pragma unroll
            for (int j = 0; j < NT; j++) s[q][i][j][0] = s[q][i][j][1] = s[q][i][j][2] = s[q][i][j][3] = 0.f;
    constexpr int U = cmin(K8, UNROLL);
    static_assert(K8 % U == 0 && (U % 4 == 0 || U <= 2), "");
#pragma unroll 1
    for (int k = 0; k < K8; k += U)
#pragma unroll
        for (int u = 0; u < U; u++) {
            unsigned ah[MT][4], al[MT][4], bh[NT][2], bl[NT][2];
#pragma unroll
            for (int i = 0; i < MT; i++)
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    float2 x = a.template pair<U>(2 * i + (HALF ? 0 : e), k, u);
                    split(x.x, ah[i][e], al[i][e]); split(x.y, ah[i][e + 2], al[i][e + 2]);
                }
#pragma unroll
            for (int j = 0; j < NT; j++) {
                float2 x = b.template pair<U>(j, k, u);
                split(x.x, bh[j][0], bl[j][0]); split(x.y, bh[j][1], bl[j][1]);
            }
#pragma unroll
            for (int i = 0; i < MT; i++)
#pragma unroll
                for (int j = 0; j < NT; j++) mma_tf32(s[0][i][j], ah[i], bh[j]);
#pragma unroll
            for (int i = 0; i < MT; i++)
#pragma unroll
                for (int j = 0; j < NT; j++) mma_tf32(s[SETS > 1 ? 1 : 0][i][j], al[i], bh[j]);
#pragma unroll
            for (int i = 0; i < MT; i++)
#pragma unroll
                for (int j = 0; j < NT; j++) mma_tf32(s[SETS - 1][i][j], ah[i], bl[j]);
        }
#pragma unroll
    for (int i = 0; i < MT; i++)
#pragma unroll
        for (int j = 0; j < NT; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) acc[i][j][e] = SETS == 1 ? s[0][i][j][e] : SETS == 2 ? s[0][i][j][e] + s[SETS - 1][i][j][e] : s[0][i][j][e] + (s[SETS > 1 ? 1 : 0][i][j][e] + s[SETS - 1][i][j][e]);
}
template <int L, int C, bool FAST, bool ADAM> DEV void small(const Small& a) {   // FAST: rectifiers, cross-entropy
    typedef SmallLayout<L, C, ADAM> Y;
    constexpr int SW = Y::SW, ZS = Y::ZS, RB = Y::RB, TM = RB / 8, PAR = Y::PAR, T = 128, RT = T / 16, FT = RB / RT;   // FT times RT rows are fetched
    constexpr int WM = RB >= 32 ? 2 : 4, FM = 4 / WM, FN = RB / 8 / (4 / WM);   // forward: WM warps along features, FM x FN tiles each
    constexpr int SF = FM * FN >= 8 ? 2 : 3, UF = 8;
    constexpr int ZM = RB > 16 ? RB / 16 : 1, ZK = 4 / ZM, ZT = 2;         // outputs: ZM tiles of rows, ZK parts of the sum, ZT tiles of columns a warp
    constexpr int UT = 4, UG = 4, UZ = 8;   // tiles of columns of a gradient; blocks of the contraction at once
    constexpr bool ONE = !Y::APART;
    float* sm = shared_memory();
    float *W = sm, *G = sm + PAR, *X0 = G + (ONE ? 0 : PAR), *H = X0 + 2 * RB * SW, *Z = H + L * RB * SW, *ZP = C > 1 ? Z + Y::ZR : Z;
    constexpr int ZPS = C > 1 ? 16 : ZS, HS = RB * SW;
    int* ys = (int*)(C > 1 ? ZP + 4 * RB * 16 : Z + Y::ZR);
    float *b3p = (float*)(ys + RB), *red = b3p + 64;
    int tid = threadIdx.x, lane = tid & 31, w = tid / 32, g = lane >> 2, t = lane & 3, rank = C > 1 ? (int)cluster_rank() : 0, p = blockIdx.x / C;
    int fm = w % WM * 16 * FM, fn = w / WM * 8 * FN;      // this warp's features and rows forward and backward
    int um = w % 2 * 32, un = w / 2 * 8 * UT;                 // and its part of a 64 x 64 gradient
    typedef Operand<false, 0> Rows;
    typedef Operand<true, 0> Columns;
    // This thread's first numbers of eight rows, and of eight columns. From row r and column c on: ^ (64 r + c).
    const int rows0 = place(g, 2 * t), columns0 = place(2 * t, g);
    auto in_tile = [&](int at, int i, int n, int e) { return (at ^ 8 * (2 * i + (e >> 1) ^ e & 1)) + 512 * n + 64 * (e & 1); };   // columns0 ^ ..: where a number of a product turned lies
    auto in_row = [&](int at, int i, int j) { return (at ^ 8 * j) + 512 * i; };   // rows0 ^ ..: a pair of a product
    const int kind = FAST ? RELU : a.kind, loss_kind = FAST ? CROSS_ENTROPY : a.loss, q_all = a.n[L + 1];
    float *th = a.theta + p * a.S, *vel = a.velocity + p * a.S, *sec = a.second + p * a.S;
    for (int i = tid; i < PAR; i += T) { long f = Y::flat(a, i); W[i] = f < 0 ? 0.f : th[f]; if (!ONE) G[i] = 0.f; }
    for (int i = tid; i < Y::ZR; i += T) Z[i] = 0.f;
    // the velocity: of the tiles this thread updates (C = 1), or of this block's share of all parameters
    constexpr int NV = C > 1 ? (PAR / 4 + C * T - 1) / (C * T) : 1, SHARE = (PAR / 4 + C - 1) / C;
    float v[ONE ? L : 1][2][UT][4], vz[ZT][4], vb[ONE ? L : 1], vbz = 0;
    float4 vs[NV], us[ADAM ? NV : 1];
    auto in_weight = [&](int at, int l, int i, int j, int e) { return l * 64 * SW + in_row(at, 2 * i + (e >> 1), j) + (e & 1); };
    auto in_last = [&](int at, int j, int e) { return Y::LAST + in_row(at, e >> 1, j) + (e & 1); };
    auto remembered = [&](int i) { long f = Y::flat(a, i); return f < 0 ? 0.f : vel[f]; };
    auto group = [&](int i) { int k = tid + T * i, q = rank * SHARE + k; return k < SHARE && q < PAR / 4 ? Y::flat(a, 4 * q) : -1; };   // of four
    const float4 zero = make_float4(0, 0, 0, 0);
    if (ONE) {
#pragma unroll
        for (int l = 0; l < (ONE ? L : 1); l++) {
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < UT; j++)
#pragma unroll
                    for (int e = 0; e < 4; e++) v[l][i][j][e] = remembered(in_weight(rows0 ^ (64 * um + un), l, i, j, e));
            vb[l] = remembered(Y::BIAS + 64 * l + tid / 2);
        }
#pragma unroll
        for (int j = 0; j < ZT; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) vz[j][e] = remembered(in_last(rows0 ^ 8 * ZT * w, j, e));
        if (tid < 10) vbz = remembered(Y::BIAS + 64 * L + tid);
    } else if (C > 1) {
#pragma unroll
        for (int i = 0; i < NV; i++) {
            long f = group(i);
            vs[i] = f < 0 ? zero : ldg4(vel + f);
            if (ADAM) us[ADAM ? i : 0] = f < 0 ? zero : ldg4(sec + f);
        }
    }
    // rows of step s+1 are on their way while step s runs, their numbers one step earlier still
    int rnext[FT], rlab = 0, ynext = 0;
    auto rows_of = [&](int s) {
        const int* r = a.rows + ((long)s * a.P + p) * a.B;
#pragma unroll
        for (int i = 0; i < FT; i++) { int k = rank * RB + tid / 16 + RT * i; rnext[i] = k < a.B ? r[k] : -1; }
        if (tid < RB) rlab = rank * RB + tid < a.B ? r[rank * RB + tid] : -1;
    };
    auto fetch = [&](int s) {
        float* d = X0 + (s & 1) * HS + place(tid / 16, 4 * (tid % 16));
        bool in = 4 * (tid % 16) < a.ldx;
        const float* x = a.X + (in ? 4 * (tid % 16) : 0);
#pragma unroll
        for (int i = 0; i < FT; i++) cp_async16(d + RT * i * SW, x + (long)cmax(rnext[i], 0) * a.ldx, in && rnext[i] >= 0);
        cp_commit();
        if (tid < RB) ynext = rlab < 0 || !a.labels ? rlab : a.labels[rlab];   // without labels: the row
    };
    if (a.steps > 0) { rows_of(0); fetch(0); if (a.steps > 1) rows_of(1); }
    if (C > 1) cluster_sync();
    for (int s = 0; s < a.steps; s++) {
        const int xs = (s & 1) * HS;   // where this step's rows are
        const float rate = a.rates[4 * s], inv_b = a.rates[4 * s + 1];
        const float c1 = a.rates[4 * s + 2], c2 = a.rates[4 * s + 3], stay = 1.f - rate * a.apart;
        auto adam = [&](float& m, float& v, float& w, float g) {
            g = fmaf(a.decay, w, g);
            m = fmaf(.9f, m, .1f * g);
            v = fmaf(.999f, v, .001f * g * g);
            w = stay * w - rate * (m * c1) / (sqrtf(v * c2) + 1e-8f);
        };
        auto move = [&](float& vel, float& w, float g) {
            g = fmaf(a.decay, w, g);
            vel = fmaf(a.momentum, vel, g);
            w = fmaf(-rate, a.nesterov ? fmaf(a.momentum, vel, g) : vel, w);
        };
        cp_wait<0>();
        if (tid < RB) ys[tid] = ynext;
        __syncthreads();
        if (s + 1 < a.steps) { fetch(s + 1); if (s + 2 < a.steps) rows_of(s + 2); }
#pragma unroll
        for (int l = 0; l < L; l++) {
            const float *in = l ? H + (l - 1) * HS : X0, *wt = W + l * 64 * SW, *bias = W + Y::BIAS + 64 * l;
            float* out = H + l * HS;
            float acc[FM][FN][4];
            mma3<FM, FN, 8, SF, UF>(acc, Rows(wt, rows0 ^ 64 * fm), Rows(in, (rows0 ^ 64 * fn) + (l ? 0 : xs)));
            const int tile = here(columns0 ^ (64 * fn + fm));
#pragma unroll
            for (int i = 0; i < FM; i++)
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    int j = fm + 16 * i + g + 8 * (e >> 1);
                    float b = bias[j];
                    bool real = FAST || j < a.n[l + 1];
#pragma unroll
                    for (int n = 0; n < FN; n++) {
                        float z = acc[i][n][e] + b;
                        out[in_tile(tile, i, n, e)] = FAST ? rectify(z) : real ? z : 0.f;
                    }
                }
            if (!FAST && kind != LINEAR) {
                __syncthreads();
#pragma unroll 1
                for (int i = tid; i < RB * 64; i += T) { if ((i % 64 ^ swizzle(i / 64)) < a.n[l + 1]) out[i] = activate(kind, out[i]); }
            }
            __syncthreads();
        }
        float *HL = H + (L - 1) * HS, *WL = W + Y::LAST;
        {   // outputs
            float z[1][ZT][4];
            int row = w % ZM * 16, kq = w / ZM;
            mma3<1, ZT, 8 / ZK, 3, UZ, (RB < 16)>(z, Rows(HL, rows0 ^ (64 * row + kq * (64 / ZK))), Rows(WL, rows0 ^ kq * (64 / ZK)));
#pragma unroll
            for (int n = 0; n < ZT; n++)
#pragma unroll
                for (int h = 0; h < 2; h++)
                    if (RB >= 16 || h == 0) *(float2*)(ZP + (kq * RB + row + g + 8 * h) * ZPS + 8 * n + 2 * t) = make_float2(z[0][n][2 * h], z[0][n][2 * h + 1]);
            __syncthreads();
        }
        float loss = 0.f, rest = 0.f, wrong = 0.f, slopes[5] = {0, 0, 0, 0, 0};
        {   // loss: 5 outputs a thread
            float (&d)[5] = slopes;
            int row = tid / 2, half = tid & 1;
            if (RB == 64 || w * 16 < RB) {
                int first = 5 * half, label = row < RB ? ys[row] : -1, y = label - first;
                bool in = label >= 0;
                float z[5], top = -INFINITY, zy = 0.f, nan = 0.f;
#pragma unroll
                for (int q = 0; q < 5; q++) {
                    z[q] = W[Y::BIAS + 64 * L + first + q];
#pragma unroll
                    for (int k = 0; k < ZK; k++) z[q] += row < RB ? ZP[(k * RB + row) * ZPS + first + q] : 0.f;
                    if (first + q < q_all) { if (!(z[q] <= top)) top = z[q]; if (z[q] != z[q]) nan = 1.f; if (q == y) zy = z[q]; }
                }
                __syncwarp();
                zy += __shfl_xor_sync(~0u, zy, 1);
                nan += __shfl_xor_sync(~0u, nan, 1);
                top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
                int best = 16;
#pragma unroll
                for (int q = 4; q >= 0; q--) if (first + q < q_all && z[q] == top) best = first + q;
                best = cmin(best, __shfl_xor_sync(~0u, best, 1));
                if (loss_kind == CROSS_ENTROPY) {
#pragma unroll
                    for (int q = 0; q < 5; q++) if (first + q < q_all) { d[q] = expf(z[q] - top); if (first + q != best) rest += d[q]; }
                    rest += __shfl_xor_sync(~0u, rest, 1);
                    float all = 1.f / (1.f + rest);
#pragma unroll
                    for (int q = 0; q < 5; q++) d[q] = (q == y ? (label == best ? -rest * all : d[q] * all - 1.f) : d[q] * all) * inv_b;
                    loss = top - zy;   // and log1p(rest)
                } else {
                    const float* u = a.values && in ? a.values + (long)label * a.ldv : nullptr;
                    for (int q = 0; q < 5; q++) if (first + q < q_all) {
                        float x = z[q], want = u ? u[first + q] : q_all == 1 ? (float)label : q == y ? 1.f : 0.f;
                        if (loss_kind == SQUARED) { loss += (x - want) * (x - want); d[q] = 2.f * (x - want) * inv_b; }
                        else { loss += softplus(x) - want * x; d[q] = (logistic(x) - want) * inv_b; }
                    }
                    loss += __shfl_xor_sync(~0u, loss, 1);
                    if (q_all == 1) best = top > (loss_kind == SQUARED ? .5f : 0.f);
                }
                if (!in) { loss = rest = 0.f; for (int q = 0; q < 5; q++) d[q] = 0.f; }
                if (row < RB) {
#pragma unroll
                    for (int q = 0; q < 5; q++) Z[row * ZS + first + q] = d[q];
                    if (C == 1)   // what the outputs left in columns 10 to 15
#pragma unroll
                        for (int q = 0; q < 3; q++) Z[row * ZS + 10 + 3 * half + q] = 0.f;
                }
                wrong = in && half == 0 && (nan > 0.f || best != label) ? 1.f : 0.f;
                if (half) loss = rest = 0.f;
            }
            __syncthreads();
        }
        {   // the last weight's gradient, and the error of the last hidden layer
            float g3[1][ZT][4], d[FM][FN][4];
            mma3<1, ZT, TM, 3, UZ>(g3, Operand<true, ZS>(Z, 2 * t * ZS + g), Columns(HL, columns0 ^ 8 * ZT * w));
            mma3<FM, FN, 2, SF>(d, Columns(WL, columns0 ^ fm), Operand<false, ZS>(Z, (fn + g) * ZS + 2 * t));
            const int tile = here(columns0 ^ (64 * fn + fm)), pairs = here(rows0 ^ 8 * ZT * w);
#pragma unroll
            for (int i = 0; i < FM; i++)
#pragma unroll
                for (int n = 0; n < FN; n++)
#pragma unroll
                    for (int e = 0; e < 4; e++) d[i][n][e] = back(kind, d[i][n][e], HL[in_tile(tile, i, n, e)]);
            // Sums over the minibatch, which nobody waits for.
            if (loss_kind == CROSS_ENTROPY) loss += log1pf(rest);
#pragma unroll
            for (int m = 1; m < 32; m *= 2) {
                loss += __shfl_xor_sync(~0u, loss, m); wrong += __shfl_xor_sync(~0u, wrong, m);
                if (m > 1) {
#pragma unroll
                    for (int q = 0; q < 5; q++) slopes[q] += __shfl_xor_sync(~0u, slopes[q], m);
                }
            }
            if (lane < 2) {
#pragma unroll
                for (int q = 0; q < 5; q++) b3p[w * 10 + 5 * lane + q] = slopes[q];
            }
            if (lane == 0) { red[2 * w] = loss; red[2 * w + 1] = wrong; }
            __syncthreads();
            if (tid < 2) a.sums[2 * (((long)s * a.P + p) * C + rank) + tid] = red[tid] + red[2 + tid] + red[4 + tid] + red[6 + tid];
#pragma unroll
            for (int i = 0; i < FM; i++)
#pragma unroll
                for (int n = 0; n < FN; n++)
#pragma unroll
                    for (int e = 0; e < 4; e++) HL[in_tile(tile, i, n, e)] = d[i][n][e];
#pragma unroll
            for (int j = 0; j < ZT; j++)
#pragma unroll
                for (int e = 0; e < 4; e += 2)
                    if (g + 4 * e < 10) {
                        float2 *at = (float2*)((ONE ? W : G) + in_last(pairs, j, e)), x = make_float2(g3[0][j][e], g3[0][j][e + 1]);
                        if (ONE) { float2 u = *at; move(vz[j][e], u.x, x.x); move(vz[j][e + 1], u.y, x.y); x = u; }
                        *at = x;
                    }
            if (tid < 10 && a.bias[L]) {
                float q = b3p[tid] + b3p[10 + tid] + b3p[20 + tid] + b3p[30 + tid];
                int at = Y::BIAS + 64 * L + tid;
                if (ONE) move(vbz, W[at], q); else G[at] = q;
            }
            __syncthreads();
        }
        auto column_sum = [&](const float* h) {   // of column tid / 2, in both threads
            float q[4] = {0, 0, 0, 0};
            const int at = here(place(2 * (tid % 2), tid / 2));
#pragma unroll
            for (int b = 0; b < RB / 2; b++) q[b % 4] += h[(at ^ 8 * ((b ^ b / 2) % 2)) + 64 * (b % 2) + 256 * (b / 2)];
            q[0] = (q[0] + q[1]) + (q[2] + q[3]);
            return q[0] + __shfl_xor_sync(~0u, q[0], 1);
        };
#pragma unroll
        for (int l = L - 1; l >= 0; l--) {
            const float *dz = H + l * HS, *in = l ? H + (l - 1) * HS : X0;
            constexpr int KEEP = ONE ? L : 1;
            float gr[2][UT][4], d[FM][FN][4];
            if (l) mma3<FM, FN, 8, SF, UF>(d, Columns(W + l * 64 * SW, columns0 ^ fm), Rows(dz, rows0 ^ 64 * fn));
            mma3<2, UT, TM, 2, UG>(gr, Columns(dz, columns0 ^ um), Columns(in, (columns0 ^ un) + (l ? 0 : xs)));
            const int tile = here(columns0 ^ (64 * fn + fm)), pairs = here(rows0 ^ (64 * um + un));
            float q = column_sum(dz);
            if (l) {
                float* h = H + (l - 1) * HS;
#pragma unroll
                for (int i = 0; i < FM; i++)
#pragma unroll
                    for (int n = 0; n < FN; n++)
#pragma unroll
                        for (int e = 0; e < 4; e++) d[i][n][e] = back(kind, d[i][n][e], h[in_tile(tile, i, n, e)]);
                __syncthreads();
#pragma unroll
                for (int i = 0; i < FM; i++)
#pragma unroll
                    for (int n = 0; n < FN; n++)
#pragma unroll
                        for (int e = 0; e < 4; e++) h[in_tile(tile, i, n, e)] = d[i][n][e];
            }
#pragma unroll
            for (int i = 0; i < 2; i++) {   // all that is read, then all that is written
                float2 u[UT][2];
                float* to = ONE ? W : G;
#pragma unroll
                for (int j = 0; j < UT; j++)
#pragma unroll
                    for (int h = 0; h < 2; h++) {
                        float (&x)[4] = gr[i][j], (&m)[4] = v[l < KEEP ? l : 0][i][j];
                        u[j][h] = make_float2(x[2 * h], x[2 * h + 1]);
                        if (ONE) {
                            u[j][h] = *(float2*)(to + in_weight(pairs, l, i, j, 2 * h));
                            move(m[2 * h], u[j][h].x, x[2 * h]); move(m[2 * h + 1], u[j][h].y, x[2 * h + 1]);
                        }
                    }
#pragma unroll
                for (int j = 0; j < UT; j++)
#pragma unroll
                    for (int h = 0; h < 2; h++) *(float2*)(to + in_weight(pairs, l, i, j, 2 * h)) = u[j][h];
            }
            if (a.bias[l]) {
                int at = Y::BIAS + 64 * l + tid / 2;
                if (tid % 2 == 0) { if (ONE) move(vb[l < KEEP ? l : 0], W[at], q); else G[at] = q; }
            }
            if (l) __syncthreads();
        }
        if (!ONE) {   // the sum of the blocks' gradients in their order; every block updates its share everywhere
            if (C > 1) cluster_sync(); else __syncthreads();
#pragma unroll(C > 1 ? NV : 2)
            for (int i = 0; i < (C > 1 ? NV : (PAR / 4 + T - 1) / T); i++) {
                long f = group(i);
                int q = rank * SHARE + tid + T * i;
                if (f >= 0) {
                    float4 x[C], u = lds4(W + 4 * q);
#pragma unroll
                    for (int r = 0; r < C; r++) x[r] = C > 1 ? ld_peer4(G + 4 * q, r) : lds4(G + 4 * q);
#pragma unroll
                    for (int r = 1; r < C; r++) { x[0].x += x[r].x; x[0].y += x[r].y; x[0].z += x[r].z; x[0].w += x[r].w; }
                    float4 m = C > 1 ? vs[C > 1 ? i : 0] : ldg4(vel + f);
                    if (ADAM) {
                        float4 v = C > 1 ? us[C > 1 && ADAM ? i : 0] : ldg4(sec + f);
                        adam(m.x, v.x, u.x, x[0].x); adam(m.y, v.y, u.y, x[0].y); adam(m.z, v.z, u.z, x[0].z); adam(m.w, v.w, u.w, x[0].w);
                        if (C > 1) us[C > 1 && ADAM ? i : 0] = v; else stg4(sec + f, v);
                    } else { move(m.x, u.x, x[0].x); move(m.y, u.y, x[0].y); move(m.z, u.z, x[0].z); move(m.w, u.w, x[0].w); }
                    if (C > 1) vs[C > 1 ? i : 0] = m; else stg4(vel + f, m);
#pragma unroll
                    for (int r = 0; r < C; r++) if (C > 1) st_peer4(W + 4 * q, r, u); else sts4(W + 4 * q, u);
                }
            }
            if (C > 1) cluster_sync(); else __syncthreads();
        }
    }
    __syncthreads();
    if (rank == 0)
        for (int i = tid; i < PAR; i += T) { long f = Y::flat(a, i); if (f >= 0) th[f] = W[i]; }
    auto remember = [&](int i, float x) { long f = Y::flat(a, here(i)); if (f >= 0) vel[f] = x; };
    if (ONE) {
#pragma unroll
        for (int l = 0; l < (ONE ? L : 1); l++) {
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < UT; j++)
#pragma unroll
                    for (int e = 0; e < 4; e++) remember(in_weight(rows0 ^ (64 * um + un), l, i, j, e), v[l][i][j][e]);
            if (tid % 2 == 0) remember(Y::BIAS + 64 * l + tid / 2, vb[l]);
        }
#pragma unroll
        for (int j = 0; j < ZT; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) if (g + 8 * (e >> 1) < 10) remember(in_last(rows0 ^ 8 * ZT * w, j, e), vz[j][e]);
        if (tid < 10) remember(Y::BIAS + 64 * L + tid, vbz);
    } else if (C > 1) {
#pragma unroll
        for (int i = 0; i < NV; i++) {
            long f = group(i);
            if (f >= 0) { stg4(vel + f, vs[i]); if (ADAM) stg4(sec + f, us[ADAM ? i : 0]); }
        }
    }
    if (C > 1) cluster_sync();
}
