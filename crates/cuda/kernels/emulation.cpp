// The kernels on the CPU, for tests. Compiled twice: with VARIANT plain, and with VARIANT watched, WATCHED 1 and a call before
// every access of memory, for races.h.
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
#include "races.h"
namespace VARIANT {   // as none of the two may use what was compiled for the other
#include "kernels.cu"
#include "mistakes.h"
}
#define JOINED(A, B, C) A##B##C
#define OF(VARIANT, NAME) JOINED(collado_, VARIANT, NAME)
namespace emu = VARIANT::emu;
extern "C" {
// Threads, shared memory and tile of a kernel; false if there is none of that name.
bool OF(VARIANT, _info)(const char* name, int* info) {
    for (auto& k : emu::kernels())
        if (!strcmp(k.name, name)) { memcpy(info, k.info, sizeof k.info); return true; }
    return false;
}
// The name of kernel number i, or null.
const char* OF(VARIANT, _name)(size_t i) { return i < emu::kernels().size() ? emu::kernels()[i].name : nullptr; }
// Runs a kernel, `together` blocks at a time. 0: it ran; 1: there is none of that name with arguments of this size; 2: a race
// was found. `since` is when the last launch of this machine began if this one may begin before its end, else 0; it becomes
// when this one began.
int OF(VARIANT, _launch)(const char* name, const void* args, size_t bytes, const unsigned* grid, unsigned threads, size_t shared, unsigned together, bool early, int order, unsigned* since) {
    for (auto& k : emu::kernels())
        if (!strcmp(k.name, name) && k.bytes == bytes) {
            emu::order = order;
            emu::early = early && *since;
            *since = races::launch(name, together, emu::early ? *since : 0);
            emu::run(VARIANT::dim3(grid[0], grid[1], grid[2]), VARIANT::dim3(threads), shared, together, [&] { k.run(args); });
            return races::found() ? 2 : 0;
        }
    return 1;
}
#if WATCHED
// The races of the last launch.
const char* collado_emulated_races() { return races::found(); }
char* collado_emulated_allocate(size_t bytes) { return races::allocate(bytes); }
void collado_emulated_release(char* memory, size_t bytes) { races::release(memory, bytes); }
#endif
}
