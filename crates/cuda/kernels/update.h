// Gradients of all parameters, and what a rule makes of them: no gradient is written unless it is asked for.
#pragma once
#include "rules.h"
#include "tile.h"
constexpr int LAYERS = 24;
struct Gradient {                 // of one layer: sum over the batch of dz x', and of dz
    const float *dz, *x;          // [B][ldz], [B][ldx]; of point p after dz_point and x_point numbers
    long dz_point, x_point, w, b;
    int M, N, ldz, ldx, ldw;      // outputs; inputs, padded
    int gather, bias, pull;       // x by rows; whether there is a bias, and whether it is pulled; the regulariser
    int ready, tile;              // whether dz was there before the launch before; the first tile
};
struct Bend {                     // the points are combinations of V vertices [V][S], one of which is free
    float* vertices;
    const float* coefficients;    // of the step after this one, [P][V]
    int V, free, P;
};
struct Update {
    Descent d; Bend bend;
    const int* rows; long rows_point, S;
    int rule, layers, tiles, B, shared_rows;   // B: what is summed over; with a bend, of all points together
    float kappa;
    Gradient layer[LAYERS];
};
template <int RULE> struct State4 { float4 theta, first, second; };
template <> struct State4<SGD> { float4 theta, first; };
template <> struct State4<GRADIENT> { float4 first; };
template <int RULE> DEV State4<RULE> read_state(const Descent& d, bool wanted, long i) {
    State4<RULE> o;
    if constexpr (RULE == GRADIENT) o.first = d.keep ? ldg4_if(wanted, d.first + i) : make_float4(0, 0, 0, 0);
    else { o.theta = ldg4_if(wanted, d.theta + i); o.first = ldg4_if(wanted, d.first + i); if constexpr (RULE == ADAM) o.second = ldg4_if(wanted, d.second + i); }
    return o;
}
template <int RULE> DEV void move4(const Update& a, int pull_kind, const float* step, long i, float4 g, State4<RULE> o) {
#define ONE(e) { Moved q = {0.f, o.first.e, 0.f}; float s = g.e; \
    if constexpr (RULE != GRADIENT) { q.theta = o.theta.e; s += pull(pull_kind, a.kappa, q.theta); } \
    if constexpr (RULE == ADAM) q.second = o.second.e; \
    q = move_one(a.d, RULE, step, s, q); o.first.e = q.first; \
    if constexpr (RULE != GRADIENT) o.theta.e = q.theta; \
    if constexpr (RULE == ADAM) o.second.e = q.second; }
    ONE(x) ONE(y) ONE(z) ONE(w)
#undef ONE
    stg4(a.d.first + i, o.first);
    if constexpr (RULE != GRADIENT) stg4(a.d.theta + i, o.theta);
    if constexpr (RULE == ADAM) stg4(a.d.second + i, o.second);
}
DEV void move1(const Update& a, int rule, int pull_kind, const float* step, long i, float g) {
    Moved q = {rule == GRADIENT ? 0.f : ldg1(a.d.theta + i), rule == GRADIENT && !a.d.keep ? 0.f : ldg1(a.d.first + i), rule == ADAM ? ldg1(a.d.second + i) : 0.f};
    if (rule != GRADIENT) g += pull(pull_kind, a.kappa, q.theta);
    q = move_one(a.d, rule, step, g, q);
    a.d.first[i] = q.first;
    if (rule != GRADIENT) a.d.theta[i] = q.theta;
    if (rule == ADAM) a.d.second[i] = q.second;
}
// the free vertex by Adam, then all points from it
DEV void bend1(const Update& a, const float* step, long i, float g) {
    const Bend& b = a.bend;
    float* free = b.vertices + b.free * a.S + i;
    Moved q = move_one(a.d, ADAM, step, g, Moved{ldg1(free), ldg1(a.d.first + i), ldg1(a.d.second + i)});
    a.d.first[i] = q.first; a.d.second[i] = q.second; *free = q.theta;
    for (int p = 0; p < b.P; p++) {
        const float* c = b.coefficients + p * b.V;
        float t = 0.f;
        for (int j = 0; j < b.V; j++) t = fmaf(c[j], j == b.free ? q.theta : b.vertices[j * a.S + i], t);
        a.d.theta[p * a.S + i] = t;
    }
}
struct Bent4 { float4 theta, first, second, other[2]; };   // the free vertex, what Adam remembers, two other vertices
DEV int other_vertex(const Bend& b, int k) { return k + (k >= b.free); }
DEV Bent4 read_bent(const Update& a, bool wanted, long i) {
    const Bend& b = a.bend;
    Bent4 o;
    o.theta = ldg4_if(wanted, b.vertices + b.free * a.S + i); o.first = ldg4_if(wanted, a.d.first + i); o.second = ldg4_if(wanted, a.d.second + i);
#pragma unroll
    for (int k = 0; k < 2; k++) o.other[k] = k + 1 < b.V ? ldg4_if(wanted, b.vertices + other_vertex(b, k) * a.S + i) : make_float4(0, 0, 0, 0);
    return o;
}
DEV void add4(float4& t, float c, float4 u) { t.x = fmaf(c, u.x, t.x); t.y = fmaf(c, u.y, t.y); t.z = fmaf(c, u.z, t.z); t.w = fmaf(c, u.w, t.w); }
DEV void bend4(const Update& a, const float* step, long i, float4 g, Bent4 o) {
    const Bend& b = a.bend;
#define ONE(e) { Moved q = move_one(a.d, ADAM, step, g.e, Moved{o.theta.e, o.first.e, o.second.e}); o.theta.e = q.theta; o.first.e = q.first; o.second.e = q.second; }
    ONE(x) ONE(y) ONE(z) ONE(w)
#undef ONE
    stg4(b.vertices + b.free * a.S + i, o.theta); stg4(a.d.first + i, o.first); stg4(a.d.second + i, o.second);
    for (int p = 0; p < b.P; p++) {
        const float* c = b.coefficients + p * b.V;
        float4 t = make_float4(0, 0, 0, 0);
        add4(t, c[b.free], o.theta);
#pragma unroll
        for (int k = 0; k < 2; k++) if (k + 1 < b.V) add4(t, c[other_vertex(b, k)], o.other[k]);
        for (int k = 2; k + 1 < b.V; k++) add4(t, c[other_vertex(b, k)], *(const float4*)(b.vertices + other_vertex(b, k) * a.S + i));
        stg4(a.d.theta + p * a.S + i, t);
    }
}
template <class C> DEV void update(const Update& a) {
    typedef Gemm<C, false, false> G;
    typedef typename G::E E;
    float* sm = shared_memory();
    int p = blockIdx.x / a.tiles, r = blockIdx.x % a.tiles, tid = threadIdx.x, k = 0;
    while (k + 1 < a.layers && r >= a.layer[k + 1].tile) k++;
    const Gradient& l = a.layer[k];
    r -= l.tile;
    int nt = tiles_of(l.N, C::BN), m0 = r / nt * C::BM, n0 = r % nt * C::BN;
    const int* rows = l.gather ? a.rows + p * a.rows_point : nullptr;
    if (l.gather && a.shared_rows) {
        int* sr = (int*)(sm + G::SMEM);
        for (int i = tid; i < a.B; i += C::TH) sr[i] = rows[i];
        __syncthreads();
        rows = sr;
    }
    typename G::LA la; typename G::LB lb;
    la.init(l.dz + p * l.dz_point, l.ldz, nullptr, m0, l.ldz, a.B);
    lb.init(l.x + p * l.x_point, l.ldx, rows, n0, l.N, a.B);
    float acc[G::NACC], sums = 0;
    G::template run<true>(acc, sm, a.B, la, lb, l.ready, true, n0 == 0 ? &sums : nullptr);
    G::spill(acc, sm);
    int n = n0 + E::column();
    long at = p * a.S + l.w + n;
    auto fits = [&](int m) { return m0 + m < l.M && n < l.N; };
    auto place = [&](int m) { return fits(m) ? at + (long)(m0 + m) * l.ldw : 0; };
    const float* step = a.d.steps;
    if (a.bend.V) {
        E::template finish<cmin(E::ROWS, 2), false>(sm, [&](int m) { return read_bent(a, fits(m), place(m)); },
            [&](int m, float4 v, const Bent4& o) { if (fits(m)) bend4(a, step, place(m), v, o); return v; });
    } else if (a.rule == SGD) {
        E::template finish<cmin(E::ROWS, 8), false>(sm, [&](int m) { return read_state<SGD>(a.d, fits(m), place(m)); },
            [&](int m, float4 v, const State4<SGD>& o) { if (fits(m)) move4<SGD>(a, l.pull, step, place(m), v, o); return v; });
    } else if (a.rule == ADAM) {
        E::template finish<cmin(E::ROWS, 4), false>(sm, [&](int m) { return read_state<ADAM>(a.d, fits(m), place(m)); },
            [&](int m, float4 v, const State4<ADAM>& o) { if (fits(m)) move4<ADAM>(a, l.pull, step, place(m), v, o); return v; });
    } else {
        E::template finish<cmin(E::ROWS, 4), false>(sm, [&](int m) { return read_state<GRADIENT>(a.d, fits(m), place(m)); },
            [&](int m, float4 v, const State4<GRADIENT>& o) { if (fits(m)) move4<GRADIENT>(a, l.pull, step, place(m), v, o); return v; });
    }
    if (n0 == 0 && tid < C::BM && m0 + tid < l.M && l.bias) {
        long i = l.b + m0 + tid;
        int kind = l.pull == 1 && l.bias == 2 ? 1 : 0;   // only ||theta||^2 has the biases in it
        if (a.bend.V) bend1(a, step, i, sums);
        else move1(a, a.rule, kind, step, p * a.S + i, sums);
    }
}
