//! Random command lines in random trees, given to GNU cp and to us: the same files, the same words, the same status.
//!
//! `WARPCOPY_DIFF_CASES` says how many, `WARPCOPY_DIFF_SEED` which is the first, `WARPCOPY_GNU_CP` which cp. A failure
//! prints the seed, what differs, and the smallest commands that show it.
//!
//! | file | answers |
//! |---|---|
//! | `case` | what a case is, and how a person types it |
//! | `draw`, `options` | which cases there are |
//! | `yardstick` | which cp it is compared with, and what that one does not know |
//! | `place` | how a case is run, and what is seen |
//! | `judge` | what counts as a difference |
//! | `known` | which differences are no news |
//! | `shrink` | how a case gets small |

mod case;
mod draw;
mod judge;
mod known;
mod options;
mod place;
mod shrink;
mod yardstick;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use case::Case;
use draw::Limits;
use judge::{Class, Difference};
use known::Seen;
use place::Place;
use yardstick::Yardstick;

use crate::support::run::program;
use crate::support::{Fs, Scratch, skip};

/// Two processors are what this is meant for.
const WORKERS: usize = 2;

/// How many failures are made small and shown.
const SHOWN: u64 = 10;

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn random_command_lines_do_what_they_do_with_cp() {
    let Some(yardstick) = Yardstick::find() else {
        return skip("gnu-cp", "cp is not GNU's; WARPCOPY_GNU_CP names one");
    };
    let Some(scratch) = Scratch::anywhere() else { return };
    // Where other users can reach it, and by another process: while this one has it open for writing, whatever it
    // forks cannot start it.
    let ours = scratch.join("warpcp");
    let copied = Command::new("cp").args([&program(), &ours]).status();
    assert!(copied.is_ok_and(|status| status.success()), "the program can be copied");
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o755)).unwrap();

    let theirs = yardstick.program.clone();
    let candidates = [Fs::Tmpfs, Fs::Ext4, Fs::Btrfs, Fs::Xfs];
    let file_systems: Vec<_> = candidates.into_iter().filter(|fs| fs.is_there()).collect();
    let is_root = rustix::process::geteuid().is_root();
    let limits = Limits { yardstick, is_root, file_systems };
    let run = Run {
        theirs,
        ours,
        limits,
        first: number("WARPCOPY_DIFF_SEED", 1),
        count: number("WARPCOPY_DIFF_CASES", 4000),
        shown: number("WARPCOPY_DIFF_SHOW", SHOWN),
        next: AtomicU64::new(0),
        failures: Mutex::default(),
        failed: AtomicU64::new(0),
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            // What copies a directory into itself makes deep trees.
            let worker = thread::Builder::new().stack_size(1 << 28);
            worker.spawn_scoped(scope, || run.work()).unwrap();
        }
    });
    run.judge();
}

struct Run {
    theirs: PathBuf,
    ours: PathBuf,
    limits: Limits,
    first: u64,
    count: u64,
    shown: u64,
    next: AtomicU64,
    /// Small cases, with the seeds that led to them.
    failures: Mutex<BTreeMap<String, Vec<u64>>>,
    failed: AtomicU64,
}

impl Run {
    fn work(&self) {
        let mut place = Place::new(&self.limits.file_systems);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return;
            }
            let seed = self.first + number;
            let case = draw::draw(seed, &self.limits);
            // What does not come again is chance: numbers of inodes, the moment of a tick.
            let found = (0..3).map(|_| self.differences(&mut place, &case)).find(Vec::is_empty);
            let found = found.unwrap_or_else(|| self.differences(&mut place, &case));
            if found.is_empty() || self.failed.fetch_add(1, Ordering::Relaxed) >= self.shown {
                continue;
            }
            let classes: Vec<Class> = found.iter().map(|difference| difference.class).collect();
            let case = shrink::shrink(case, &mut |smaller| {
                let found = self.differences(&mut place, smaller);
                !found.is_empty()
                    && found.iter().all(|difference| classes.contains(&difference.class))
            });
            let found = self.differences(&mut place, &case);
            let lines: Vec<_> = found.iter().take(8).map(Difference::to_string).collect();
            let text = format!("{case}\n{}\n", lines.join("\n"));
            self.failures.lock().unwrap().entry(text).or_default().push(seed);
        }
    }

    /// The differences that are news; none if there can be no such tree.
    fn differences(&self, place: &mut Place, case: &Case) -> Vec<Difference> {
        let theirs = place.run(case, &self.theirs);
        let ours = place.run(case, &self.ours);
        let (Some(theirs), Some(ours)) = (theirs, ours) else { return Vec::new() };
        let mut found = judge::differences(&theirs, &ours);
        let (theirs, ours) = (&theirs, &ours);
        found.retain(|difference| {
            !Seen { case, theirs, ours, difference }.is_known(&self.limits.yardstick)
        });
        found
    }

    fn judge(self) {
        let failures = self.failures.into_inner().unwrap();
        let mut failures: Vec<_> = failures.into_iter().collect();
        failures.sort_by_key(|(_, seeds)| usize::MAX - seeds.len());
        let mut text = String::new();
        for (case, seeds) in &failures {
            text += &format!(
                "\nWARPCOPY_DIFF_CASES=1 WARPCOPY_DIFF_SEED={} ({} times)\n{case}",
                seeds[0],
                seeds.len()
            );
        }
        let failed = self.failed.into_inner();
        assert!(failed == 0, "{failed} of {} cases differ:\n{text}", self.count);
    }
}
