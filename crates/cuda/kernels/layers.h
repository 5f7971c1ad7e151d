// One layer of P networks at a time: outputs, errors backwards, gradients with their update.
#pragma once
#include "tile.h"
// Activations are [P][B][ld], ld a multiple of 4, padding 0. Parameters are [P][S]: weights [outputs][ldw], then biases,
// each padded with zeros to a multiple of 4.
struct Forward {
    const float* x; const int* rows;      // inputs; their rows, or null
    const float* theta;
    float *out, *slope;                   // null where they are not wanted
    float* parts;                         // this tile's part of the outputs of the network, [P][tiles of N][B][OUT], or null
    long x_point, rows_point, S, w, b, w_last;
    int P, B, N, K, ldx, ldw, ldo, kind, q, ld_last;
};
// Bias, activation, and the part of the outputs of the network that a tile gives.
template <class C, class G> DEV void finish_layer(const Forward& a, float* sm, int p, int m0, int n0, int nt) {
    typedef typename G::E E;
    const float* th = a.theta + p * a.S;
    int n = n0 + E::column();
    bool in = n < a.N;
    float4 b = in ? ldg4(th + a.b + n) : make_float4(0, 0, 0, 0);
    long at = (long)p * a.B * a.ldo + n;
    auto put = [&](int m, float4 v) {
        if (in && m0 + m < a.B && a.out) stg4(a.out + at + (long)(m0 + m) * a.ldo, v);
        return v;
    };
    auto none = [](int) { return 0; };
    if (a.kind == RELU || a.kind == LINEAR) {
        bool relu = a.kind == RELU;
        E::template finish<cmin(E::ROWS, 4), true>(sm, none, [&](int m, float4 v, int) {
            v.x += b.x; v.y += b.y; v.z += b.z; v.w += b.w;
            if (relu) { v.x = rectify(v.x); v.y = rectify(v.y); v.z = rectify(v.z); v.w = rectify(v.w); }
            return put(m, v);
        });
    } else {
        E::template finish<1, true>(sm, none, [&](int m, float4 v, int) {
            float z[4] = {v.x + b.x, v.y + b.y, v.z + b.z, v.w + b.w}, s[4];
#pragma unroll
            for (int e = 0; e < 4; e++) {
                bool real = n + e < a.N;   // what is beyond stays 0
                s[e] = real && a.slope ? stored_slope(a.kind, z[e]) : 0.f;
                z[e] = real ? activate(a.kind, z[e]) : 0.f;
            }
            if (a.slope && in && m0 + m < a.B) stg4(a.slope + at + (long)(m0 + m) * a.ldo, make_float4(s[0], s[1], s[2], s[3]));
            return put(m, make_float4(z[0], z[1], z[2], z[3]));
        });
    }
    if (a.parts) {
        int left = a.B - m0 < C::BM ? a.B - m0 : C::BM;
        E::read_out(sm, th + a.w_last + n0, a.ld_last, a.q, a.N - n0, left, a.parts + (((long)p * nt + n0 / C::BN) * a.B + m0) * OUT);
    }
}
template <class C> DEV void forward(const Forward& a) {
    typedef Gemm<C, true, true> G;
    float* sm = shared_memory();
    int nt = tiles_of(a.N, C::BN), mt = tiles_of(a.B, C::BM), tile = blockIdx.x, p = tile / (nt * mt), r = tile % (nt * mt);
    int m0 = r / nt * C::BM, n0 = r % nt * C::BN;
    const float* th = a.theta + p * a.S;
    typename G::LA la; typename G::LB lb;
    la.init(a.x + p * a.x_point, a.ldx, a.rows ? a.rows + p * a.rows_point : nullptr, m0, a.B, a.K);
    lb.init(th + a.w, a.ldw, nullptr, n0, a.N, a.K);
    float acc[G::NACC];
    // Inputs that were there before do not wait for the launch before, nor do weights after the first layer.
    G::template run<false>(acc, sm, a.K, la, lb, a.rows != nullptr, a.rows == nullptr);
    G::spill(acc, sm);
    finish_layer<C, G>(a, sm, p, m0, n0, nt);
}

// The error of a layer's inputs: (dz W) rho'
struct Backward {
    const float *dz, *theta, *x;          // dz [P][B][ldz]; x: what rho' follows from, [P][B][ldo]
    float* out;
    long S, w;
    int P, B, N, K, ldz, ldw, ldo, kind;  // N inputs and K outputs of the layer, both padded
};
template <class C> DEV void backward(const Backward& a) {
    typedef Gemm<C, true, false> G;
    typedef typename G::E E;
    float* sm = shared_memory();
    int nt = tiles_of(a.N, C::BN), mt = tiles_of(a.B, C::BM), tile = blockIdx.x, p = tile / (nt * mt), r = tile % (nt * mt);
    int m0 = r / nt * C::BM, n0 = r % nt * C::BN;
    typename G::LA la; typename G::LB lb;
    la.init(a.dz + (long)p * a.B * a.ldz, a.ldz, nullptr, m0, a.B, a.K);
    lb.init(a.theta + p * a.S + a.w, a.ldw, nullptr, n0, a.N, a.K);
    float acc[G::NACC];
    G::template run<false>(acc, sm, a.K, la, lb, false, true);
    G::spill(acc, sm);
    int n = n0 + E::column();
    bool in = n < a.N;
    long at = (long)p * a.B * a.ldo + n;
    auto fits = [&](int m) { return in && m0 + m < a.B; };
    auto x = [&](int m) { return ldg4(a.x + (fits(m) ? at + (long)(m0 + m) * a.ldo : 0)); };
    E::template finish<cmin(E::ROWS, 8), false>(sm, x, [&](int m, float4 v, float4 h) {
        v = make_float4(back(a.kind, v.x, h.x), back(a.kind, v.y, h.y), back(a.kind, v.z, h.z), back(a.kind, v.w, h.w));
        if (fits(m)) stg4(a.out + at + (long)(m0 + m) * a.ldo, v);
        return v;
    });
}
