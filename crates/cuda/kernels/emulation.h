// Runs the source of a kernel on the CPU: every GPU thread is a fiber, barriers and warp exchanges switch fibers.
// Asynchronous copies take effect only when waited for; shared memory starts as NaN; the order in which fibers run
// can be reversed or shuffled, so that most missing barriers show as wrong numbers.
#pragma once
#include <sys/mman.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <type_traits>
#include <vector>
#define __align__(n) alignas(n)
#define DEV inline
#define HD
#define CLUSTERS 1
#define WARPGROUPS 1
struct float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {} };
inline float4 make_float4(float a, float b, float c, float d) { return {a, b, c, d}; }
inline float2 make_float2(float a, float b) { return {a, b}; }
namespace emu {
struct Copy { float* s; const float* g; bool ok; };
struct Warp { int arrived = 0; unsigned gen = 0; alignas(16) unsigned char buf[32][64]; };
struct Barrier { int arrived = 0, need = 0; unsigned gen = 0; };
struct Set;
struct Block { uint3 bid; Barrier bar; char* smem; int rank; std::vector<Warp> warps; Set* set; };
struct Set { Barrier bar; std::vector<Block*> blocks; };
struct Fiber { uint3 tid; Block* blk; void* sp; char* stack; bool done; std::vector<std::vector<Copy>> groups; std::vector<Copy> open; };
inline Fiber* cur = nullptr;
inline void* main_sp = nullptr;
inline dim3 grid_dim, block_dim;
inline std::function<void()>* body = nullptr;
inline int order = 0;
extern "C" void emu_switch(void** save, void* load);
asm(R"(
.text
.globl emu_switch
.type emu_switch,@function
emu_switch:
 pushq %rbp
 pushq %rbx
 pushq %r12
 pushq %r13
 pushq %r14
 pushq %r15
 movq %rsp,(%rdi)
 movq %rsi,%rsp
 popq %r15
 popq %r14
 popq %r13
 popq %r12
 popq %rbx
 popq %rbp
 ret
.size emu_switch,.-emu_switch
)");
inline void yield() { emu_switch(&cur->sp, main_sp); }
inline void entry() { (*body)(); cur->done = true; yield(); abort(); }
constexpr size_t STACK = 128 << 10;
inline void wait(Barrier& b) {
    unsigned g = b.gen;
    if (++b.arrived == b.need) { b.arrived = 0; b.gen++; return; }
    while (b.gen == g) yield();
}
inline Warp& warp() { return cur->blk->warps[cur->tid.x / 32]; }
inline void warp_wait() {
    Warp& w = warp();
    unsigned g = w.gen;
    if (++w.arrived == 32) { w.arrived = 0; w.gen++; return; }
    while (w.gen == g) yield();
}
template <class T> T shfl(T v, int from) {
    Warp& w = warp();
    memcpy(w.buf[cur->tid.x % 32], &v, sizeof v);
    warp_wait();
    T r;
    memcpy(&r, w.buf[from], sizeof r);
    warp_wait();
    return r;
}
inline void run(dim3 grid, dim3 block, size_t smem, unsigned together, std::function<void()> f) {
    grid_dim = grid; block_dim = block; body = &f;
    unsigned nb = grid.x * grid.y * grid.z, nt = block.x;
    if (together == 0) together = nb;
        static std::mt19937 gen(1);
    static std::vector<char*> stacks;
    for (unsigned first = 0; first < nb; first += together) {
        Set set;
        std::vector<Block> blocks(together);
        std::vector<Fiber> fibers(together * nt);
        set.bar.need = together * nt;
        while (stacks.size() < fibers.size())
            stacks.push_back((char*)mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        for (unsigned b = 0; b < together; b++) {
            Block& k = blocks[b];
            unsigned id = first + b;
            k.bid = {id % grid.x, id / grid.x % grid.y, id / grid.x / grid.y};
            k.bar.need = nt; k.rank = b; k.set = &set;
            k.smem = (char*)aligned_alloc(1024, (smem + 2047) / 1024 * 1024);
            for (size_t i = 0; i < smem / 4; i++) ((unsigned*)k.smem)[i] = 0x7fc00bad;
            k.warps.resize((nt + 31) / 32);
            set.blocks.push_back(&k);
            for (unsigned t = 0; t < nt; t++) {
                Fiber& x = fibers[b * nt + t];
                x.tid = {t, 0, 0}; x.blk = &k; x.done = false; x.stack = stacks[b * nt + t];
                void** top = (void**)(x.stack + STACK - 64);
                *--top = nullptr; *--top = (void*)entry;
                for (int i = 0; i < 6; i++) *--top = nullptr;
                x.sp = top;
            }
        }
        std::vector<unsigned> idx(fibers.size());
        for (unsigned i = 0; i < idx.size(); i++) idx[i] = order == 1 ? idx.size() - 1 - i : i;
        unsigned left = fibers.size();
        while (left) {
            if (order == 2) std::shuffle(idx.begin(), idx.end(), gen);
            for (unsigned i : idx) {
                if (fibers[i].done) continue;
                cur = &fibers[i];
                emu_switch(&main_sp, cur->sp);
                left -= fibers[i].done;
            }
        }
        for (auto& k : blocks) free(k.smem);
    }
}
}  // namespace emu
#define threadIdx (emu::cur->tid)
#define blockIdx (emu::cur->blk->bid)
#define blockDim (emu::block_dim)
#define gridDim (emu::grid_dim)
inline void __syncthreads() { emu::wait(emu::cur->blk->bar); }
inline void __syncwarp() { emu::warp_wait(); }
template <class T> T __shfl_xor_sync(unsigned, T v, int m) { return emu::shfl(v, (emu::cur->tid.x % 32) ^ m); }
template <class T> T __shfl_sync(unsigned, T v, int l) { return emu::shfl(v, l); }
inline float* shared_memory() { return (float*)emu::cur->blk->smem; }
inline void cp_async16(float* s, const float* g, bool ok) { emu::cur->open.push_back({s, g, ok}); }
inline void cp_commit() { emu::cur->groups.push_back(std::move(emu::cur->open)); emu::cur->open.clear(); }
template <int N> void cp_wait() {
    auto& q = emu::cur->groups;
    while ((int)q.size() > N) {
        for (auto& c : q.front()) {
            if ((uintptr_t)c.s % 16 || (c.ok && (uintptr_t)c.g % 16)) { printf("misaligned copy\n"); abort(); }
            if (c.ok) memcpy(c.s, c.g, 16); else memset(c.s, 0, 16);
        }
        q.erase(q.begin());
    }
}
inline float4 lds4(const float* p) { if ((uintptr_t)p % 16) { printf("misaligned lds4\n"); abort(); } return *(const float4*)p; }
inline void sts4(float* p, float4 v) { if ((uintptr_t)p % 16) { printf("misaligned sts4\n"); abort(); } *(float4*)p = v; }
inline float4 ldg4(const float* p) { if ((uintptr_t)p % 16) { printf("misaligned ldg4\n"); abort(); } return *(const float4*)p; }
inline void stg4(float* p, float4 v) { if ((uintptr_t)p % 16) { printf("misaligned stg4\n"); abort(); } *(float4*)p = v; }
inline float ldg1(const float* p) { return *p; }
inline int ldg1(const int* p) { return *p; }
inline float rectify(float x) { return x < 0.f ? 0.f : x; }
inline unsigned f2u(float x) { unsigned u; memcpy(&u, &x, 4); return u; }
inline float u2f(unsigned u) { float x; memcpy(&x, &u, 4); return x; }
inline void mma_tf32(float* d, const unsigned* a, const unsigned* b) {
    using namespace emu;
    Warp& w = warp();
    int l = cur->tid.x % 32, g = l / 4, t = l % 4;
    memcpy(w.buf[l], a, 16); memcpy(w.buf[l] + 16, b, 8);
    warp_wait();
    auto get = [&](int lane, int reg) { unsigned u; memcpy(&u, w.buf[lane] + 4 * reg, 4); return u2f(u & 0xffffe000u); };
    for (int i = 0; i < 4; i++) {
        int m = g + (i >= 2 ? 8 : 0), n = 2 * t + (i & 1);
        double s = d[i];
        for (int k = 0; k < 8; k++)
            s += (double)get((m % 8) * 4 + k % 4, (m >= 8) + 2 * (k >= 4)) * get(n * 4 + k % 4, 4 + (k >= 4));
        d[i] = (float)s;
    }
    warp_wait();
}
inline void grid_wait() {}
inline void grid_next() {}
inline void wg_fence() {}
inline void wg_commit() {}
template <int N> inline void wg_wait() {}
inline void fence_async() {}
// one warp's 16 of the 64 rows: the same for every warp, as each needs only its own rows of a
template <int NA> void wg_mma(float (&d)[NA], const unsigned* a, const float* b, int k8, int add) {
    using namespace emu;
    Warp& w = warp();
    int l = cur->tid.x % 32, g = l / 4, t = l % 4;
    if ((uintptr_t)b % 1024) { printf("misaligned wgmma tile\n"); abort(); }
    memcpy(w.buf[l], a, 16);
    warp_wait();
    auto A = [&](int m, int k) { unsigned u; memcpy(&u, w.buf[(m % 8) * 4 + k % 4] + 4 * ((m >= 8) + 2 * (k >= 4)), 4); return u2f(u & 0xffffe000u); };
    auto B = [&](int n, int k) { int byte = n * 128 + (((k8 * 32 + k * 4) / 16 ^ (n & 7)) * 16) + k * 4 % 16; return u2f(f2u(b[byte / 4]) & 0xffffe000u); };
    for (int i = 0; i < NA; i++) {
        int m = g + 8 * (i >> 1 & 1), n = 8 * (i >> 2) + 2 * t + (i & 1);
        double s = add ? d[i] : 0;
        for (int k = 0; k < 8; k++) s += (double)A(m, k) * B(n, k);
        d[i] = (float)s;
    }
    warp_wait();
}
inline unsigned cluster_rank() { return emu::cur->blk->rank; }
inline void cluster_sync() { emu::wait(emu::cur->blk->set->bar); }
inline float* peer(float* p, unsigned r) { return (float*)((char*)p - emu::cur->blk->smem + emu::cur->blk->set->blocks[r]->smem); }
inline float4 ld_peer4(float* p, unsigned r) { return *(float4*)peer(p, r); }
inline void st_peer4(float* p, unsigned r, float4 v) { *(float4*)peer(p, r) = v; }

// The kernels by name, so that the Rust side starts them as it does on a GPU.
namespace emu {
struct Kernel { const char* name; size_t bytes; void (*run)(const void*); int info[4]; };
inline std::vector<Kernel>& kernels() { static std::vector<Kernel> all; return all; }
struct Register { Register(const Kernel& k) { kernels().push_back(k); } };
}  // namespace emu
#define KERNEL(NAME, ARGS, THREADS, MINB, SHARED, ROWS, COLUMNS) \
    static void NAME(const ARGS& a); \
    static emu::Register register_##NAME({#NAME, sizeof(ARGS), [](const void* a) { NAME(*(const ARGS*)a); }, {THREADS, (int)(SHARED), ROWS, COLUMNS}}); \
    static void NAME(const ARGS& a)
