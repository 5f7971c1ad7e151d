// The kernels on the CPU, for tests.
#include "kernels.cu"
extern "C" {
// Threads, shared memory and tile of a kernel; false if there is none of that name.
bool collado_emulated_info(const char* name, int* info) {
    for (auto& k : emu::kernels())
        if (!strcmp(k.name, name)) { memcpy(info, k.info, sizeof k.info); return true; }
    return false;
}
// Runs a kernel, `together` blocks at a time; false if there is none of that name with arguments of this size.
bool collado_emulated_launch(const char* name, const void* args, size_t bytes, const unsigned* grid, unsigned threads, size_t shared, unsigned together, int order) {
    for (auto& k : emu::kernels())
        if (!strcmp(k.name, name) && k.bytes == bytes) {
            emu::order = order;
            emu::run(dim3(grid[0], grid[1], grid[2]), dim3(threads), shared, together, [&] { k.run(args); });
            return true;
        }
    return false;
}
}
