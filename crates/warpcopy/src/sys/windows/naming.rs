//! How a file that is open takes a name: the ways there are, newest first, and what stands in each one's way. Pure; the
//! calls are behind a trait.

use std::time::Duration;

use super::retry::{is_passing, pause_after};
use super::rules::{ACCESS_DENIED, ALREADY_EXISTS, FILE_EXISTS, NOT_THERE};
use crate::sys::Answer;

/// A way to rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `FileRenameInfoEx`: what has the name goes although somebody has it open, and although it is read-only. Since
    /// Windows 10 1607, 1809 for the mark; NTFS, and ReFS since Server 2025.
    Posix,
    /// `FileRenameInfo`.
    Plain,
    /// `MoveFileExW`.
    Path,
}

/// What has the name that is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    Nothing,
    File,
    ReadOnlyFile,
    Directory,
}

/// The calls.
pub(super) trait Renaming {
    fn rename(&mut self, way: Way, replace: bool) -> Answer<()>;
    fn there(&mut self) -> There;
    /// Makes what has the name read-only, or writable.
    fn set_read_only(&mut self, is_read_only: bool) -> Answer<()>;
    fn wait(&mut self, pause: Duration);
}

/// Renames; waits a little for those who have something open that stands in the way.
pub(super) fn rename(calls: &mut dyn Renaming, replace: bool) -> Answer<()> {
    let mut is_unmarked = false;
    for attempts in 1.. {
        let code = match by_some_way(calls, replace) {
            Err(FILE_EXISTS) => return Err(ALREADY_EXISTS),
            Err(code) if is_passing(code) => code,
            answer => return answer,
        };
        match calls.there() {
            There::Directory => return Err(code),
            There::ReadOnlyFile if code == ACCESS_DENIED && replace && !is_unmarked => {
                // The older ways mind the mark.
                calls.set_read_only(false).map_err(|_| code)?;
                is_unmarked = true;
                continue;
            }
            There::ReadOnlyFile | There::File | There::Nothing => {}
        }
        match pause_after(attempts) {
            Some(pause) => calls.wait(pause),
            None => {
                if is_unmarked {
                    // Best effort: what is being returned is the interesting error.
                    let _ = calls.set_read_only(true);
                }
                return Err(code);
            }
        }
    }
    unreachable!("the pauses come to an end")
}

/// Tries each way until one is there; what it answers counts.
fn by_some_way(calls: &mut dyn Renaming, replace: bool) -> Answer<()> {
    for way in [Way::Posix, Way::Plain] {
        match calls.rename(way, replace) {
            // rust-lang/rust#138133: 87, 50 or 1, depending on the build and the file system; 120 from Wine.
            Err(code) if NOT_THERE.contains(&code) => {}
            answer => return answer,
        }
    }
    calls.rename(Way::Path, replace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Code;

    /// Answers from a list; the last one for ever.
    struct Script {
        answers: Vec<(Way, Answer<()>)>,
        there: There,
        log: Vec<String>,
        waited: Duration,
        /// After this many answers the one who had the file open is gone.
        busy_for: usize,
    }

    impl Script {
        fn new(answers: &[(Way, Answer<()>)], there: There) -> Script {
            Script {
                answers: answers.to_vec(),
                there,
                log: Vec::new(),
                waited: Duration::ZERO,
                busy_for: usize::MAX,
            }
        }

        fn tries(&self) -> usize {
            self.log.iter().filter(|line| line.starts_with("rename")).count()
        }
    }

    impl Renaming for Script {
        fn rename(&mut self, way: Way, replace: bool) -> Answer<()> {
            self.log.push(format!("rename {way:?} {replace}"));
            if self.tries() > self.busy_for {
                return Ok(());
            }
            let known = self.answers.iter().find(|(known, _)| *known == way);
            known.map_or(Ok(()), |(_, answer)| *answer)
        }

        fn there(&mut self) -> There {
            self.there
        }

        fn set_read_only(&mut self, is_read_only: bool) -> Answer<()> {
            self.log.push(format!("read-only {is_read_only}"));
            self.there = if is_read_only { There::ReadOnlyFile } else { There::File };
            if !is_read_only {
                self.answers.retain(|(_, answer)| *answer != Err(ACCESS_DENIED));
            }
            Ok(())
        }

        fn wait(&mut self, pause: Duration) {
            self.waited += pause;
        }
    }

    #[test]
    fn the_newest_way_is_enough_where_it_is_there() {
        let mut script = Script::new(&[], There::File);
        assert_eq!(rename(&mut script, true), Ok(()));
        assert_eq!(script.log, ["rename Posix true"]);
    }

    #[test]
    fn codes_of_a_way_that_is_not_there_lead_to_the_next_one() {
        for code in [1, 50, 87, 120].map(Code) {
            let mut script = Script::new(&[(Way::Posix, Err(code))], There::File);
            assert_eq!(rename(&mut script, true), Ok(()), "{code:?}");
            assert_eq!(script.log, ["rename Posix true", "rename Plain true"]);
            let both = [(Way::Posix, Err(code)), (Way::Plain, Err(code))];
            let mut script = Script::new(&both, There::File);
            assert_eq!(rename(&mut script, false), Ok(()), "{code:?}");
            assert_eq!(script.log.last().unwrap(), "rename Path false");
            let none = Way::Path;
            let all = [(Way::Posix, Err(code)), (Way::Plain, Err(code)), (none, Err(code))];
            assert_eq!(rename(&mut Script::new(&all, There::File), true), Err(code));
        }
    }

    #[test]
    fn a_name_that_somebody_took_meanwhile_is_taken_whatever_the_code() {
        for code in [80, 183].map(Code) {
            let mut script = Script::new(&[(Way::Posix, Err(code))], There::File);
            assert_eq!(rename(&mut script, false), Err(ALREADY_EXISTS));
            assert_eq!((script.tries(), script.waited), (1, Duration::ZERO));
        }
    }

    #[test]
    fn whoever_has_the_file_open_for_a_moment_is_waited_for() {
        for code in [5, 32, 33, 303].map(Code) {
            let mut script = Script::new(&[(Way::Posix, Err(code))], There::File);
            script.busy_for = 4;
            assert_eq!(rename(&mut script, true), Ok(()), "{code:?}");
            assert_eq!((script.tries(), script.waited), (5, Duration::from_millis(150)));
        }
    }

    #[test]
    fn waiting_comes_to_an_end_with_the_code_that_stood_in_the_way() {
        let mut script = Script::new(&[(Way::Posix, Err(Code(32)))], There::File);
        assert_eq!(rename(&mut script, true), Err(Code(32)));
        assert_eq!(script.tries(), 10);
        assert!(script.waited < Duration::from_secs(6));
    }

    #[test]
    fn codes_that_no_waiting_cures_come_back_at_once() {
        for code in [2, 3, 17, 19, 39, 112, 123, 206, 225, 1224, 1314].map(Code) {
            let mut script = Script::new(&[(Way::Posix, Err(code))], There::File);
            assert_eq!(rename(&mut script, true), Err(code));
            assert_eq!((script.tries(), script.waited), (1, Duration::ZERO), "{code:?}");
        }
    }

    #[test]
    fn a_directory_is_not_waited_for() {
        let mut script = Script::new(&[(Way::Posix, Err(ACCESS_DENIED))], There::Directory);
        assert_eq!(rename(&mut script, true), Err(ACCESS_DENIED));
        assert_eq!((script.tries(), script.waited), (1, Duration::ZERO));
    }

    #[test]
    fn a_read_only_file_loses_its_mark_for_the_older_ways_and_is_not_waited_for() {
        let answers = [(Way::Posix, Err(Code(87))), (Way::Plain, Err(ACCESS_DENIED))];
        let mut script = Script::new(&answers, There::ReadOnlyFile);
        assert_eq!(rename(&mut script, true), Ok(()));
        assert_eq!(script.waited, Duration::ZERO);
        assert!(script.log.contains(&"read-only false".into()));
    }

    #[test]
    fn a_read_only_file_that_stays_has_its_mark_back() {
        let mut script = Script::new(&[(Way::Posix, Err(Code(5)))], There::ReadOnlyFile);
        // It is open elsewhere, too.
        script.answers.push((Way::Plain, Ok(())));
        script.answers[0].1 = Err(Code(5));
        struct Open(Script);
        impl Renaming for Open {
            fn rename(&mut self, way: Way, replace: bool) -> Answer<()> {
                self.0.log.push(format!("rename {way:?} {replace}"));
                Err(ACCESS_DENIED)
            }
            fn there(&mut self) -> There {
                self.0.there
            }
            fn set_read_only(&mut self, is_read_only: bool) -> Answer<()> {
                self.0.set_read_only(is_read_only)
            }
            fn wait(&mut self, pause: Duration) {
                self.0.wait(pause);
            }
        }
        let mut open = Open(script);
        assert_eq!(rename(&mut open, true), Err(ACCESS_DENIED));
        assert_eq!(open.0.there, There::ReadOnlyFile);
        assert_eq!(open.0.log.last().unwrap(), "read-only true");
    }
}
