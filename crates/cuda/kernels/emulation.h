// Runs the source of a kernel on the CPU: every GPU thread is a fiber, barriers and warp exchanges switch fibers.
// Asynchronous copies take effect only when waited for; shared memory starts as NaN; the order in which fibers run
// can be reversed or shuffled, so that most missing barriers show as wrong numbers; races.h finds them whatever the numbers.
#pragma once
#include "races.h"
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
#define UNWATCHED __attribute__((no_sanitize("thread")))
struct float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {} };
inline float4 make_float4(float a, float b, float c, float d) { return {a, b, c, d}; }
inline float2 make_float2(float a, float b) { return {a, b}; }
namespace emu {
struct Copy { float* s; const float* g; };
struct Tile { const float* b; int rows, k8; };   // what the tensor cores read
struct Warp { int arrived = 0; unsigned gen = 0; races::Time last = 0; alignas(16) unsigned char buf[32][64]; };
struct Barrier { int arrived = 0, need = 0; unsigned gen = 0; races::Time last = 0; };
struct Set;
struct Block { uint3 bid; Barrier bar; char* smem; int rank; std::vector<Warp> warps; Set* set; bool ends = false; races::Time visited = 0; };
struct Set { Barrier bar; std::vector<Block*> blocks; };
// groups: of copies and of products under way; open: those that are not closed yet
template <class T> struct Queue {
    std::vector<std::vector<T>> groups;
    std::vector<T> open;
    void commit() { groups.push_back(std::move(open)); open.clear(); }
    template <class F> void wait(size_t left, F end) {
        while (groups.size() > left) {
            for (auto& x : groups.front()) end(x);
            groups.erase(groups.begin());
        }
        asm volatile("" ::: "memory");
    }
};
struct Fiber { uint3 tid; Block* blk; void* sp; char* stack; bool done; Queue<Copy> copies; Queue<Tile> tiles; races::Thread thread; };
inline Fiber* cur = nullptr;
inline void* main_sp = nullptr;
inline dim3 grid_dim, block_dim;
inline std::function<void()>* body = nullptr;
inline int order = 0;
inline bool early = false;             // whether the launch before may still run
extern "C" void emu_switch(void** save, void* load);
asm(R"(
.text
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
// The compiler moves no access of memory over it.
UNWATCHED __attribute__((always_inline)) inline void fixed() { asm volatile("" ::: "memory"); }
UNWATCHED __attribute__((always_inline)) inline void yield() { emu_switch(&cur->sp, main_sp); }
inline void leave() {
    Block& b = *cur->blk;
    b.ends = true;
    if (b.visited && b.visited >= b.set->bar.last) races::report("its block ends while another one uses its memory; left");
    if (early && !cur->thread.waited) races::report("no wait for the launch before; left");
}
inline void entry() { (*body)(); leave(); cur->done = true; yield(); abort(); }
constexpr size_t STACK = races::STACK;
UNWATCHED inline void wait(Barrier& b) {
    fixed();
    unsigned g = b.gen;
    if (++b.arrived == b.need) { b.arrived = 0; b.gen++; b.last = races::tick(); }
    else while (b.gen == g) yield();
    fixed();
}
UNWATCHED __attribute__((always_inline)) inline Warp& warp() { return cur->blk->warps[cur->tid.x / 32]; }
// A shuffle keeps the threads of a warp together, but orders no memory.
UNWATCHED inline void warp_wait(bool memory = false) {
    fixed();
    Warp& w = warp();
    unsigned g = w.gen;
    if (++w.arrived == 32) { w.arrived = 0; w.gen++; if (memory) w.last = races::tick(); }
    else while (w.gen == g) yield();
    fixed();
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
            if (WATCHED) races::shared(b, k.smem, smem);
            k.warps.resize((nt + 31) / 32);
            set.blocks.push_back(&k);
            for (unsigned t = 0; t < nt; t++) {
                Fiber& x = fibers[b * nt + t];
                x.tid = {t, 0, 0}; x.blk = &k; x.done = false; x.stack = stacks[b * nt + t];
                x.thread = {1024 * id + t, !early, 0, &k.warps[t / 32].last, &k.bar.last, &set.bar.last, x.stack, b};
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
                if (WATCHED) races::now = &cur->thread;
                emu_switch(&main_sp, cur->sp);
                races::now = nullptr;
                left -= fibers[i].done;
            }
        }
        for (unsigned b = 0; b < together; b++) { if (WATCHED) races::shared(b, nullptr, 0); free(blocks[b].smem); }
    }
}
}  // namespace emu
#define threadIdx (emu::cur->tid)
#define blockIdx (emu::cur->blk->bid)
#define blockDim (emu::block_dim)
#define gridDim (emu::grid_dim)
inline void __syncthreads() { emu::wait(emu::cur->blk->bar); }
inline void __syncwarp() { emu::warp_wait(true); }
template <class T> T __shfl_xor_sync(unsigned, T v, int m) { return emu::shfl(v, (emu::cur->tid.x % 32) ^ m); }
template <class T> T __shfl_sync(unsigned, T v, int l) { return emu::shfl(v, l); }
inline float* shared_memory() { return (float*)emu::cur->blk->smem; }
inline void cp_async16(float* s, const float* g, bool ok) {
    if ((uintptr_t)s % 16 || (ok && (uintptr_t)g % 16)) { printf("misaligned copy\n"); abort(); }
    races::copy_begins(s, ok ? g : nullptr);
    emu::cur->copies.open.push_back({s, ok ? g : nullptr});
}
inline void cp_commit() { emu::cur->copies.commit(); }
template <int N> void cp_wait() { emu::cur->copies.wait(N, [](auto& c) { races::copy_ends(c.s, c.g); }); }
inline float4 lds4(const float* p) { if ((uintptr_t)p % 16) { printf("misaligned lds4\n"); abort(); } return *(const float4*)p; }
inline void sts4(float* p, float4 v) { if ((uintptr_t)p % 16) { printf("misaligned sts4\n"); abort(); } *(float4*)p = v; }
inline float4 ldg4(const float* p) { if ((uintptr_t)p % 16) { printf("misaligned ldg4\n"); abort(); } return *(const float4*)p; }
inline float4 ldg4_if(bool wanted, const float* p) { return wanted ? ldg4(p) : make_float4(NAN, NAN, NAN, NAN); }
inline void stg4(float* p, float4 v) { if ((uintptr_t)p % 16) { printf("misaligned stg4\n"); abort(); } *(float4*)p = v; }
inline float ldg1(const float* p) { return *p; }
inline int ldg1(const int* p) { return *p; }
inline float rectify(float x) { return x < 0.f ? 0.f : x; }
inline unsigned f2u(float x) { unsigned u; memcpy(&u, &x, 4); return u; }
inline float u2f(unsigned u) { float x; memcpy(&x, &u, 4); return x; }
namespace emu {
// four bytes as the tensor cores see them
UNWATCHED __attribute__((always_inline)) inline float tf32(const void* p) {
    unsigned u;
    memcpy(&u, p, 4);
    u &= 0xffffe000u;
    float x;
    memcpy(&x, &u, 4);
    return x;
}
// row m and column k of the 16 x 8 numbers in a warp's buffer
UNWATCHED __attribute__((always_inline)) inline float a_of(const Warp& w, int m, int k) { return tf32(w.buf[(m % 8) * 4 + k % 4] + 4 * ((m >= 8) + 2 * (k >= 4))); }
UNWATCHED __attribute__((noinline)) inline float4 mma(float4 d, unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0, unsigned b1) {
    Warp& w = warp();
    int l = cur->tid.x % 32;
    unsigned mine[6] = {a0, a1, a2, a3, b0, b1};
    memcpy(w.buf[l], mine, sizeof mine);
    warp_wait();
    float s[4] = {d.x, d.y, d.z, d.w};
    for (int i = 0; i < 4; i++) {
        int m = l / 4 + (i >= 2 ? 8 : 0), n = 2 * (l % 4) + (i & 1);
        double x = s[i];
        for (int k = 0; k < 8; k++) x += (double)a_of(w, m, k) * tf32(w.buf[n * 4 + k % 4] + 16 + 4 * (k >= 4));
        s[i] = (float)x;
    }
    warp_wait();
    return {s[0], s[1], s[2], s[3]};
}
UNWATCHED __attribute__((noinline)) inline void wgmma(float* d, int count, const Warp& w, int l, const float* b, int k8, int add) {
    for (int i = 0; i < count; i++) {
        int m = l / 4 + 8 * (i >> 1 & 1), n = 8 * (i >> 2) + 2 * (l % 4) + (i & 1);
        double s = add ? d[i] : 0;
        for (int k = 0; k < 8; k++) {
            int byte = n * 128 + (((k8 * 32 + k * 4) / 16 ^ (n & 7)) * 16) + k * 4 % 16;
            s += (double)a_of(w, m, k) * tf32(b + byte / 4);
        }
        d[i] = (float)s;
    }
}
}  // namespace emu
inline void mma_tf32(float* d, const unsigned* a, const unsigned* b) {
    float4 r = emu::mma({d[0], d[1], d[2], d[3]}, a[0], a[1], a[2], a[3], b[0], b[1]);
    d[0] = r.x; d[1] = r.y; d[2] = r.z; d[3] = r.w;
}
inline void grid_wait() { emu::fixed(); emu::cur->thread.waited = true; emu::fixed(); }
inline void grid_next() { if (!emu::cur->thread.waited) races::report("the next launch before the wait for the last"); }
inline void wg_fence() {}
inline void wg_commit() { emu::cur->tiles.commit(); }
template <int N> inline void wg_wait() { emu::cur->tiles.wait(N, [](auto& t) { races::tensor_ends(t.b, t.rows, t.k8); }); }
inline void fence_async() { races::fenced(); }
// one warp's 16 of the 64 rows: the same for every warp, as each needs only its own rows of a
template <int NA> void wg_mma(float (&d)[NA], const unsigned* a, const float* b, int k8, int add) {
    emu::Warp& w = emu::warp();
    int l = emu::cur->tid.x % 32;
    if ((uintptr_t)b % 1024) { printf("misaligned wgmma tile\n"); abort(); }
    if (l == 0) { races::tensor_begins(b, 2 * NA, k8); emu::cur->tiles.open.push_back({b, 2 * NA, k8}); }
    memcpy(w.buf[l], a, 16);
    emu::warp_wait();
    emu::wgmma(d, NA, w, l, b, k8, add);
    emu::warp_wait();
}
inline unsigned cluster_rank() { return emu::cur->blk->rank; }
inline void cluster_sync() { emu::wait(emu::cur->blk->set->bar); }
inline float* peer(float* p, unsigned r) {
    emu::Block &mine = *emu::cur->blk, &b = *mine.set->blocks[r];
    if (&b != &mine) {
        if (!mine.set->bar.gen) races::report("use of another block's memory, which may not have begun,");
        if (b.ends) races::report("use of another block's memory, which may have ended,");
        b.visited = mine.set->bar.last;
    }
    return (float*)((char*)p - mine.smem + b.smem);
}
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
