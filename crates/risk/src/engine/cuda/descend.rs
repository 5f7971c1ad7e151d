//! Many steps of descent without coming back to the rest of the program in between.

use std::sync::PoisonError;

use candle_core::Tensor;
use collado_cuda::{Launch, args};

use super::{
    Kernels,
    gradient::Updating,
    layers::{Batch, Points},
    session::{Kind, Session},
    tensor::{Change, Read, overwrite},
};
use crate::{Batches, Descent, Error, NO_EXAMPLE, Result, Span, StepRule};

/// Steps that are recorded together.
const RECORDED: usize = 64;
/// The most steps of small networks in one launch, and numbers of their minibatches.
const SMALL_STEPS: usize = 512;
const SMALL_ROWS: usize = 1 << 22;
/// The share of that in the first launch; each after it takes twice as much as the one before.
const SMALL_FIRST: usize = 8;
/// Steps of small networks that are told of together: all of them take a fraction of a second.
const SMALL_TOGETHER: usize = 1 << 16;

impl Kernels {
    /// Steps that are taken well at a time; none where a step needs too much memory, which one by one it does not.
    pub(super) fn stride_of(&self, span: &Span, descent: &Descent<'_>) -> Option<usize> {
        // What the driver says is heard where the steps are taken.
        let Ok(key) = self.key(span, descent, 1) else { return Some(1) };
        match key.kind {
            _ if !self.fits(&key) => None,
            Kind::Small { .. } => Some((64 * SMALL_TOGETHER / key.points).clamp(SMALL_STEPS, SMALL_TOGETHER)),
            _ => Some(4 * RECORDED),
        }
    }

    /// Steps that one launch or recording takes.
    fn piece(&self, key: &super::session::Key) -> usize {
        match key.kind {
            Kind::Small { .. } => (SMALL_ROWS / (key.points * key.batch)).clamp(1, SMALL_STEPS),
            _ => RECORDED,
        }
    }

    pub(super) fn descend_span(&self, span: &Span, descent: &Descent<'_>, memory: &[Tensor]) -> Result<()> {
        if descent.sizes.is_empty() {
            return Ok(());
        }
        self.check_batches(descent)?;
        let mut key = self.key(span, descent, 1)?;
        key.steps = self.piece(&key);
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let mut session = match held.take() {
            Some(session) if session.key == key => session,
            old => {
                drop(old);
                self.session(key)?
            }
        };
        self.take_in(&session, span, memory)?;
        let mut piece = match session.key.kind {
            // Nothing runs while the first table is drawn.
            Kind::Small { .. } => (session.key.steps / SMALL_FIRST).max(1),
            _ => session.key.steps,
        };
        let mut from = 0;
        while from < descent.sizes.len() {
            let count = piece.min(descent.sizes.len() - from);
            self.tables(&mut session, descent, from, count)?;
            // SAFETY: the session was made for such steps, and its tables hold them.
            unsafe { self.steps(&mut session, count) }?;
            from += count;
            piece = (2 * piece).min(session.key.steps);
        }
        self.hand_back(&session, span, memory)?;
        *held = Some(session);
        Ok(())
    }

    fn check_batches(&self, descent: &Descent<'_>) -> Result<()> {
        let (Batches::Shared { rows, .. } | Batches::Each { rows, .. }) = descent.batches else {
            return Ok(());
        };
        let n = self.data.examples;
        match rows.iter().find(|&&i| i as usize >= n && i != NO_EXAMPLE) {
            Some(i) => Err(Error::mismatch("minibatch index", format!("less than {n}"), i)),
            None => Ok(()),
        }
    }

    /// Waits until all kernels have ended.
    pub(super) fn wait(&self) -> Result<()> {
        // SAFETY: nothing is read.
        Ok(unsafe { self.machine.download(0, &mut []) }?)
    }

    /// Points and what the rule remembers, padded. SGD without momentum remembers nothing, but multiplies the first buffer by 0,
    /// and an earlier descent may have left NaN there.
    fn take_in(&self, session: &Session, span: &Span, memory: &[Tensor]) -> Result<()> {
        let key = &session.key;
        let to = if key.combines() { session.vertices.at(0) } else { session.theta.at(0) };
        let vertices = Read::new(span.vertices(), &self.machine)?;
        let mut change = Change {
            from: vertices.at(0),
            to,
            from_rows: key.vertices,
            to_rows: key.vertices,
            ..Change::default()
        };
        // SAFETY: rows of both layouts, V each.
        unsafe { self.pack(&change) }?;
        (change.from_rows, change.to_rows) = (key.moving(), key.moving());
        if memory.is_empty() {
            session.first.clear()?;
        }
        for (tensor, to) in memory.iter().zip([&session.first, &session.second]) {
            let tensor = Read::new(tensor, &self.machine)?;
            (change.from, change.to) = (tensor.at(0), to.at(0));
            // SAFETY: rows of both layouts, one for each free vertex.
            unsafe { self.pack(&change) }?;
        }
        Ok(())
    }

    /// What [`take_in`](Self::take_in) took, back into the tensors.
    fn hand_back(&self, session: &Session, span: &Span, memory: &[Tensor]) -> Result<()> {
        let key = &session.key;
        let from = if key.combines() { session.vertices.at(0) } else { session.theta.at(0) };
        let change = |from, to, rows| Change {
            from,
            to,
            from_rows: rows,
            to_rows: rows,
            back: true,
            ..Change::default()
        };
        overwrite(span.vertices(), &self.machine, |to| {
            // SAFETY: rows of both layouts, V each.
            unsafe { self.pack(&change(from, to, key.vertices)) }
        })?;
        for (tensor, from) in memory.iter().zip([&session.first, &session.second]) {
            overwrite(tensor, &self.machine, |to| {
                // SAFETY: rows of both layouts, one for each free vertex.
                unsafe { self.pack(&change(from.at(0), to, key.moving())) }
            })?;
        }
        Ok(())
    }

    /// The tables of `count` steps from step `from` of the descent on.
    fn tables(&self, session: &mut Session, descent: &Descent<'_>, from: usize, count: usize) -> Result<()> {
        let key = session.key.clone();
        let (points, batch) = (key.points, key.batch);
        let small = matches!(key.kind, Kind::Small { .. });
        // How many examples the minibatches have.
        let mut present = vec![batch; count * points];
        // Small networks have minibatches of one size in a step: to look at all of them takes longer than the step.
        let apart = if small { points } else { 1 };
        let mut look = |rows: &[u32]| {
            for (present, rows) in present.iter_mut().zip(rows.chunks_exact(batch)).step_by(apart) {
                *present -= rows.iter().rev().take_while(|&&row| row == NO_EXAMPLE).count();
            }
        };
        match descent.batches {
            Batches::All if from == 0 => {
                let all: Vec<u32> = (0..points).flat_map(|_| 0..batch as u32).collect();
                session.rows[0].write(0, &all)?;
            }
            Batches::All => {}
            Batches::Shared { rows, .. } => {
                let rows = rows[from * batch..(from + count) * batch].chunks_exact(batch);
                let copies: Vec<u32> = rows.flat_map(|row| row.repeat(points)).collect();
                look(&copies);
                session.slot = 0;
                session.rows[0].write(0, &copies)?;
            }
            Batches::Each { .. } | Batches::Drawn { .. } => {
                let numbers = count * points * batch;
                let mut fill = |out: &mut [u32]| {
                    match descent.batches {
                        Batches::Drawn { draw, .. } => draw.draw(from..from + count, out),
                        Batches::Each { rows, .. } => {
                            out.copy_from_slice(&rows[from * points * batch..][..numbers]);
                        }
                        Batches::All | Batches::Shared { .. } => unreachable!("seen above"),
                    }
                    look(out);
                };
                if small {
                    session.slot = 1 - session.slot;
                    // SAFETY: the table is read by the steps that follow, after which its use is over.
                    unsafe { session.rows[session.slot].fill_beside(session.slot, numbers, fill) }?;
                } else {
                    let mut rows = vec![0; numbers];
                    fill(&mut rows);
                    session.rows[0].write(0, &rows)?;
                }
            }
        }
        let rates = (0..count).flat_map(|i| match small {
            true => {
                let [size, first, second, _] = rates(descent, from + i);
                [size, 1. / present[i * points] as f64, first, second]
            }
            false => rates(descent, from + i),
        });
        session.rates.write(0, &rates.map(|x| x as f32).collect::<Vec<_>>())?;
        if small {
            return Ok(());
        }
        let weights = present.iter().enumerate().map(|(i, &present)| {
            let free = match (key.kind, descent.coefficients) {
                (Kind::Bend, Some(c)) => c[(from * points + i) * key.vertices + key.free.start],
                _ => 1.,
            };
            (free / present as f64) as f32
        });
        session.scale.write(0, &weights.collect::<Vec<_>>())?;
        if !key.combines() {
            return Ok(());
        }
        let each = points * key.vertices;
        let given = descent.coefficients.expect("steps on combinations have coefficients");
        // After the last step the points stay where they are.
        let last = (from + count).min(descent.sizes.len() - 1);
        let c: Vec<f32> = given[from * each..(from + count) * each]
            .iter()
            .chain(&given[last * each..(last + 1) * each])
            .map(|&c| c as f32)
            .collect();
        session.coefficients.write(0, &c)?;
        let change = Change {
            from: session.vertices.at(0),
            to: session.theta.at(0),
            coefficients: session.coefficients.at(0),
            from_rows: key.vertices,
            to_rows: points,
            ..Change::default()
        };
        // SAFETY: padded rows, V of them and P.
        unsafe { self.combine(&change) }
    }

    /// The points of the first step from padded vertices.
    unsafe fn combine(&self, change: &Change) -> Result<()> {
        let size = self.layout.size;
        let mut segment = [args::Segment::default(); args::SEGMENTS];
        segment[0] = args::Segment { dense: 0, padded: 0, rows: 1, columns: size as i32, ld: size as i32 };
        let argument = args::Pack {
            from: change.from,
            to: change.to,
            coefficients: change.coefficients,
            dense: size as i64,
            padded: size as i64,
            from_rows: change.from_rows as i32,
            to_rows: change.to_rows as i32,
            segments: 1,
            back: 0,
            keep: 0,
            segment,
        };
        let grid = [size.div_ceil(256).clamp(1, 512) as u32, 1, change.to_rows as u32];
        // SAFETY: the caller's promise.
        unsafe { self.start(&Launch { grid, ..Launch::new("pack_points", 1) }, &argument) }
    }

    /// Takes the first `count` steps of the tables.
    unsafe fn steps(&self, session: &mut Session, count: usize) -> Result<()> {
        if let Kind::Small { blocks } = session.key.kind {
            // SAFETY: the caller's promise.
            unsafe { self.small_steps(session, blocks, count) }?;
            return Ok(self.machine.used_beside(session.slot)?);
        }
        // The first steps load kernels, which cannot be recorded.
        if count == session.key.steps && session.is_warm {
            if session.graph.is_none() {
                session.graph = self.machine.record(&mut || {
                    // SAFETY: the caller's promise.
                    let done = (0..count).try_for_each(|i| unsafe { self.step(session, i) });
                    done.map_err(|e| match e {
                        Error::Machine(e) => e,
                        e => collado_cuda::Error::Driver { what: "a step".into(), reason: e.to_string() },
                    })
                })?;
            }
            if let Some(graph) = &mut session.graph {
                return Ok(graph.run()?);
            }
        }
        session.is_warm = true;
        // SAFETY: the caller's promise.
        (0..count).try_for_each(|i| unsafe { self.step(session, i) })
    }

    /// Takes step `i` of the tables.
    unsafe fn step(&self, session: &Session, i: usize) -> Result<()> {
        let key = &session.key;
        let plain = key.full && !key.combines();
        let batch = Batch {
            points: key.points,
            batch: key.batch,
            first: 0,
            rows: if plain { 0 } else { session.rows[0].at(i * key.rows_step()) },
            rows_point: key.batch,
        };
        // Without row numbers the first product cannot begin early.
        let early = !plain;
        let points = Points { theta: session.theta.at(0), size: self.layout.size, skipped: 0 };
        let (descent, rule) = self.rule(session, i);
        let each = key.points * key.vertices;
        let mut how = Updating { descent, rule, ..Updating::default() };
        let scale = session.scale.at(i * key.points);
        match key.kind {
            Kind::Bend => {
                how.bend = args::Bend {
                    vertices: session.vertices.at(0),
                    coefficients: session.coefficients.at((i + 1) * each),
                    count: key.vertices as i32,
                    free: key.free.start as i32,
                    points: key.points as i32,
                };
            }
            Kind::Span => {
                how.rule = 0;
                how.descent = args::Descent { first: session.slopes.at(0), ..Default::default() };
            }
            Kind::Stack | Kind::Small { .. } => {}
        }
        let work = &session.work;
        // SAFETY: the caller's promise.
        unsafe {
            let parts = self.forward(work, &batch, points, 0, early)?;
            self.losses(work, &batch, points, parts, (scale, work.sums), (true, early))?;
            self.backward(work, &batch, points, early)?;
            self.update(work, &batch, &how, early)?;
            if key.kind == Kind::Span { self.move_vertices(session, (descent, rule), i) } else { Ok(()) }
        }
    }

    /// Free vertices move by the gradients at the points, and the points of the next step follow.
    unsafe fn move_vertices(
        &self,
        session: &Session,
        (descent, rule): (args::Descent, i32),
        i: usize,
    ) -> Result<()> {
        let key = &session.key;
        let each = key.points * key.vertices;
        let argument = args::Move {
            descent,
            vertices: session.vertices.at(0),
            slopes: session.slopes.at(0),
            coefficients: session.coefficients.at(i * each),
            next: session.coefficients.at((i + 1) * each),
            size: self.layout.size as i64,
            from: self.pulled.start as i64,
            to: self.pulled.end as i64,
            count: key.vertices as i32,
            free: key.free.start as i32,
            frees: key.free.len() as i32,
            points: key.points as i32,
            rule,
            pull: self.pull(),
            kappa: self.criterion.kappa as f32,
        };
        let blocks = self.layout.size.div_ceil(256).min(8 * self.machine.processors().max(1));
        // SAFETY: the caller's promise.
        unsafe { self.start(&Launch::new("move_points", blocks), &argument) }
    }
}

/// The four numbers of step `i` that kernels read: the step size, Adam's corrections, and the factor of θ.
fn rates(descent: &Descent<'_>, i: usize) -> [f64; 4] {
    let size = descent.sizes[i];
    let StepRule::Adam { weight_decay, decoupled } = descent.rule else { return [size, 1., 1., 1.] };
    let power = i32::try_from(descent.done + i as u64 + 1).unwrap_or(i32::MAX);
    let correction = |beta: f64| 1. / (1. - beta.powi(power));
    [size, correction(0.9), correction(0.999), if decoupled { 1. - size * weight_decay } else { 1. }]
}
