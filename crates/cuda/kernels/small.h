// Many steps of SGD or Adam on P small networks: L hidden layers of at most 64 units, at most 64 inputs, 10 outputs and minibatches
// of 64. A cluster of C blocks owns a network and keeps everything but the data in shared memory and registers; each
// block takes 64 / C rows of the minibatch. Products are three TF32 products each. A block has NW warps: 4, or 8 where C is 1.
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
template <int L, int C, bool ADAM> struct SmallLayout {
    static constexpr bool APART = C > 1 || ADAM;         // gradients have memory of their own, and are applied at the end
    static constexpr int SW = 68, ZS = 20, RB = 64 / C;
    // The last weight has six rows of zeros.
    static constexpr int LAST = L * 64 * SW, BIAS = LAST + 16 * SW, PAR = BIAS + 64 * L + 12;
    static constexpr int ZR = cmax(RB, 16) * ZS;
    static constexpr int SMEM = PAR + (APART ? PAR : 0) + (2 + L) * RB * SW + ZR + (C > 1 ? 4 * RB * 16 : 0) + 64 + RB + 16;
    // where an entry lies in theta, or -1
    static DEV long flat(const Small& a, int i) {
        if (i < BIAS) {
            int l = cmin(i / (64 * SW), L), r = (i - l * 64 * SW) / SW, c = i % SW;
            return r < a.n[l + 1] && c < a.ldw[l] ? a.w[l] + (long)r * a.ldw[l] + c : -1;
        }
        int l = cmin((i - BIAS) / 64, L), r = i - BIAS - 64 * l;
        return r < a.n[l + 1] ? a.b[l] + r : -1;
    }
};
DEV void split(float x, unsigned& h, unsigned& l) { unsigned u = (f2u(x) + 0x1000u) & 0xffffe000u; h = u; l = f2u(x - u2f(u)); }
// acc[i][j] = sum over 8 K8 of a 16 MT x 8 NT product. A is [m][k], or with AT [k][m]; B is [n][k], or with BT [k][n].
// SETS accumulators keep the chains of dependent products short, and the small terms apart. With HALF, only the first eight
// of sixteen rows of A are there, and of the result.
template <int MT, int NT, int K8, bool AT, bool BT, int SETS, int UNROLL = (MT * NT > 4 ? 2 : 4), bool HALF = false> DEV void mma3(float (&acc)[MT][NT][4], const float* a, int as, const float* b, int bs) {
    int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
    a += AT ? t * as + g : g * as + t;
    b += BT ? t * bs + g : g * bs + t;
    float s[SETS][MT][NT][4];
#pragma unroll
    for (int q = 0; q < SETS; q++)
#pragma unroll
        for (int i = 0; i < MT; i++)
#pragma unroll
            for (int j = 0; j < NT; j++) s[q][i][j][0] = s[q][i][j][1] = s[q][i][j][2] = s[q][i][j][3] = 0.f;
#pragma unroll(K8 < 4 ? K8 : UNROLL)
    for (int k = 0; k < K8; k++) {
        unsigned ah[MT][4], al[MT][4], bh[NT][2], bl[NT][2];
#pragma unroll
        for (int i = 0; i < MT; i++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                int dm = 16 * i + (HALF ? 0 : 8 * (e & 1)), dk = 8 * k + 4 * (e >> 1);
                split(AT ? a[dk * as + dm] : a[dm * as + dk], ah[i][e], al[i][e]);
            }
#pragma unroll
        for (int j = 0; j < NT; j++)
#pragma unroll
            for (int e = 0; e < 2; e++) {
                int dn = 8 * j, dk = 8 * k + 4 * e;
                split(BT ? b[dk * bs + dn] : b[dn * bs + dk], bh[j][e], bl[j][e]);
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
template <int L, int C, bool FAST, bool ADAM, int NW> DEV void small(const Small& a) {   // FAST: rectifiers, cross-entropy
    static_assert(NW == 4 || (NW == 8 && C == 1), "");
    typedef SmallLayout<L, C, ADAM> Y;
    constexpr int SW = Y::SW, ZS = Y::ZS, RB = Y::RB, TM = RB / 8, PAR = Y::PAR, T = 32 * NW, RT = T / 16, FT = RB / RT;   // FT times RT rows are fetched
    constexpr int WM = RB >= 32 ? 2 : 4, FM = 4 / WM, FN = RB / 8 / (NW / WM);   // forward: WM warps along features, FM x FN tiles each
    constexpr int SF = FM * FN >= 8 || NW > 4 ? 2 : 3, UF = FM * FN > 4 || NW > 4 ? 2 : 4;   // blocks of eight warps have half the registers
    constexpr int ZM = RB > 16 ? RB / 16 : 1, ZK = 4 / ZM, ZT = 8 / NW;         // outputs: ZM tiles of rows, ZK parts of the sum, ZT tiles of columns a warp
    constexpr int UT = 16 / NW, PER = T / 64;                                    // tiles of columns of a gradient; threads for a sum over a column
    constexpr bool ONE = !Y::APART;
    float* sm = shared_memory();
    float *W = sm, *G = sm + PAR, *X0 = G + (ONE ? 0 : PAR), *H = X0 + 2 * RB * SW, *Z = H + L * RB * SW, *ZP = C > 1 ? Z + Y::ZR : Z;
    constexpr int ZPS = C > 1 ? 16 : ZS, HS = RB * SW;
    int* ys = (int*)(C > 1 ? ZP + 4 * RB * 16 : Z + Y::ZR);
    float *b3p = (float*)(ys + RB), *red = b3p + 64;
    int tid = threadIdx.x, lane = tid & 31, w = tid / 32, g = lane >> 2, t = lane & 3, rank = C > 1 ? (int)cluster_rank() : 0, p = blockIdx.x / C;
    int fm = w % WM * 16 * FM, fn = w / WM * 8 * FN;      // this warp's features and rows forward and backward
    int um = w % 2 * 32, un = w / 2 * 8 * UT;                 // and its part of a 64 x 64 gradient
    const int kind = FAST ? RELU : a.kind, loss_kind = FAST ? CROSS_ENTROPY : a.loss, q_all = a.n[L + 1];
    float *th = a.theta + p * a.S, *vel = a.velocity + p * a.S, *sec = a.second + p * a.S;
    for (int i = tid; i < PAR; i += T) { long f = Y::flat(a, i); W[i] = f < 0 ? 0.f : th[f]; if (!ONE) G[i] = 0.f; }
    for (int i = tid; i < Y::ZR; i += T) Z[i] = 0.f;
    // the velocity: of the tiles this thread updates (C = 1), or of this block's share of all parameters
    constexpr int NV = C > 1 ? (PAR / 4 + C * T - 1) / (C * T) : 1, SHARE = (PAR / 4 + C - 1) / C;
    float v[ONE ? L : 1][2][UT][4], vz[ZT][4], vb[ONE ? L : 1], vbz = 0;
    float4 vs[NV], us[ADAM ? NV : 1];
    auto uj = [&](int i, int e) { return um + 16 * i + g + 8 * (e >> 1); };
    auto ui = [&](int j, int e) { return un + 8 * j + 2 * t + (e & 1); };
    auto oc = [&](int e) { return g + 8 * (e >> 1); };
    auto oi = [&](int j, int e) { return 8 * ZT * w + 8 * j + 2 * t + (e & 1); };
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
                    for (int e = 0; e < 4; e++) v[l][i][j][e] = remembered((l * 64 + uj(i, e)) * SW + ui(j, e));
            vb[l] = remembered(Y::BIAS + 64 * l + tid / PER);
        }
#pragma unroll
        for (int j = 0; j < ZT; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) vz[j][e] = remembered(Y::LAST + oc(e) * SW + oi(j, e));
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
        float* d = X0 + (s & 1) * HS + tid / 16 * SW + 4 * (tid % 16);
        bool in = 4 * (tid % 16) < a.ldx;
#pragma unroll
        for (int i = 0; i < FT; i++) cp_async16(d + RT * i * SW, a.X + (in && rnext[i] >= 0 ? (long)rnext[i] * a.ldx + 4 * (tid % 16) : 0), in && rnext[i] >= 0);
        cp_commit();
        if (tid < RB) ynext = rlab < 0 || !a.labels ? rlab : a.labels[rlab];   // without labels: the row
    };
    if (a.steps > 0) { rows_of(0); fetch(0); if (a.steps > 1) rows_of(1); }
    if (C > 1) cluster_sync();
    for (int s = 0; s < a.steps; s++) {
        const float* X = X0 + (s & 1) * HS;
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
            const float *in = l ? H + (l - 1) * HS : X, *wt = W + l * 64 * SW, *bias = W + Y::BIAS + 64 * l;
            float* out = H + l * HS;
            float acc[FM][FN][4];
            mma3<FM, FN, 8, false, false, SF, UF>(acc, wt + fm * SW, SW, in + fn * SW, SW);
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
                        out[(fn + 8 * n + 2 * t + (e & 1)) * SW + j] = FAST ? rectify(z) : z;
                        if (!FAST && !real) out[(fn + 8 * n + 2 * t + (e & 1)) * SW + j] = 0.f;
                    }
                }
            if (!FAST && kind != LINEAR) {
                __syncthreads();
#pragma unroll 1
                for (int i = tid; i < RB * 64; i += T) { int j = i % 64; if (j < a.n[l + 1]) { float* h = out + i / 64 * SW + j; *h = activate(kind, *h); } }
            }
            __syncthreads();
        }
        float *HL = H + (L - 1) * HS, *WL = W + Y::LAST;
        {   // outputs
            float z[1][ZT][4];
            int row = w % ZM * 16, kq = NW > 4 ? 0 : w / ZM, column = NW > 4 ? w / ZM * 8 : 0;
            mma3<1, ZT, 8 / ZK, false, false, 3, 4, (RB < 16)>(z, HL + row * SW + kq * (64 / ZK), SW, WL + column * SW + kq * (64 / ZK), SW);
#pragma unroll
            for (int n = 0; n < ZT; n++)
#pragma unroll
                for (int h = 0; h < 2; h++)
                    if (RB >= 16 || h == 0) *(float2*)(ZP + (kq * RB + row + g + 8 * h) * ZPS + column + 8 * n + 2 * t) = make_float2(z[0][n][2 * h], z[0][n][2 * h + 1]);
            __syncthreads();
        }
        {   // loss: 5 outputs a thread
            float loss = 0.f, wrong = 0.f, d[5] = {0, 0, 0, 0, 0};
            int row = tid / 2, half = tid & 1;
            if (w * 16 < RB) {
                int first = 5 * half, label = row < RB ? ys[row] : -1, y = label - first;
                bool in = label >= 0;
                float z[5], top = -INFINITY, zy = 0.f, rest = 0.f, nan = 0.f;
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
                    loss = log1pf(rest) + (top - zy);
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
                if (!in) { loss = 0.f; for (int q = 0; q < 5; q++) d[q] = 0.f; }
                if (row < RB) {
#pragma unroll
                    for (int q = 0; q < 5; q++) Z[row * ZS + first + q] = d[q];
                    if (C == 1)   // what the outputs left in columns 10 to 15
#pragma unroll
                        for (int q = 0; q < 3; q++) Z[row * ZS + 10 + 3 * half + q] = 0.f;
                }
                wrong = in && half == 0 && (nan > 0.f || best != label) ? 1.f : 0.f;
                if (half) loss = 0.f;
            }
#pragma unroll
            for (int m = 1; m < 32; m *= 2) {
                loss += __shfl_xor_sync(~0u, loss, m); wrong += __shfl_xor_sync(~0u, wrong, m);
                if (m > 1) {
#pragma unroll
                    for (int q = 0; q < 5; q++) d[q] += __shfl_xor_sync(~0u, d[q], m);
                }
            }
            if (lane < 2 && w < 4) {
#pragma unroll
                for (int q = 0; q < 5; q++) b3p[w * 10 + 5 * half + q] = d[q];
            }
            if (lane == 0 && w < 4) { red[2 * w] = loss; red[2 * w + 1] = wrong; }
            __syncthreads();
        }
        if (tid < 2) a.sums[2 * (((long)s * a.P + p) * C + rank) + tid] = red[tid] + red[2 + tid] + red[4 + tid] + red[6 + tid];
        {   // the last weight's gradient, and the error of the last hidden layer
            float g3[1][ZT][4], d[FM][FN][4];
            mma3<1, ZT, TM, true, true, 3>(g3, Z, ZS, HL + 8 * ZT * w, SW);
            mma3<FM, FN, 2, true, false, SF>(d, WL + fm, SW, Z + fn * ZS, ZS);
#pragma unroll
            for (int i = 0; i < FM; i++)
#pragma unroll
                for (int n = 0; n < FN; n++)
#pragma unroll
                    for (int e = 0; e < 4; e++) d[i][n][e] = back(kind, d[i][n][e], HL[(fn + 8 * n + 2 * t + (e & 1)) * SW + fm + 16 * i + g + 8 * (e >> 1)]);
            __syncthreads();
#pragma unroll
            for (int i = 0; i < FM; i++)
#pragma unroll
                for (int n = 0; n < FN; n++)
#pragma unroll
                    for (int e = 0; e < 4; e++) HL[(fn + 8 * n + 2 * t + (e & 1)) * SW + fm + 16 * i + g + 8 * (e >> 1)] = d[i][n][e];
#pragma unroll
            for (int j = 0; j < ZT; j++)
#pragma unroll
                for (int e = 0; e < 4; e++)
                    if (oc(e) < 10) {
                        int at = Y::LAST + oc(e) * SW + oi(j, e);
                        if (ONE) move(vz[j][e], W[at], g3[0][j][e]); else G[at] = g3[0][j][e];
                    }
            if (tid < 10 && a.bias[L]) {
                float q = b3p[tid] + b3p[10 + tid] + b3p[20 + tid] + b3p[30 + tid];
                int at = Y::BIAS + 64 * L + tid;
                if (ONE) move(vbz, W[at], q); else G[at] = q;
            }
            __syncthreads();
        }
        auto column_sum = [&](const float* h) {   // of column tid / PER, in all PER threads
            float q = 0.f;
#pragma unroll 8
            for (int b = 0; b < RB / PER; b++) q += h[(PER * b + tid % PER) * SW + tid / PER];
            q += __shfl_xor_sync(~0u, q, 1);
            return PER == 4 ? q + __shfl_xor_sync(~0u, q, 2) : q;
        };
#pragma unroll
        for (int l = L - 1; l >= 0; l--) {
            const float *dz = H + l * HS, *in = l ? H + (l - 1) * HS : X;
            constexpr int KEEP = ONE ? L : 1;
            float gr[2][UT][4], d[FM][FN][4];
            if (l) mma3<FM, FN, 8, true, false, SF, UF>(d, W + l * 64 * SW + fm, SW, dz + fn * SW, SW);
            mma3<2, UT, TM, true, true, 2, (NW > 4 ? 1 : 2)>(gr, dz + um, SW, in + un, SW);
            float q = column_sum(dz);
            if (l) {
                __syncthreads();
#pragma unroll
                for (int i = 0; i < FM; i++)
#pragma unroll
                    for (int n = 0; n < FN; n++)
#pragma unroll
                        for (int e = 0; e < 4; e++) {
                            float* at = H + (l - 1) * HS + (fn + 8 * n + 2 * t + (e & 1)) * SW + fm + 16 * i + g + 8 * (e >> 1);
                            *at = back(kind, d[i][n][e], *at);
                        }
            }
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < UT; j++)
#pragma unroll
                    for (int h = 0; h < 2; h++) {
                        float2* at = (float2*)((ONE ? W : G) + (l * 64 + uj(i, 2 * h)) * SW + ui(j, 0));
                        float2 x = make_float2(gr[i][j][2 * h], gr[i][j][2 * h + 1]);
                        if (ONE) {
                            float2 u = *at;
                            move(v[l < KEEP ? l : 0][i][j][2 * h], u.x, x.x); move(v[l < KEEP ? l : 0][i][j][2 * h + 1], u.y, x.y);
                            x = u;
                        }
                        *at = x;
                    }
            if (a.bias[l]) {
                int at = Y::BIAS + 64 * l + tid / PER;
                if (tid % PER == 0) { if (ONE) move(vb[l < KEEP ? l : 0], W[at], q); else G[at] = q; }
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
    auto remember = [&](int i, float x) { long f = Y::flat(a, i); if (f >= 0) vel[f] = x; };
    if (ONE) {
#pragma unroll
        for (int l = 0; l < (ONE ? L : 1); l++) {
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < UT; j++)
#pragma unroll
                    for (int e = 0; e < 4; e++) remember((l * 64 + uj(i, e)) * SW + ui(j, e), v[l][i][j][e]);
            if (tid % PER == 0) remember(Y::BIAS + 64 * l + tid / PER, vb[l]);
        }
#pragma unroll
        for (int j = 0; j < ZT; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) if (oc(e) < 10) remember(Y::LAST + oc(e) * SW + oi(j, e), vz[j][e]);
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
