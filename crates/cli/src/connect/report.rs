//! The result of `collado connect` as text.

use std::path::Path;

use super::summary::{Row, Summary};
use crate::{
    json::print,
    progress,
    shown::{enclosure, risk},
};

impl Summary {
    pub(super) fn print(&self, folder: &Path) {
        self.attempts.iter().for_each(Row::print);
        let barrier = &self.barrier;
        print(&format!("\nbest path            {}", self.method));
        let end = self.end.name();
        let label = format!("risk at A, {end}");
        print(&format!("{label:<21}{}, {}", risk(self.ends.a), risk(self.ends.b)));
        let points = self.points;
        print(&format!("highest risk         {}  (sampled at {points} points)", risk(barrier.max)));
        if let Some(proof) = &self.certified {
            print(&format!(
                "                     in {} for every t, proved",
                enclosure((proof.lo, proof.hi), 6)
            ));
            if proof.is_stopped() && !progress::interrupted() {
                print("                     (the proof's time was up; --certify always narrows it)");
            }
        }
        if let Some(aligned) = &self.align {
            let (by, distance) = (aligned.by, self.distance_of_end_from_b);
            print(&format!(
                "B′                   B permuted and rescaled onto A by {by}; {distance:.3} away from B"
            ));
        }
        self.about.iter().for_each(|about| print(&about.text()));
        print(&format!(
            "barrier              above ends {}, above mean {}, above chord {}",
            risk(barrier.above_ends),
            risk(barrier.above_mean),
            risk(barrier.above_chord)
        ));
        print(&format!(
            "                     midpoint {}, mean risk {}",
            risk(barrier.midpoint),
            risk(barrier.mean)
        ));
        if let Some(both) = &self.barriers {
            print(&both.text());
        }
        let ratio = match self.normalized_length {
            x if x.is_nan() => "and the ends are one point".into(),
            x => format!("{x:.3} times the distance of the ends"),
        };
        print(&format!("length               {:.3}, {ratio}", self.length));
        print(&format!("written to           {}", folder.display()));
    }
}

impl Row {
    fn print(&self) {
        let Self { method, seconds, .. } = self;
        let end = format!("to {}", self.end.name());
        if self.stop.is_some() {
            print(&format!("{method:<38} {end:<5} diverged                          {seconds:>6.2} s"));
            return;
        }
        // Some of the points sufficed to see that the path is too high.
        let least = if self.complete { " " } else { "≥" };
        let barrier = risk(self.above_ends);
        print(&format!("{method:<38} {end:<5} barrier above ends {least} {barrier:>10}   {seconds:>6.2} s"));
    }
}
