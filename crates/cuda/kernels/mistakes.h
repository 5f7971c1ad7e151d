// Kernels with mistakes, for the test of the emulation: each has one unless `right` is set.
#pragma once
struct Mistake { float *x, *y; int which, right; };   // 1000 numbers each
enum { BARRIER, WARP, COPY, COPY_UNDER_WAY, REUSE, BLOCKS, EARLY, BEYOND, PEER, PEER_ENDS, FENCE, TENSOR };
DEV void mistake(const Mistake& a) {
    float* s = shared_memory();
    int t = threadIdx.x, other = t ^ 33;
    auto sync = [&](bool here) { if (here) __syncthreads(); };
    switch (a.which) {
        case BARRIER:   // a read of what another warp wrote
            s[t] = a.x[t];
            sync(a.right);
            a.y[t] = s[other];
            break;
        case WARP:   // a shuffle is no barrier of memory
            s[t] = a.x[t];
            s[128 + t] = __shfl_xor_sync(~0u, 1.f, 1);
            if (a.right) __syncwarp();
            a.y[t] = s[t ^ 1];
            break;
        case COPY:   // waited for, but by another thread
            cp_async16(s + 4 * t, a.x + 4 * t, true);
            cp_commit();
            cp_wait<0>();
            sync(a.right);
            a.y[t] = s[4 * other];
            break;
        case COPY_UNDER_WAY:   // a barrier, but no wait
            cp_async16(s + 4 * t, a.x + 4 * t, true);
            cp_commit();
            if (a.right) cp_wait<0>();
            __syncthreads();
            a.y[t] = s[4 * other];
            break;
        case REUSE:   // a copy to where another thread still reads
            s[4 * t] = a.x[t];
            __syncthreads();
            a.y[t] = s[4 * other];
            sync(a.right);
            cp_async16(s + 4 * t, a.x + 4 * t, true);
            cp_commit();
            cp_wait<0>();
            break;
        case BLOCKS:   // two blocks write the same numbers
            a.y[t + (a.right ? 128 * blockIdx.x : 0)] = a.x[t];
            break;
        case EARLY:   // what the launch before wrote
            if (a.right) grid_wait();
            s[t] = a.x[t];
            grid_wait();
            a.y[t] = s[t];
            break;
        case BEYOND:
            a.y[t] = a.x[t + (a.right ? 0 : 890)];
            break;
        case PEER: {   // before the other block has written
            s[t] = a.x[t];
            cluster_sync();
            if (!a.right) s[t] = 2.f;
            float4 v = ld_peer4(s + 4 * (t % 32), 1 - cluster_rank());
            a.y[128 * blockIdx.x + t] = v.x;
            cluster_sync();
            break;
        }
        case PEER_ENDS: {
            cluster_sync();
            float4 v = ld_peer4(s + 4 * (t % 32), 1 - cluster_rank());
            a.y[128 * blockIdx.x + t] = v.x;
            if (a.right) cluster_sync();
            break;
        }
        case FENCE:
        case TENSOR: {
            float d[16];
            unsigned w[4] = {0, 0, 0, 0};
            for (int i = t; i < 1024; i += 128) s[i] = 1.f;
            if (a.which != FENCE || a.right) fence_async();
            __syncthreads();
            wg_mma(d, w, s, 0, 0);
            wg_commit();
            if (a.which != TENSOR || a.right) wg_wait<0>();
            __syncthreads();
            for (int i = t; i < 1024; i += 128) s[i] = 2.f;
            a.y[t] = d[0];
            break;
        }
    }
}
KERNEL(mistake_of, Mistake, 128, 1, 4096, 1, 1) { mistake(a); }
// What the launch before does in the case EARLY.
KERNEL(mistake_before, Mistake, 128, 1, 4096, 1, 1) { a.x[threadIdx.x] = 1.f; }
