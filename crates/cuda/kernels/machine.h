// What the kernels need from the machine: the instructions of a GPU, or their emulation on a CPU.
#pragma once
#ifdef __CUDACC__
#include <cuda_runtime.h>
#include <type_traits>
#define DEV __device__ __forceinline__
#define HD __host__ __device__
// A kernel with one argument, a struct that the Rust side knows too; beside it threads, bytes of shared memory and tile.
#define KERNEL(NAME, ARGS, THREADS, MINB, SHARED, ROWS, COLUMNS) \
    extern "C" { __device__ int NAME##_info[4] = {THREADS, (int)(SHARED), ROWS, COLUMNS}; } \
    extern "C" __global__ void __launch_bounds__(THREADS, MINB) NAME(const __grid_constant__ ARGS a)
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define CLUSTERS 1
#endif
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define WARPGROUPS 1
#endif
extern __shared__ __align__(1024) float shared_memory_[];
DEV float* shared_memory() { return shared_memory_; }
DEV unsigned saddr(const void* p) { return (unsigned)__cvta_generic_to_shared(p); }
DEV void cp_async16(float* s, const float* g, bool ok) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(saddr(s)), "l"(g), "r"(ok ? 16 : 0) : "memory");
}
DEV void cp_commit() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }
template <int N> DEV void cp_wait() { asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory"); }
DEV float4 lds4(const float* p) { return *(const float4*)p; }
DEV void sts4(float* p, float4 v) { *(float4*)p = v; }
DEV float4 ldg4(const float* p) { return __ldcg((const float4*)p); }
// Reads even what is not wanted, as a branch would take longer.
DEV float4 ldg4_if(bool, const float* p) { return ldg4(p); }
DEV void stg4(float* p, float4 v) { *(float4*)p = v; }
DEV float ldg1(const float* p) { return __ldcg(p); }
DEV int ldg1(const int* p) { return __ldcg(p); }
DEV unsigned f2u(float x) { return __float_as_uint(x); }
DEV float u2f(unsigned u) { return __uint_as_float(u); }
// max(x, 0) in which NaN stays NaN
DEV float rectify(float x) { float y; asm("max.NaN.f32 %0, %1, 0f00000000;" : "=f"(y) : "f"(x)); return y; }
DEV void mma_tf32(float* d, const unsigned* a, const unsigned* b) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
// A launch may begin before its predecessor has ended: what follows grid_wait() sees all that the predecessor wrote.
#ifdef CLUSTERS
DEV void grid_wait() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
DEV void grid_next() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }
DEV unsigned cluster_rank() { unsigned r; asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r)); return r; }
DEV void cluster_sync() { asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;\n" ::: "memory"); }
DEV unsigned peer(const float* p, unsigned r) { unsigned o; asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(o) : "r"(saddr(p)), "r"(r)); return o; }
DEV float4 ld_peer4(float* p, unsigned r) {
    float4 v;
    asm volatile("ld.shared::cluster.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "r"(peer(p, r)) : "memory");
    return v;
}
DEV void st_peer4(float* p, unsigned r, float4 v) {
    asm volatile("st.shared::cluster.v4.f32 [%0], {%1,%2,%3,%4};" ::"r"(peer(p, r)), "f"(v.x), "f"(v.y), "f"(v.z), "f"(v.w) : "memory");
}
#else
DEV void grid_wait() {}
DEV void grid_next() {}
DEV unsigned cluster_rank() { return 0; }
DEV void cluster_sync() { __syncthreads(); }
DEV float4 ld_peer4(float* p, unsigned) { return lds4(p); }
DEV void st_peer4(float* p, unsigned, float4 v) { sts4(p, v); }
#endif
#ifdef WARPGROUPS
// The tensor cores of Hopper: d[64 x N] (+)= a[64 x 8] b[N x 8]', a in registers, b in shared memory in rows of 32
// floats whose 16-byte pieces are permuted (128-byte swizzle).
DEV void wg_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEV void wg_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> DEV void wg_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }
DEV void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
DEV unsigned long long wg_desc(const float* p) { return (unsigned long long)((saddr(p) & 0x3ffff) >> 4) | (1ull << 16) | (64ull << 32) | (1ull << 62); }
#define WG_R4(k) "+f"(d[k]), "+f"(d[k + 1]), "+f"(d[k + 2]), "+f"(d[k + 3])
#define WG_R16(k) WG_R4(k), WG_R4(k + 4), WG_R4(k + 8), WG_R4(k + 12)
DEV void wg_mma(float (&d)[64], const unsigned* a, const float* b, int k8, int add) {
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %69, 0;\nwgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 "
                 "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"
                 "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63}, "
                 "{%64,%65,%66,%67}, %68, p, 1, 1;\n}\n"
                 : WG_R16(0), WG_R16(16), WG_R16(32), WG_R16(48) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wg_desc(b) + 2 * k8), "r"(add));
}
#endif
#else
#include "emulation.h"
#endif
// The sum over a warp, the same for every thread.
template <class T> DEV T sum_of_warp(T x) {
#pragma unroll
    for (int s = 16; s; s /= 2) x += __shfl_xor_sync(~0u, x, s);
    return x;
}
