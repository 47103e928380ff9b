//! A copy that is stopped leaves whole files and nothing else.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;

use warpcopy::{
    Cancel, Copier, Event, Flow, Method, NoObserver, Observer, Operation, Options, Publish,
};

use crate::support::*;

/// Every file below the copy is whole, and no other name is there.
#[track_caller]
fn assert_part_of(source: &Path, copy: &Path) {
    for name in listing(copy) {
        assert!(!name.contains(".warpcopy-"), "{name} was left behind");
        if !name.ends_with('/') {
            assert_same_bytes(&source.join(&name), &copy.join(&name));
        }
    }
}

fn plant(scratch: &Scratch) {
    for number in 0..300 {
        let path = format!("tree/d{}/file{number}", number % 20);
        write(&scratch.join(path), bytes(20_000, number));
    }
}

#[test]
fn a_flag_raised_before_stops_everything() {
    let scratch = Scratch::new();
    plant(&scratch);
    let copier = Copier::new(Options::new());
    copier.cancel().cancel();
    let file = scratch.join("tree/d0/file0");
    let error = copier.copy_file(&file, scratch.join("x/b")).unwrap_err();
    assert_eq!(error.operation(), Operation::Cancelled);
    let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut NoObserver);
    assert!(report.cancelled && !report.is_complete());
    assert_eq!((report.files, report.failures), (0, 0), "being stopped is no failure");
    assert_only(scratch.path(), &["tree"]);
}

/// Stops after so many files.
struct StopsAt(u32);

impl Observer for StopsAt {
    fn event(&mut self, event: Event<'_>) -> Flow {
        if let Event::FileDone(_) = event {
            self.0 = self.0.saturating_sub(1);
        }
        if self.0 == 0 { Flow::Stop } else { Flow::Continue }
    }
}

#[test]
fn an_observer_stops_a_tree_between_whole_files() {
    let scratch = Scratch::new();
    plant(&scratch);
    for workers in [1, 2, 4] {
        for publish in [Publish::Staged, Publish::Auto] {
            let copy = scratch.join(format!("copy{workers}{publish:?}"));
            let options = Options::new().publish(publish).workers(NonZeroUsize::new(workers));
            let copier = Copier::new(options);
            let report = copier.copy_tree(scratch.join("tree"), &copy, &mut StopsAt(5));
            assert!(report.cancelled && !report.is_complete());
            assert!(copier.cancel().is_cancelled());
            assert!(report.files >= 5);
            if workers == 1 {
                assert_eq!(report.files, 5, "one worker stops at once");
            }
            assert_part_of(&scratch.join("tree"), &copy);
            let files = listing(&copy).into_iter().filter(|name| !name.ends_with('/')).count();
            assert_eq!(files as u64, report.files);
        }
    }
}

#[test]
fn a_flag_raised_by_another_thread_stops_a_file_in_the_middle() {
    let scratch = Scratch::new();
    let source = scratch.join("source");
    Shape::dense(256 << 20).make(&source);
    write(&scratch.join("old"), "old");
    for (target, publish) in [
        ("new", Publish::Staged),
        ("new", Publish::Auto),
        ("old", Publish::Staged),
        ("old", Publish::Auto),
    ] {
        for method in [Method::CopyRange, Method::Sendfile, Method::ReadWrite] {
            let workers = NonZeroUsize::new(1);
            let options = Options::new().method(Some(method)).publish(publish).workers(workers);
            let copier = Copier::new(options);
            let copied = thread::scope(|scope| {
                let copy = scope.spawn(|| copier.copy_file(&source, scratch.join(target)));
                while copier.counters().moved_bytes() == 0 && !copy.is_finished() {
                    thread::yield_now();
                }
                copier.cancel().cancel();
                copy.join().unwrap()
            });
            let error = copied.expect_err("16 of 256 MiB were moved when the flag was raised");
            assert_eq!(error.operation(), Operation::Cancelled, "{error}");
            assert!(copier.counters().moved_bytes() < 256 << 20);
            assert_only(scratch.path(), &["old", "source"]);
            assert_eq!(read(&scratch.join("old")), b"old");
        }
    }
}

/// The other end of a pipe decides when the bytes come, so this moment is always the same.
#[test]
fn a_stream_is_stopped_between_two_pieces() {
    let scratch = Scratch::new();
    let (fifo, target) = (scratch.join("fifo"), scratch.join("b"));
    make_fifo(&fifo);
    let copier = Copier::new(Options::new().recursive(true).copy_contents(true));
    thread::scope(|scope| {
        let copy = scope.spawn(|| copier.copy_file(&fifo, &target));
        let mut writer = OpenOptions::new().write(true).open(&fifo).unwrap();
        writer.write_all(b"one").unwrap();
        while copier.counters().moved_bytes() < 3 {
            thread::yield_now();
        }
        copier.cancel().cancel();
        writer.write_all(b"two").unwrap();
        drop(writer);
        let error = copy.join().unwrap().unwrap_err();
        assert_eq!(error.operation(), Operation::Cancelled);
    });
    assert_only(scratch.path(), &["fifo"]);
}

#[test]
fn a_signal_handler_can_raise_the_flag() {
    let cancel = Cancel::new();
    let flag = cancel.as_flag();
    let clone = cancel.clone();
    assert!(!clone.is_cancelled());
    flag.store(true, Ordering::Relaxed);
    assert!(cancel.is_cancelled() && clone.is_cancelled());
}

#[test]
fn what_was_finished_stays_finished() {
    let scratch = Scratch::new();
    plant(&scratch);
    let copier = Copier::new(Options::new());
    let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut NoObserver);
    copier.cancel().cancel();
    assert!(report.is_complete());
    assert_same_tree(&scratch.join("tree"), &scratch.join("copy"), false);
}

#[test]
fn one_flag_stops_all_clones_of_a_copier_and_no_other() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "content");
    let (copier, other) = (Copier::new(Options::new()), Copier::new(Options::new()));
    let filtered = copier.clone().filter(|_| true);
    copier.clone().cancel().cancel();
    assert!(filtered.copy_file(scratch.join("a"), scratch.join("b")).is_err());
    assert!(copier.copy_file(scratch.join("a"), scratch.join("b")).is_err());
    other.copy_file(scratch.join("a"), scratch.join("b")).unwrap();
    assert_eq!(fs::read(scratch.join("b")).unwrap(), b"content");
}
