//! The two output streams: lines for programs on one, messages for people on the other, in the right order.

use std::io::{self, BufWriter, IsTerminal, Write};

use crate::system;

/// Where everything printed goes.
pub(crate) struct Console {
    program: String,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Someone watches the lines come: each is written at once.
    is_watched: bool,
    /// Why nothing can be printed, if that was clear from the start.
    lost: Option<io::Error>,
    /// The first failure to write to standard output; what is copied does not depend on it.
    failure: Option<io::Error>,
}

impl Console {
    /// Returns the process's own streams; messages begin with the program's name.
    pub(crate) fn new(program: String) -> Console {
        let stdout = io::stdout();
        let is_watched = stdout.is_terminal();
        // The standard library flushes at every line, which costs a system call per file copied; on terminals it
        // knows what letters are.
        let out: Box<dyn Write> = match system::stdout_file() {
            Ok(file) if !is_watched => Box::new(BufWriter::with_capacity(64 << 10, file)),
            _ => Box::new(stdout),
        };
        let lost = system::lost_stdout();
        Console { program, out, err: Box::new(io::stderr()), is_watched, lost, failure: None }
    }

    /// Returns the name that messages begin with.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// Prints a line (or several) on standard output.
    pub(crate) fn print(&mut self, line: &str) {
        if let Some(error) = self.lost.take() {
            self.note(Err(error));
        }
        if self.failure.is_none() {
            let written = writeln!(self.out, "{line}");
            self.note(written);
        }
        if self.is_watched {
            self.flush();
        }
    }

    /// Says something on standard error, after all that was printed before.
    pub(crate) fn say(&mut self, text: &str) {
        self.flush();
        // If standard error is gone there is nowhere left to say so; the exit status does.
        let _ = writeln!(self.err, "{}: {text}", self.program);
    }

    /// Asks on standard error and leaves the cursor behind the question.
    pub(crate) fn ask(&mut self, question: &str) {
        self.flush();
        let _ = write!(self.err, "{}: {question} ", self.program);
        let _ = self.err.flush();
    }

    /// Shows a table on standard error, without the program's name.
    pub(crate) fn show(&mut self, table: &str) {
        self.flush();
        let _ = self.err.write_all(table.as_bytes());
    }

    /// Hands everything printed to the system.
    pub(crate) fn flush(&mut self) {
        if self.failure.is_none() {
            let flushed = self.out.flush();
            self.note(flushed);
        }
    }

    /// Flushes, complains if anything printed was lost, and returns whether nothing was.
    pub(crate) fn finish(&mut self) -> bool {
        self.flush();
        let Some(failure) = self.failure.take() else { return true };
        if failure.kind() == io::ErrorKind::BrokenPipe {
            system::die_of_a_broken_pipe();
        }
        let text = format!("write error: {}", crate::messages::words(&failure));
        let _ = writeln!(self.err, "{}: {text}", self.program);
        // What is still in the buffer must not be tried again when it is dropped.
        std::mem::forget(std::mem::replace(&mut self.out, Box::new(io::sink())));
        false
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// Keeps what is written, in the order in which it arrives.
    #[derive(Clone, Default)]
    pub(crate) struct Tape(Rc<RefCell<Vec<u8>>>);

    impl Tape {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.borrow().clone()).unwrap()
        }
    }

    impl Write for Tape {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns a console whose two streams end on one tape, as on a terminal.
    pub(crate) fn on_tape() -> (Console, Tape) {
        let tape = Tape::default();
        (on_streams(Box::new(BufWriter::new(tape.clone())), &tape), tape)
    }

    fn on_streams(out: Box<dyn Write>, err: &Tape) -> Console {
        let err = Box::new(err.clone());
        Console { program: "warpcp".into(), out, err, is_watched: false, lost: None, failure: None }
    }

    #[test]
    fn messages_come_after_the_lines_printed_before_them() {
        let (mut console, tape) = on_tape();
        console.print("'a' -> 'b'");
        assert_eq!(tape.text(), "");
        console.say("cannot stat 'x'");
        assert!(console.finish());
        assert_eq!(tape.text(), "'a' -> 'b'\nwarpcp: cannot stat 'x'\n");
    }

    #[test]
    fn a_full_standard_output_is_told_once_at_the_end() {
        let tape = Tape::default();
        let mut console = on_streams(Box::new(Full), &tape);
        console.print("one");
        console.print("two");
        assert!(!console.finish());
        assert_eq!(tape.text().matches("write error").count(), 1);
    }
}
