// Pooling: the largest pixels of windows.
#pragma once
#include "math.h"
// Of each window of the maps [maps][height][width] the pixel with the largest number: of several the first, and NaN before all.
struct Largest {
    const float* x; int* pixel;           // pixel [maps][rows][columns]
    long count;                           // windows of all maps
    int height, width, rows, columns, high, wide, down, right, above, left;   // high x wide windows, their steps and the border
};
DEV void largest_pixels_of(const Largest& a) {
    long maps = a.rows * a.columns;
    for (long i = (long)blockIdx.x * blockDim.x + threadIdx.x; i < a.count; i += (long)gridDim.x * blockDim.x) {
        int at = (int)(i % maps), y0 = at / a.columns * a.down - a.above, x0 = at % a.columns * a.right - a.left, best = -1;
        const float* x = a.x + i / maps * a.height * a.width;
        float top = 0.f;
        for (int y = cmax(y0, 0); y < cmin(y0 + a.high, a.height); y++)
            for (int k = cmax(x0, 0); k < cmin(x0 + a.wide, a.width); k++) {
                float v = x[y * a.width + k];
                if (best < 0 || v > top || (v != v && top == top)) { best = y * a.width + k; top = v; }
            }
        a.pixel[i] = best;
    }
}
