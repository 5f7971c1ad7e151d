// What the kernels' accesses of memory are checked against; see races.h.
#include "races.h"
#include <dlfcn.h>
#include <sys/mman.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
namespace races {
Thread* now = nullptr;
namespace {
// The last write of four bytes, and the reads since, as the smallest group of threads that has all readers.
struct Cell {
    Time wrote, read;                  // 0: never
    unsigned writer, reader, wrote_at, read_at;   // places in the program
    unsigned char group;               // of readers: 0 one thread, 1 of a warp, 2 of a block, 3 of a set, 4 any
    unsigned char copies, tensors;                // copies and reads under way
    unsigned fences;                              // of the writer when it wrote
};
struct Shared { const char* memory; size_t bytes; Cell* cells; };
struct Page { Cell* cells; unsigned bytes; };   // bytes that were asked for
constexpr size_t PAGE = 4096, ARENA = 1ul << 38;   // addresses that are never used twice
char* arena = nullptr;
size_t arena_used = 0;
Page* pages = nullptr;
Shared shared_of[SHARED];
unsigned fences_of[SHARED * 1024];
Time time_ = 1, begin = 1, last = 1;   // now; the first of this launch, and of what may not have ended before it
unsigned together_ = 1, reports = 0;
const char* kernel_ = "";
char text[4096];
size_t used = 0;

unsigned offset(unsigned place) {   // in the file, as addr2line takes it
    Dl_info info;
    return dladdr((void*)&report, &info) ? place - (unsigned)(uintptr_t)info.dli_fbase : 0;
}
unsigned low(const void* place) { return (unsigned)(uintptr_t)place; }
unsigned slot(unsigned who) { return who / 1024 % together_ * 1024 + who % 1024; }
int group_of(unsigned a, unsigned b) {
    if (a == b) return 0;
    if (a / 32 == b / 32) return 1;
    if (a / 1024 == b / 1024) return 2;
    return a / 1024 / together_ == b / 1024 / together_ ? 3 : 4;
}
// whether accesses at that time, of a thread in such a group, come before all that the running thread does now
bool before(Time t, unsigned who, int group) {
    if (t < begin) return now->waited || t < last;
    int g = group_of(who, now->id);
    if (group > g) g = group;
    return g == 0 || (g <= 1 && t < *now->warp) || (g <= 2 && t < *now->block) || (g <= 3 && t < *now->set);
}
void say(const Cell* c, const char* mine, const char* theirs, const void* at, const void* place) {
    if (reports++ >= 4 || used > sizeof text - 400) return;
    auto put = [&](const char* format, auto... x) { used += snprintf(text + used, sizeof text - used, format, x...); };
    put("%s%s: %s by thread %u of block %u", used ? "; " : "", kernel_, mine, now->id % 1024, now->id / 1024);
    if (c) {
        bool write = *theirs == 'w';
        unsigned who = write ? c->writer : c->reader;
        put(", not ordered with a %s by thread %u of block %u", theirs, who % 1024, who / 1024);
        put(" (0x%x)", offset(write ? c->wrote_at : c->read_at));
    }
    const Shared& s = shared_of[now->shared];
    if ((const char*)at >= s.memory && (const char*)at < s.memory + s.bytes) put(", number %zu of shared memory", ((const char*)at - s.memory) / 4);
    put(" (0x%x)", offset(low(place)));
}
void reads(Cell& c, const void* p, const void* place) {
    if (c.copies) say(nullptr, "a read of a copy under way", "", p, place);
    if (c.wrote && !before(c.wrote, c.writer, 0)) say(&c, "a read", "write", p, place);
    if (c.read < begin || before(c.read, c.reader, c.group)) { c.reader = now->id; c.group = 0; }
    else { int g = group_of(c.reader, now->id); if (g > c.group) c.group = g; }
    c.read = time_; c.read_at = low(place);
}
void may_write(Cell& c, const void* p, const void* place) {
    if (c.copies) say(nullptr, "a write to a copy under way", "", p, place);
    if (c.tensors) say(nullptr, "a write to what the tensor cores still read", "", p, place);
    if (c.wrote && !before(c.wrote, c.writer, 0)) say(&c, "a write", "write", p, place);
    if (c.read && !before(c.read, c.reader, c.group)) say(&c, "a write", "read", p, place);
}
void writes(Cell& c, const void* p, const void* place) {
    may_write(c, p, place);
    c.wrote = time_; c.writer = now->id; c.wrote_at = low(place); c.fences = now->fences;
    c.read = 0;
}
// f(cell, address) for every four bytes of these that others have access to
template <class F> inline void each(const void* p, size_t bytes, const void* place, F f) {
    uintptr_t from = (uintptr_t)p & ~(uintptr_t)3;
    size_t count = ((uintptr_t)p + bytes - from + 3) / 4;
    if (from - (uintptr_t)now->stack < STACK) return;
    auto within = [&](const Shared& s) {
        size_t k = from - (uintptr_t)s.memory;
        if (k >= s.bytes + 1024) return false;
        if (k + 4 * count > s.bytes) say(nullptr, "an access beyond shared memory", "", p, place);
        else for (size_t i = 0; i < count; i++) f(s.cells[k / 4 + i], (const char*)from + 4 * i);
        return true;
    };
    if (within(shared_of[now->shared])) return;
    size_t k = from - (uintptr_t)arena;
    if (k < ARENA) {
        Page& page = pages[k / PAGE];
        if (k % PAGE + 4 * count > page.bytes) { say(nullptr, "an access beyond global memory", "", p, place); return; }
        if (!page.cells) page.cells = (Cell*)calloc(PAGE / 4, sizeof(Cell));
        for (size_t i = 0; i < count; i++) f(page.cells[k % PAGE / 4 + i], (const char*)from + 4 * i);
        return;
    }
    for (unsigned i = 0; together_ > 1 && i < together_; i++)
        if (within(shared_of[i])) return;
}
inline void touch(const void* p, size_t bytes, bool write, const void* place) {
    if (!now) return;
    each(p, bytes, place, [&](Cell& c, const char* at) { if (write) writes(c, at, place); else reads(c, at, place); });
}
template <class F> void tile(const float* tile, int rows, int k8, F f) {
    for (int n = 0; n < rows; n++)
        for (int q = 0; q < 2; q++) each(tile + 32 * n + 4 * ((2 * k8 + q) ^ (n & 7)), 16, nullptr, f);
}
}  // namespace

Time launch(const char* kernel, unsigned together, Time before) {
    kernel_ = kernel; together_ = together; used = reports = 0; text[0] = 0;
    begin = ++time_;
    last = before ? before : begin;
    return begin;
}
Time tick() { return ++time_; }
void shared(unsigned which, const char* memory, size_t bytes) {
    Shared& s = shared_of[which];
    free(s.cells);
    s = {memory, bytes, memory ? (Cell*)calloc(bytes / 4 + 1, sizeof(Cell)) : nullptr};
    memset(fences_of + 1024 * which, 0, 1024 * sizeof(unsigned));
}
char* allocate(size_t bytes) {
    auto reserve = [](size_t n) {
        void* memory = mmap(0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) { perror("the emulation needs 256 GiB of addresses, of which it uses few (see ulimit -v)"); abort(); }
        return (char*)memory;
    };
    if (!arena) { arena = reserve(ARENA); pages = (Page*)reserve(ARENA / PAGE * sizeof(Page)); }
    if (arena_used + bytes + 2 * PAGE > ARENA) { fprintf(stderr, "the emulation has no more addresses\n"); abort(); }
    char* memory = arena + arena_used;
    for (size_t k = 0; k < bytes; k += PAGE) pages[(arena_used + k) / PAGE].bytes = bytes - k < PAGE ? bytes - k : PAGE;
    arena_used += (bytes + 2 * PAGE - 1) / PAGE * PAGE;   // with a page of nothing behind it
    memset(memory, 0xff, bytes);   // NaN in every float
    return memory;
}
void release(char* memory, size_t bytes) {
    for (size_t k = memory - arena; k < memory - arena + bytes; k += PAGE) { free(pages[k / PAGE].cells); pages[k / PAGE] = {nullptr, 0}; }
    madvise(memory, bytes, MADV_DONTNEED);
}
void copy_begins(float* to, const float* from) {
    if (!now) return;
    const void* place = __builtin_return_address(0);
    if (from) touch(from, 16, false, place);
    each(to, 16, place, [&](Cell& c, const char* p) { may_write(c, p, place); c.copies = 1; });
}
void copy_ends(float* to, const float* from) {
    const void* place = __builtin_return_address(0);
    if (now) each(to, 16, place, [&](Cell& c, const char* p) { c.copies = 0; writes(c, p, place); });
    if (from) memcpy(to, from, 16); else memset(to, 0, 16);
}
void tensor_begins(const float* b, int rows, int k8) {
    if (!now) return;
    const void* place = __builtin_return_address(0);
    tile(b, rows, k8, [&](Cell& c, const char* p) {
        reads(c, p, place);
        if (c.wrote >= begin && fences_of[slot(c.writer)] == c.fences) say(&c, "a read of the tensor cores, without a fence,", "write", p, place);
        c.tensors++;
    });
}
void tensor_ends(const float* b, int rows, int k8) {
    if (!now) return;
    const void* place = __builtin_return_address(0);
    tile(b, rows, k8, [&](Cell& c, const char* p) { c.tensors--; reads(c, p, place); });
}
void report(const char* what) { if (now) say(nullptr, what, "", nullptr, __builtin_return_address(0)); }
const char* found() { return reports ? text : nullptr; }
void fenced() { if (now) fences_of[slot(now->id)] = ++now->fences; }
}  // namespace races

// The calls that the compiler makes.
#define ACCESS(NAME, BYTES, WRITE) \
    void __tsan_##NAME(void* p) { races::touch(p, BYTES, WRITE, __builtin_return_address(0)); }
#define ACCESSES(N) \
    ACCESS(read##N, N, false) ACCESS(write##N, N, true) ACCESS(unaligned_read##N, N, false) ACCESS(unaligned_write##N, N, true)
extern "C" {
ACCESSES(1) ACCESSES(2) ACCESSES(4) ACCESSES(8) ACCESSES(16)
void __tsan_read_range(void* p, size_t n) { races::touch(p, n, false, __builtin_return_address(0)); }
void __tsan_write_range(void* p, size_t n) { races::touch(p, n, true, __builtin_return_address(0)); }
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_read(void**) {}
void __tsan_vptr_update(void** p, void* v) {}
// of the emulation itself, as it makes its static variables
unsigned char __tsan_atomic8_load(const volatile unsigned char* p, int) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
}
