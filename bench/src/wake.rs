//! All processors at work before a run begins.
//!
//! The processors of a virtual machine that was idle may come back on one processor of its host, or on one core, and stay there
//! for a second or more: after five seconds of sleep two threads of plain arithmetic took 0.13 to 0.16 s instead of 0.07 in five
//! of eight trials, the first for 0.3 s, the others for over a second. What works by two threads is measured at half its speed
//! so, and what works by one is not touched.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Some tens of milliseconds of arithmetic.
const STEPS: u64 = 8_000_000;

/// Together they may take so much longer than one alone.
pub const TOGETHER_MAX: f64 = 1.2;

/// So often in a row, before they are believed to be awake.
const TIMES_IN_A_ROW: u32 = 3;

/// A machine that is shared for good is measured as it is.
const PATIENCE: Duration = Duration::from_secs(4);

/// Works with all processors until together they are as fast as one alone; returns how much longer they take in the end.
pub fn wake() -> f64 {
    let others = std::thread::available_parallelism().map_or(1, usize::from) - 1;
    let mut fastest = work().min(work());
    let (start, mut in_a_row) = (Instant::now(), 0);
    loop {
        let slowest = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
            let own = work();
            threads.into_iter().map(|thread| thread.join().unwrap()).fold(own, Duration::max)
        });
        fastest = fastest.min(slowest);
        let ratio = slowest.as_secs_f64() / fastest.as_secs_f64();
        in_a_row = if ratio <= TOGETHER_MAX { in_a_row + 1 } else { 0 };
        if in_a_row == TIMES_IN_A_ROW || start.elapsed() >= PATIENCE {
            return ratio;
        }
    }
}

fn work() -> Duration {
    let start = Instant::now();
    let mut sum = 0u64;
    for step in 0..STEPS {
        sum = black_box(sum ^ step);
    }
    black_box(sum);
    start.elapsed()
}
