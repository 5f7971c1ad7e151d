//! Pooling.

use super::NetworkBuilder;
use crate::{NodeId, Op, Pool, PoolKind};

impl NetworkBuilder {
    /// A pooling over square windows, with a border of `padding` pixels.
    pub fn pool(
        &mut self,
        x: NodeId,
        kind: PoolKind,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> NodeId {
        let pool = Pool {
            kind,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            ..Pool::global(0, [0; 2])
        };
        self.pool_of(x, pool)
    }

    /// The pooling `pool`, whose channels and size are taken from `x`.
    pub fn pool_of(&mut self, x: NodeId, pool: Pool) -> NodeId {
        let [channels, height, width] = self.axes(x, "pooling");
        let pool = Pool { channels, size: [height, width], ..pool };
        let Pool { size, kernel, stride, padding, .. } = pool;
        for i in [0, 1] {
            let most = padding[i].saturating_mul(2).saturating_add(size[i]);
            let half = padding[i].checked_mul(2).is_some_and(|both| both <= kernel[i]);
            let fits = (1..=most).contains(&kernel[i]) && stride[i] > 0 && half;
            let expected =
                format!("1 to {most} pixels wide, with a stride and a border of half of it at most");
            self.expect(fits, "pooling: window".into(), expected, kernel[i]);
        }
        if self.error.is_some() {
            return x;
        }
        let shape = [&[channels], &pool.output_size()[..]].concat();
        self.push(Op::Pool(pool), vec![x], shape)
    }

    /// The mean over all pixels of each channel, as features.
    pub fn global_average(&mut self, x: NodeId) -> NodeId {
        let [_, height, width] = self.axes(x, "pooling");
        let pooled = self.pool_of(x, Pool::global(0, [height, width]));
        self.flatten(pooled)
    }

    /// Means over windows that divide the rows and columns of each channel into `size` parts as evenly as possible, as
    /// PyTorch's `AdaptiveAvgPool2d` does. They overlap where the division leaves a remainder.
    pub fn adaptive_average(&mut self, x: NodeId, size: [usize; 2]) -> NodeId {
        let [_, height, width] = self.axes(x, "pooling");
        let from = [height, width];
        let fits = size.iter().all(|&n| n > 0) && from.iter().all(|&n| n > 0);
        self.expect(fits, "adaptive pooling: size".into(), "at least 1x1".into(), super::shown(&size));
        if self.error.is_some() || from == size {
            return x;
        }
        if (0..2).all(|i| from[i].is_multiple_of(size[i])) {
            let kernel = [0, 1].map(|i| from[i] / size[i]);
            return self.pool_of(x, Pool { kernel, stride: kernel, ..Pool::global(0, [0; 2]) });
        }
        let rows = self.constant("means of rows", means(size[0], height), &[size[0], height]);
        let columns = self.constant("means of columns", means(size[1], width), &[size[1], width]);
        let columns = self.permute(columns, &[1, 0]);
        let y = self.matmul(x, columns);
        self.matmul(rows, y)
    }
}

/// The matrix `[parts, length]` of means over the parts of an axis.
fn means(parts: usize, length: usize) -> Vec<f64> {
    let mut matrix = vec![0.; parts * length];
    for (i, row) in matrix.chunks_exact_mut(length).enumerate() {
        let part = i * length / parts..((i + 1) * length).div_ceil(parts);
        let share = (part.len() as f64).recip();
        row[part].fill(share);
    }
    matrix
}
