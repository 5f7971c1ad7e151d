// Finds accesses of memory that a GPU may order in either way: of the same number by two threads, one of them a write, with
// no barrier of both in between; reads of copies under way; places outside of the memory that was asked for.
//
// The C++ compiler puts a call before every access of memory in the kernels, as it does for its own detector of races
// (-fsanitize=thread). races.cpp answers these calls in place of the compiler's library, which knows neither the barriers of
// a GPU nor fibers, nor that a shuffle orders no memory.
#pragma once
#include <cstddef>
namespace races {
typedef unsigned Time;                 // the number of barriers so far that order memory, of whatever threads
struct Thread {
    unsigned id;                       // 1024 block + thread
    bool waited;                       // has seen the end of the launch before
    unsigned fences;                   // of writes to shared memory that the tensor cores read
    const Time *warp, *block, *set;    // the last barrier of each
    const char* stack;                 // its own memory, of STACK bytes
    unsigned shared;                   // which shared memory is its block's
};
constexpr size_t STACK = 128 << 10;
constexpr int SHARED = 16;             // blocks that run together at most
extern Thread* now;                    // the thread that runs, or null where nobody watches
// A launch begins. Blocks come in sets of `together`. Where it may begin before the last launch of this machine has ended,
// `before` is when that began, else 0. Returns when this one begins.
Time launch(const char* kernel, unsigned together, Time before);
Time tick();                           // a barrier is complete
void shared(unsigned which, const char* memory, size_t bytes);   // new shared memory of a block
char* allocate(size_t bytes);                                    // global memory, at an address that is never used again
void release(char* memory, size_t bytes);
void copy_begins(float* to, const float* from);                  // from: null for zeros
void copy_ends(float* to, const float* from);
void tensor_begins(const float* tile, int rows, int k8);         // the tensor cores read a swizzled tile from now on
void tensor_ends(const float* tile, int rows, int k8);
void fenced();                         // what this thread wrote may be read by the tensor cores after a barrier
void report(const char* what);
const char* found();                   // the first reports of this launch, or null
}  // namespace races
