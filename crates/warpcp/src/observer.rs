//! What is printed while copying, and the questions.

use std::io;

use warpcopy::{Error, Event, FileReport, Flow, Observer, Operation, Question};

use crate::console::Console;
use crate::debug;
use crate::lower::Voice;
use crate::messages;
use crate::quote::quote;
use crate::signals::Signals;

/// Prints what happens as the options ask, and lets the user answer questions.
pub(crate) struct Watcher<'a> {
    pub(crate) console: &'a mut Console,
    pub(crate) voice: Voice,
    pub(crate) signals: &'a Signals,
}

impl Observer for Watcher<'_> {
    fn wants_files(&self) -> bool {
        self.voice.verbose
    }

    fn event(&mut self, event: Event<'_>) -> Flow {
        match event {
            Event::DirectoryMade { source, target } if self.voice.verbose => {
                self.console.print(&format!("{} -> {}", quote(source), quote(target)));
            }
            Event::FileDone(report) if self.voice.verbose => self.file_done(report),
            Event::Failed(error) => self.say(error),
            Event::Warned(error) if error.operation() == Operation::CreateLink => {
                if let Some(sentence) = messages::of_error(error, self.voice.make) {
                    self.console.say(&format!("{sentence}; copying instead"));
                }
            }
            Event::Warned(error) if !is_hushed(self.voice, error) => self.say(error),
            _ => {}
        }
        Flow::Continue
    }

    fn ask(&mut self, question: &Question<'_>) -> bool {
        let mode = (!question.target_is_writable).then_some(question.target_mode);
        let target = quote(question.target);
        self.console.ask(&wording(&target, mode, self.voice.replaces_unwritable));
        self.signals.while_nothing_is_half_made(answer)
    }
}

impl Watcher<'_> {
    fn file_done(&mut self, report: &FileReport) {
        let target = quote(&report.target);
        if let Some(reason) = debug::reason_to_skip(report.outcome) {
            if self.voice.debug {
                self.console.print(&format!("skipped {target}: {reason}"));
            }
            return;
        }
        let mut line = format!("{} -> {target}", quote(&report.source));
        if let Some(detail) = debug::detail(report).filter(|_| self.voice.debug) {
            line = format!("{line}: {detail}");
        }
        self.console.print(&line);
    }

    fn say(&mut self, error: &Error) {
        if let Some(sentence) = messages::of_error(error, self.voice.make) {
            self.console.say(&sentence);
        }
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
    use std::path::Path;

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
            let mut watcher = Watcher { console: &mut console, voice, signals: &signals };
            let (source, target) = (Path::new("d"), Path::new("it's"));
            assert_eq!(watcher.event(Event::DirectoryMade { source, target }), Flow::Continue);
            console.flush();
            assert_eq!(tape.text(), text);
        }
    }
}
