//! Observers are told on the calling thread, one event at a time, whatever the number of workers.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::{self, ThreadId};

use warpcopy::{Copier, Event, Existing, Flow, Observer, Operation, Options, Preserve, Question};

use crate::support::*;

/// Notes everything, and the threads that it was called on.
struct Watcher {
    wants_files: bool,
    answers: bool,
    threads: BTreeSet<String>,
    files: Vec<(PathBuf, PathBuf)>,
    directories: Vec<(PathBuf, PathBuf)>,
    failed: Vec<Operation>,
    asked: Vec<(PathBuf, PathBuf, u32, bool)>,
}

impl Watcher {
    fn new() -> Watcher {
        Watcher {
            wants_files: true,
            answers: true,
            threads: BTreeSet::new(),
            files: Vec::new(),
            directories: Vec::new(),
            failed: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn note_thread(&mut self) {
        self.threads.insert(name_of(thread::current().id()));
    }
}

fn name_of(thread: ThreadId) -> String {
    format!("{thread:?}")
}

impl Observer for Watcher {
    fn wants_files(&self) -> bool {
        self.wants_files
    }

    fn event(&mut self, event: Event<'_>) -> Flow {
        self.note_thread();
        match event {
            Event::DirectoryMade { source, target } => {
                self.directories.push((source.to_owned(), target.to_owned()));
            }
            Event::FileDone(file) => self.files.push((file.source.clone(), file.target.clone())),
            Event::Failed(error) => self.failed.push(error.operation()),
            _ => {}
        }
        Flow::Continue
    }

    fn ask(&mut self, question: &Question<'_>) -> bool {
        self.note_thread();
        let paths = (question.source.to_owned(), question.target.to_owned());
        self.asked.push((paths.0, paths.1, question.target_mode, question.target_is_writable));
        self.answers
    }
}

const FILES: usize = 200;

fn plant(scratch: &Scratch, root: &str) {
    for number in 0..FILES {
        let path = format!("{root}/d{}/file{number}", number % 10);
        write(&scratch.join(path), format!("{root} {number}"));
    }
}

fn options(workers: usize) -> Options {
    Options::new().workers(NonZeroUsize::new(workers))
}

#[test]
fn an_observer_is_called_on_the_calling_thread_only() {
    let scratch = Scratch::new();
    plant(&scratch, "tree");
    plant(&scratch, "copy");
    // One that cannot be replaced: a failure.
    fs::create_dir(scratch.join("copy/failing")).unwrap();
    write(&scratch.join("tree/failing"), "content");
    for workers in [1, 2, 4, 8] {
        let mut watcher = Watcher::new();
        let copier = Copier::new(options(workers).existing(Existing::Ask));
        let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut watcher);
        assert_eq!(watcher.threads, BTreeSet::from([name_of(thread::current().id())]));
        // Whether it can be replaced is looked at after the answer, as with cp.
        assert_eq!((watcher.asked.len(), watcher.files.len()), (FILES + 1, FILES));
        assert_eq!(watcher.failed, [Operation::TargetIsDirectory]);
        assert_eq!((report.files, report.failures), (FILES as u64, 1));
    }
}

#[test]
fn every_file_and_directory_is_told_once_with_its_paths() {
    let scratch = Scratch::new();
    plant(&scratch, "tree");
    for workers in [1, 4] {
        let mut watcher = Watcher::new();
        let copy = scratch.join(format!("copy{workers}"));
        let _ = Copier::new(options(workers)).copy_tree(scratch.join("tree"), &copy, &mut watcher);
        let pair = |name: &String| (scratch.join("tree").join(name), copy.join(name));
        let names = listing(&scratch.join("tree"));
        let (directories, files): (Vec<_>, Vec<_>) =
            names.iter().partition(|name| name.ends_with('/'));
        let files: BTreeSet<_> = files.into_iter().map(pair).collect();
        let mut expected: BTreeSet<_> = directories
            .into_iter()
            .map(|name| pair(&name.trim_end_matches('/').to_owned()))
            .collect();
        expected.insert((scratch.join("tree"), copy.clone()));
        assert_eq!((watcher.files.len(), watcher.directories.len()), (FILES, 11));
        assert_eq!(watcher.files.into_iter().collect::<BTreeSet<_>>(), files);
        assert_eq!(watcher.directories.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

/// A directory is told before what is below it, so that whoever prints it prints it in order.
#[test]
fn a_directory_is_told_before_its_files() {
    let scratch = Scratch::new();
    plant(&scratch, "tree");
    struct InOrder(BTreeSet<PathBuf>);
    impl Observer for InOrder {
        fn event(&mut self, event: Event<'_>) -> Flow {
            match event {
                Event::DirectoryMade { target, .. } => {
                    self.0.insert(target.to_owned());
                }
                Event::FileDone(file) => {
                    let parent = file.target.parent().unwrap();
                    assert!(self.0.contains(parent), "{} came early", file.target.display());
                }
                _ => {}
            }
            Flow::Continue
        }
    }
    for workers in [1, 4] {
        let copy = scratch.join(format!("copy{workers}"));
        let mut observer = InOrder(BTreeSet::new());
        let _ = Copier::new(options(workers)).copy_tree(scratch.join("tree"), copy, &mut observer);
    }
}

#[test]
fn whoever_wants_no_files_still_hears_of_failures() {
    let scratch = Scratch::new();
    plant(&scratch, "tree");
    fs::create_dir_all(scratch.join("copy/failing")).unwrap();
    write(&scratch.join("tree/failing"), "content");
    for workers in [1, 4] {
        let mut watcher = Watcher { wants_files: false, ..Watcher::new() };
        let _ = Copier::new(options(workers)).copy_tree(
            scratch.join("tree"),
            scratch.join("copy"),
            &mut watcher,
        );
        assert_eq!((watcher.files.len(), watcher.directories.len()), (0, 0));
        assert_eq!(watcher.failed, [Operation::TargetIsDirectory]);
    }
}

#[test]
fn a_no_keeps_the_target_and_counts_as_a_failure() {
    let scratch = Scratch::new();
    plant(&scratch, "tree");
    plant(&scratch, "copy");
    let mut watcher = Watcher { answers: false, ..Watcher::new() };
    let copier = Copier::new(options(2).existing(Existing::Ask));
    let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut watcher);
    assert_eq!((report.files, report.failures), (0, FILES as u64));
    assert!(watcher.failed.iter().all(|operation| *operation == Operation::Declined));
    assert_eq!(read(&scratch.join("copy/d0/file0")), b"copy 0");
}

#[test]
fn a_question_says_what_is_at_stake() {
    let scratch = Scratch::new();
    write(&scratch.join("tree/a"), "new");
    write(&scratch.join("copy/a"), "old");
    set_mode(&scratch.join("copy/a"), 0o641);
    let mut watcher = Watcher::new();
    let copier = Copier::new(options(1).existing(Existing::Ask));
    let report = copier.copy_tree(scratch.join("tree"), scratch.join("copy"), &mut watcher);
    assert!(report.is_complete());
    let expected = (scratch.join("tree/a"), scratch.join("copy/a"), 0o641, true);
    assert_eq!(watcher.asked, [expected]);
    assert_eq!(read(&scratch.join("copy/a")), b"new");
}

#[test]
fn nobody_is_asked_about_a_free_name() {
    let scratch = Scratch::new();
    plant(&scratch, "tree");
    let mut watcher = Watcher::new();
    let options = options(2).existing(Existing::Ask).preserve(Preserve::all());
    let report =
        Copier::new(options).copy_tree(scratch.join("tree"), scratch.join("copy"), &mut watcher);
    assert!(report.is_complete());
    assert_eq!(watcher.asked, []);
}

#[test]
fn a_copy_of_one_file_asks_nobody_and_takes_that_for_a_no() {
    let scratch = Scratch::new();
    write(&scratch.join("a"), "new");
    write(&scratch.join("b"), "old");
    let copier = Copier::new(Options::new().existing(Existing::Ask));
    let error = copier.copy_file(scratch.join("a"), scratch.join("b")).unwrap_err();
    assert_eq!(error.operation(), Operation::Declined);
    assert_eq!(read(&scratch.join("b")), b"old");
}
