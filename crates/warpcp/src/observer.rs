//! What is printed while copying, and the questions.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use warpcopy::{Error, Event, FileReport, Flow, Observer, Operation, Question, Snapshot, Transfer};

use crate::console::Console;
use crate::debug;
use crate::lower::Voice;
use crate::messages;
use crate::operands::Complaint;
use crate::quote::quote;
use crate::signals::Signals;

/// Prints what happens as the options ask, and lets the user answer questions.
pub(crate) struct Watcher<'a> {
    console: &'a mut Console,
    voice: Voice,
    signals: &'a Signals,
    transfers: &'a [Transfer],
    /// What was found out about operands before, in their order.
    complaints: VecDeque<Complaint>,
    /// The transfer that is at work, where one comes after the other.
    at: usize,
    /// What several workers said, to be put in order.
    held: Vec<Held>,
}

/// Something said about a path, and the number of its transfer.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    transfer: usize,
    path: PathBuf,
    text: String,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(
        console: &'a mut Console,
        voice: Voice,
        signals: &'a Signals,
        transfers: &'a [Transfer],
        complaints: Vec<Complaint>,
    ) -> Watcher<'a> {
        let mut complaints = VecDeque::from(complaints);
        if !voice.is_ordered && !voice.is_strict {
            complaints.drain(..).for_each(|complaint| console.say(&complaint.text));
        }
        let held = Vec::new();
        Watcher { console, voice, signals, transfers, complaints, at: 0, held }
    }

    /// Says what is left to say.
    pub(crate) fn finish(mut self) {
        let mut held = std::mem::take(&mut self.held);
        held.sort();
        for said in held {
            self.complain_before(said.transfer);
            self.console.say(&said.text);
        }
        self.complain_before(usize::MAX);
    }

    /// Says what comes before this transfer.
    fn complain_before(&mut self, transfer: usize) {
        while self.complaints.front().is_some_and(|complaint| complaint.after <= transfer) {
            let complaint = self.complaints.pop_front().expect("it was just looked at");
            if let Some((source, target)) = complaint.pair.filter(|_| self.voice.is_ordered)
                && self.wants_starts()
            {
                self.console.print(&pair(&source, &target, None));
            }
            self.console.say(&complaint.text);
        }
    }

    /// Something about this path is next.
    fn reach(&mut self, path: &Path) {
        if self.voice.is_ordered {
            let ahead = &self.transfers[self.at..];
            self.at += ahead.iter().position(|one| is_of(one, path)).unwrap_or(0);
            self.complain_before(self.at);
        }
    }
}

/// Whether a path is an end of the transfer, or below one, or above its target.
fn is_of(transfer: &Transfer, path: &Path) -> bool {
    path.starts_with(&transfer.target)
        || path.starts_with(&transfer.source)
        || is_parent_of(transfer, path)
}

fn is_parent_of(transfer: &Transfer, path: &Path) -> bool {
    transfer.parents.iter().any(|(source, target)| path == source || path == target)
}

impl Observer for Watcher<'_> {
    fn wants_files(&self) -> bool {
        self.voice.verbose
    }

    fn wants_starts(&self) -> bool {
        self.voice.verbose && self.voice.is_strict
    }

    fn event(&mut self, event: Event<'_>) -> Flow {
        match event {
            Event::DirectoryMade { source, target } if self.voice.verbose => {
                let is_parent = self.is_parent(target);
                let line = match is_parent && self.voice.is_strict {
                    true => format!("{} -> {}", source.display(), target.display()),
                    false => format!("{} -> {}", quote(source), quote(target)),
                };
                self.line(target, &line);
            }
            Event::Snapshot(snapshot) if self.voice.verbose => self.snapshot(snapshot),
            Event::Removing { target } => {
                self.line(target, &format!("removed {}", quote(target)));
            }
            Event::Starting { source, target, backup } => {
                self.line(target, &pair(source, target, backup));
            }
            Event::FileDone(report) if self.voice.verbose => self.file_done(report),
            Event::Failed(error) => self.say(error, ""),
            Event::Warned(error) if error.operation() == Operation::CreateLink => {
                self.say(error, "; copying instead");
            }
            Event::Warned(error) if !is_hushed(self.voice, error) => self.say(error, ""),
            _ => {}
        }
        Flow::Continue
    }

    fn ask(&mut self, question: &Question<'_>) -> bool {
        self.reach(question.target);
        let mode = (!question.target_is_writable).then_some(question.target_mode);
        let target = quote(question.target);
        self.console.ask(&wording(&target, mode, self.voice.replaces_unwritable));
        self.signals.while_nothing_is_half_made(answer)
    }
}

impl Watcher<'_> {
    /// Whether the path is a directory that `--parents` makes.
    fn is_parent(&self, path: &Path) -> bool {
        self.transfers.iter().any(|one| is_parent_of(one, path))
    }

    fn line(&mut self, target: &Path, line: &str) {
        self.reach(target);
        self.console.print(line);
    }

    fn snapshot(&mut self, snapshot: &Snapshot) {
        let target = &snapshot.target;
        let line = pair(&snapshot.source, target, None);
        match (snapshot.refusal, self.voice.debug) {
            (None, true) => self.line(target, &format!("{line}: snapshot")),
            (None, false) => self.line(target, &line),
            // The line for the directory itself comes when it is made.
            (Some(why), true) => {
                let source = quote(&snapshot.source);
                self.line(target, &format!("no snapshot of {source}: {why}"));
            }
            (Some(_), false) => {}
        }
    }

    fn file_done(&mut self, report: &FileReport) {
        let target = &report.target;
        if let Some(reason) = debug::reason_to_skip(report.outcome) {
            match (self.voice.debug, self.voice.is_strict) {
                (true, true) => self.line(target, &format!("skipped {}", quote(target))),
                (true, false) => {
                    self.line(target, &format!("skipped {}: {reason}", quote(target)));
                }
                (false, _) => {}
            }
            return;
        }
        if self.voice.is_strict {
            if let Some(detail) = debug::gnu_detail(report, &self.voice) {
                self.line(target, &detail);
            }
            return;
        }
        let mut line = pair(&report.source, target, report.backup.as_deref());
        if let Some(detail) = debug::detail(report).filter(|_| self.voice.debug) {
            line = format!("{line}: {detail}");
        }
        self.line(target, &line);
    }

    fn say(&mut self, error: &Error, addition: &str) {
        let Some(sentence) = messages::of_error(error, self.voice.make) else { return };
        let path = error.path();
        let is_parent = error.operation() == Operation::CreateDirectory && self.is_parent(path);
        let text = match is_parent {
            true => sentence.replacen("create", "make", 1),
            false => sentence + addition,
        };
        if self.voice.is_ordered || !self.voice.is_strict {
            self.reach(path);
            self.console.say(&text);
        } else {
            // As it was typed, if it is an operand itself; else below the last that could be meant.
            let typed = |one: &Transfer| one.source.as_os_str() == path.as_os_str();
            let transfer = self.transfers.iter().position(typed);
            let transfer =
                transfer.or_else(|| self.transfers.iter().rposition(|one| is_of(one, path)));
            let transfer = transfer.unwrap_or(usize::MAX);
            self.held.push(Held { transfer, path: path.to_path_buf(), text });
        }
    }
}

fn pair(source: &Path, target: &Path, backup: Option<&Path>) -> String {
    let line = format!("{} -> {}", quote(source), quote(target));
    match backup {
        Some(backup) => format!("{line} (backup: {})", quote(backup)),
        None => line,
    }
}

/// Whether nothing is said about what could not be kept. `--debug` tells it beside the file.
fn is_hushed(voice: Voice, error: &Error) -> bool {
    voice.hushes_xattrs && error.operation() == Operation::SetXattr
}

/// Returns the question; `unwritable` is the mode of a target that the caller may not write to.
fn wording(target: &str, unwritable: Option<u32>, replaces_unwritable: bool) -> String {
    match unwritable {
        None => format!("overwrite {target}?"),
        Some(mode) if replaces_unwritable => {
            format!("replace {target}, overriding mode {mode:04o} ({})?", letters(mode))
        }
        Some(mode) => {
            format!("unwritable {target} (mode {mode:04o}, {}); try anyway?", letters(mode))
        }
    }
}

/// Returns permission bits as `ls` shows them: `rwxr-sr-t`.
fn letters(mode: u32) -> String {
    let shows = |bit: u32, letter: char| if mode & bit != 0 { letter } else { '-' };
    let executes = |bit: u32, special: u32, both: char| match (mode & bit != 0, mode & special != 0)
    {
        (true, true) => both,
        (false, true) => both.to_ascii_uppercase(),
        (true, false) => 'x',
        (false, false) => '-',
    };
    let class = |shift: u32, special: u32, both: char| {
        [shows(0o4 << shift, 'r'), shows(0o2 << shift, 'w'), executes(0o1 << shift, special, both)]
    };
    [class(6, 0o4000, 's'), class(3, 0o2000, 's'), class(0, 0o1000, 't')].iter().flatten().collect()
}

/// Reads a line of standard input; its end, and a failure to read, mean no.
fn answer() -> bool {
    let mut line = Vec::new();
    let read = io::BufRead::read_until(&mut io::stdin().lock(), b'\n', &mut line);
    read.is_ok() && matches!(line.first(), Some(b'y' | b'Y'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console;

    #[test]
    fn a_question_names_the_mode_that_stands_in_the_way() {
        assert_eq!(wording("'x'", None, true), "overwrite 'x'?");
        let text = "replace 'x', overriding mode 0444 (r--r--r--)?";
        assert_eq!(wording("'x'", Some(0o444), true), text);
        let text = "unwritable 'x' (mode 0444, r--r--r--); try anyway?";
        assert_eq!(wording("'x'", Some(0o444), false), text);
    }

    #[test]
    fn modes_are_shown_as_ls_shows_them() {
        let table = [
            (0o755, "rwxr-xr-x"),
            (0o4755, "rwsr-xr-x"),
            (0o2640, "rw-r-S---"),
            (0o1777, "rwxrwxrwt"),
            (0o1000, "--------T"),
        ];
        for (mode, text) in table {
            assert_eq!(letters(mode), text);
        }
    }

    #[test]
    fn a_directory_made_is_printed_with_v_only() {
        for (verbose, text) in [(true, "'d' -> \"it's\"\n"), (false, "")] {
            let (mut console, tape) = console::tests::on_tape();
            let voice = Voice { verbose, ..Voice::default() };
            let signals = Signals::default();
            let mut watcher = Watcher::new(&mut console, voice, &signals, &[], Vec::new());
            let (source, target) = (Path::new("d"), Path::new("it's"));
            assert_eq!(watcher.event(Event::DirectoryMade { source, target }), Flow::Continue);
            console.flush();
            assert_eq!(tape.text(), text);
        }
    }

    fn failure(path: &str) -> Error {
        let copier = warpcopy::Copier::new(warpcopy::Options::new());
        copier.copy_file(path, "/").unwrap_err()
    }

    #[test]
    fn what_several_workers_say_is_told_in_the_order_of_the_operands() {
        let (mut console, tape) = console::tests::on_tape();
        let voice = Voice { is_strict: true, ..Voice::default() };
        let signals = Signals::default();
        let transfers = [Transfer::new("no/b", "x/b"), Transfer::new("no/a", "x/a")];
        let complaint =
            Complaint { after: 1, pair: None, text: "between".to_owned(), is_failure: true };
        let mut watcher = Watcher::new(&mut console, voice, &signals, &transfers, vec![complaint]);
        for path in ["no/a/2", "no/b/1", "no/a/1"] {
            watcher.event(Event::Failed(&failure(path)));
        }
        watcher.finish();
        let lines = tape.text();
        let order = ["no/b/1", "between", "no/a/1", "no/a/2"].map(|word| lines.find(word));
        assert!(order.is_sorted() && order[0].is_some(), "{lines}");
    }

    #[test]
    fn what_was_found_out_before_is_told_at_its_place() {
        let (mut console, tape) = console::tests::on_tape();
        let voice = Voice { is_strict: true, is_ordered: true, verbose: true, ..Voice::default() };
        let signals = Signals::default();
        let transfers = [Transfer::new("a", "x/a"), Transfer::new("b", "x/b")];
        let complaint =
            Complaint { after: 1, pair: None, text: "between".to_owned(), is_failure: true };
        let mut watcher = Watcher::new(&mut console, voice, &signals, &transfers, vec![complaint]);
        for (source, target) in [("a", "x/a"), ("b", "x/b")] {
            let (source, target) = (Path::new(source), Path::new(target));
            let backup = (source == Path::new("b")).then(|| Path::new("x/b~"));
            watcher.event(Event::Starting { source, target, backup });
        }
        watcher.finish();
        console.flush();
        let lines = tape.text();
        let expected = "'a' -> 'x/a'\nwarpcp: between\n'b' -> 'x/b' (backup: 'x/b~')\n";
        assert_eq!(lines, expected);
    }
}
