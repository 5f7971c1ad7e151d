// All kernels by name. A name ends with the arithmetic: f32, or tf3 for three TF32 products; wg3 are these by wgmma.
#include "head.h"
#include "norm.h"
#include "points.h"
#include "pool.h"
#include "small.h"
#include "update.h"
#include "values.h"
// The tiles: S and M for few points, L for many.
template <int M> using S = Cfg<32, 16, 64, 1, 1, 8, 6, M>;
template <int M> using T = Cfg<64, 32, 32, 2, 1, 4, 6, M, 2>;
template <int M> using Q = Cfg<64, 64, 32, 2, 2, 2, 4, M, 2>;
template <int M> using L = Cfg<128, 128, 16, 2, 4, 1, 4, M>;
typedef WCfg<128, 3> W;
template <class C, bool A, bool B> constexpr int bytes() { return 4 * Gemm<C, A, B>::SMEM; }
#define PRODUCTS(NAME, C) \
    KERNEL(forward_##NAME, Forward, C::TH, C::MINB, (bytes<C, true, true>()), C::BM, C::BN) { forward<C>(a); } \
    KERNEL(backward_##NAME, Backward, C::TH, C::MINB, (bytes<C, true, false>()), C::BM, C::BN) { backward<C>(a); }
#define UPDATE(NAME, C) KERNEL(update_##NAME, Update, C::TH, C::MINB, (bytes<C, false, false>()), C::BM, C::BN) { update<C>(a); }
#define ACROSS(NAME, C) KERNEL(across_##NAME, Across, C::TH, C::MINB, (bytes<C, true, true>()), C::BM, C::BN) { across<C>(a); }
#define BLENDED(NAME, C, V) KERNEL(blended##V##_##NAME, Blended, C::TH, C::MINB, (bytes<C, true, true>()), C::BM, C::BN) { blended<C, V>(a); }
typedef S<FFMA> Sf; typedef S<TF3P> Sm; typedef T<FFMA> Tf; typedef T<TF3P> Tm; typedef Q<FFMA> Qf; typedef Q<TF3P> Qm; typedef L<FFMA> Lf; typedef L<TF3P> Lm; typedef Cfg<128, 128, 16, 2, 4, 1, 4, TF3, 2> Ls;
PRODUCTS(f32_s, Sf)
PRODUCTS(f32_t, Tf)
PRODUCTS(f32_q, Qf)
PRODUCTS(f32_l, Lf)
PRODUCTS(tf3_s, Sm)
PRODUCTS(tf3_t, Tm)
PRODUCTS(tf3_q, Qm)
PRODUCTS(tf3_l, Lm)
UPDATE(f32_t, Tf)
UPDATE(f32_q, Qf)
UPDATE(f32_l, Lf)
UPDATE(tf3_t, Tm)
UPDATE(tf3_q, Qm)
UPDATE(tf3_l, Lm)
UPDATE(tf3_short, Ls)   // for minibatches of at most 256
ACROSS(f32, Lf)
ACROSS(tf3, Lm)
BLENDED(f32, Lf, 2)
BLENDED(f32, Lf, 3)
BLENDED(tf3, Lm, 2)
BLENDED(tf3, Lm, 3)
#ifdef WARPGROUPS
PRODUCTS(wg3, W)
UPDATE(wg3, W)
ACROSS(wg3, W)
BLENDED(wg3, W, 2)
#endif
KERNEL(head_small, Head, 256, 2, 4 * 16 * OUT, 16, 64) { head<16, 64, 256>(a); }
KERNEL(head_large, Head, 256, 2, 4 * 32 * OUT, 32, 128) { head<32, 128, 256>(a); }
KERNEL(read_outputs, Head, 256, 2, 64, 256, 1) { read(a); }
KERNEL(wide_outputs, Wide, 256, 2, 0, 8, 1) { wide(a); }
KERNEL(pack_points, Pack, 256, 1, 0, 1, 1) { pack(a); }
KERNEL(pull_slopes, Pull, 256, 1, 0, 1, 1) { pull_points(a); }
KERNEL(move_points, Move, 256, 1, 0, 1, 1) { move_vertices(a); }
KERNEL(sum_parts, Sum, 256, 1, 0, 8, 1) { sums(a); }
KERNEL(norm_parts, Norm, 256, 1, 64, 1, 1) { norms(a); }
KERNEL(blend_layer, Blend, 256, 2, 0, 1, 1) { blend(a); }
KERNEL(turn_last, Turn, 256, 1, 0, 1, 1) { turn(a); }
KERNEL(channel_moments, Channels, 256, 4, 128, 1, 1) { channel_moments_of(a); }
KERNEL(channel_normalise, Channels, 256, 4, 0, 1, 1) { channel_normalise_of(a); }
KERNEL(channel_affine, Channels, 256, 4, 0, 1, 1) { channel_affine_of(a); }
KERNEL(channel_slopes, Channels, 256, 4, 128, 1, 1) { channel_slopes_of(a); }
KERNEL(channel_back, Channels, 256, 4, 0, 1, 1) { channel_back_of(a); }
KERNEL(rectifier, Rectifier, 256, 4, 0, 4096, 1) { rectifier_of<false>(a); }
KERNEL(rectifier_back, Rectifier, 256, 4, 0, 4096, 1) { rectifier_of<true>(a); }
KERNEL(largest_pixels, Largest, 256, 4, 0, 256, 1) { largest_pixels_of(a); }
#define TAIL(NAME, V, QN, R, RG, TL) KERNEL(tail_##NAME, Tail, TL* RG, 2, (4 * 4 * (V * 32 * R * RG + V * 32 * OUT)), R* RG, TL) { tail<V, QN, R, RG, TL, 32, 4>(a); }
TAIL(line10, 2, 10, 16, 2, 64)
TAIL(plane10, 3, 10, 16, 1, 128)
TAIL(line12, 2, 12, 8, 2, 64)
TAIL(plane12, 3, 12, 8, 2, 64)
#define SMALL(NAME, LAYERS, BLOCKS, FAST, ADAM) KERNEL(small_##NAME, Small, 128, 1, (4 * SmallLayout<LAYERS, BLOCKS, ADAM>::SMEM), 64 / BLOCKS, 1) { small<LAYERS, BLOCKS, FAST, ADAM>(a); }
SMALL(relu1_c1, 1, 1, true, false)
SMALL(relu2_c1, 2, 1, true, false)
SMALL(any1_c1, 1, 1, false, false)
SMALL(any2_c1, 2, 1, false, false)
SMALL(adam1_c1, 1, 1, false, true)
SMALL(adam2_c1, 2, 1, false, true)
#ifdef CLUSTERS
SMALL(relu1_c4, 1, 4, true, false)
SMALL(relu2_c4, 2, 4, true, false)
SMALL(relu1_c8, 1, 8, true, false)
SMALL(relu2_c8, 2, 8, true, false)
SMALL(relu3_c8, 3, 8, true, false)
SMALL(any1_c8, 1, 8, false, false)
SMALL(any2_c8, 2, 8, false, false)
SMALL(adam1_c8, 1, 8, false, true)
SMALL(adam2_c8, 2, 8, false, true)
#endif
