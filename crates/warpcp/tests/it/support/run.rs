//! Running the command: with arguments, as another user, under limits, with faults from the kernel.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use signal_hook::consts::SIGINT;
use signal_hook::flag::register_conditional_shutdown;

use super::scratch::Scratch;
use super::trace::Trace;

/// A run that takes longer hangs: far above what any test needs, even on a busy machine.
const HANGS_AFTER: Duration = Duration::from_secs(400);

/// The user that is nobody in particular.
pub(crate) const NOBODY: u32 = 1234;

/// One run of the command, to be set up and started.
#[derive(Clone)]
pub(crate) struct Warpcp {
    args: Vec<OsString>,
    prefix: Vec<OsString>,
    directory: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    input: Option<PathBuf>,
    user: Option<u32>,
    /// Where a copy of the program lies that other users can reach.
    reachable: Option<Rc<Scratch>>,
    trace: Option<Trace>,
}

/// Runs a command under a filter that fails one system call: its number and the error come first.
const FORBIDDING: &str = "
import ctypes, os, struct, sys
number, error = int(sys.argv[1]), int(sys.argv[2])
load, jump_if_equal, give = 0x20, 0x15, 0x06
steps = [(load, 0, 0, 0), (jump_if_equal, 0, 1, number), (give, 0, 0, 0x50000 | error), (give, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in steps))
class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_void_p)]
program = Program(len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(program)) == 0
assert libc.syscall(number, 0, 0, 0, 0, 0) == -1 and ctypes.get_errno() == error
os.execvp(sys.argv[3], sys.argv[3:])
";

impl Warpcp {
    pub(crate) fn new<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Warpcp {
        Warpcp {
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            prefix: Vec::new(),
            directory: None,
            environment: Vec::new(),
            input: None,
            user: None,
            reachable: None,
            trace: None,
        }
    }

    /// Sets up a copy of `source` to the name `target` with `options`, as they are typed.
    pub(crate) fn copy(
        options: &str,
        source: impl AsRef<OsStr>,
        target: impl AsRef<OsStr>,
    ) -> Warpcp {
        Warpcp::new(options.split_whitespace()).arg("--").arg(source).arg(target)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Warpcp {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Puts the command behind another one that starts it: `prlimit --nofile=64`.
    pub(crate) fn under<A: AsRef<OsStr>>(mut self, prefix: impl IntoIterator<Item = A>) -> Warpcp {
        self.prefix.extend(prefix.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    pub(crate) fn umask(self, mask: u32) -> Warpcp {
        self.under(["sh", "-c", &format!("umask {mask:03o} && exec \"$@\""), "sh"])
    }

    pub(crate) fn in_directory(mut self, directory: &Path) -> Warpcp {
        self.directory = Some(directory.to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Warpcp {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Gives the command a file as its standard input.
    pub(crate) fn input(mut self, path: &Path) -> Warpcp {
        self.input = Some(path.to_owned());
        self
    }

    /// Runs as a user who owns nothing and is in no group; the caller is root.
    pub(crate) fn by_nobody(mut self) -> Warpcp {
        let scratch = Scratch::anywhere().expect("a place for a copy of the program");
        // By another process: while this one has it open for writing, whatever it forks cannot start it.
        let copied = Command::new("cp").args([&program(), &scratch.join("warpcp")]).status();
        assert!(copied.is_ok_and(|status| status.success()), "the program can be copied");
        self.reachable = Some(Rc::new(scratch));
        self.user = Some(NOBODY);
        self
    }

    /// Runs it under a filter that fails one system call, by the numbers of call and error: what `strace` does not know yet.
    pub(crate) fn forbidden(self, call: &str, error: &str) -> Warpcp {
        self.under(["python3", "-c", FORBIDDING, call, error])
    }

    /// Makes the kernel fail a call, in the words of `strace --inject`: `copy_file_range:error=EIO:when=2`.
    pub(crate) fn inject(mut self, what: &str) -> Warpcp {
        self.trace = Some(self.trace.unwrap_or_default().inject(what));
        self
    }

    /// Records these calls (a comma-separated list) in [`Outcome::trace`].
    pub(crate) fn trace(mut self, calls: &str) -> Warpcp {
        self.trace = Some(self.trace.unwrap_or_default().calls(calls));
        self
    }

    pub(crate) fn spawn(self) -> Running {
        hear_interrupts();
        let log = self.trace.as_ref().map(|_| Trace::new_log());
        let mut words: Vec<OsString> = Vec::new();
        if let (Some(trace), Some(log)) = (&self.trace, &log) {
            words.extend(trace.command(log));
        }
        words.extend(self.prefix);
        words.push(match &self.reachable {
            Some(scratch) => scratch.join("warpcp").into(),
            None => program().into(),
        });
        words.extend(self.args);

        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).process_group(0);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(match &self.input {
            Some(path) => Stdio::from(std::fs::File::open(path).unwrap()),
            None => Stdio::null(),
        });
        for name in ["POSIXLY_CORRECT", "SIMPLE_BACKUP_SUFFIX", "VERSION_CONTROL", "TMPDIR"] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").envs(self.environment);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        if let Some(user) = self.user {
            // The standard library clears the supplementary groups, too.
            command.uid(user).gid(user);
        }
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("start {}: {error}", words[0].to_string_lossy()));
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = drain(child.stderr.take().unwrap());
        Running { child, stdout, stderr, log, words, _reachable: self.reachable }
    }

    pub(crate) fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Runs, and asserts that everything was copied without a word.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Outcome {
        let outcome = self.run();
        outcome.assert_code(0);
        assert!(outcome.stderr.is_empty(), "{outcome}");
        outcome
    }

    /// Runs, and asserts that it failed as a command should: exit code 1 and a message of its own.
    #[track_caller]
    pub(crate) fn fails(self) -> Outcome {
        let outcome = self.run();
        outcome.assert_code(1);
        outcome.assert_message();
        outcome
    }
}

/// The program under test.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("WARPCP_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_warpcp")), PathBuf::from)
}

/// An interrupt ends this process, and every one that it starts: a shell ignores it for whoever is started with `&`, and
/// what is ignored is handed on, while what is handled becomes the default again (signal(7)).
fn hear_interrupts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let always = Arc::new(AtomicBool::new(true));
        register_conditional_shutdown(SIGINT, 128 + SIGINT, always).unwrap();
    });
}

fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes); // A killed run leaves what it wrote.
        bytes
    })
}

/// A run that is under way.
pub(crate) struct Running {
    child: Child,
    stdout: thread::JoinHandle<Vec<u8>>,
    stderr: thread::JoinHandle<Vec<u8>>,
    log: Option<PathBuf>,
    words: Vec<OsString>,
    _reachable: Option<Rc<Scratch>>,
}

impl Running {
    pub(crate) fn signal(&self, signal: Signal) {
        // The process may be gone already; that is for the caller's assertions.
        let _ = rustix::process::kill_process(self.pid(), signal);
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn wait(mut self) -> Outcome {
        let group = self.pid();
        let (done, is_done) = mpsc::channel::<()>();
        let watch = thread::spawn(move || {
            let hung = is_done.recv_timeout(HANGS_AFTER) == Err(mpsc::RecvTimeoutError::Timeout);
            if hung {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            hung
        });
        let status = self.child.wait().unwrap();
        drop(done);
        let outcome = Outcome {
            status,
            stdout: String::from_utf8_lossy(&self.stdout.join().unwrap()).into_owned(),
            stderr: String::from_utf8_lossy(&self.stderr.join().unwrap()).into_owned(),
            trace: self.log.as_deref().map(Trace::take_log).unwrap_or_default(),
            words: self.words,
        };
        assert!(!watch.join().unwrap(), "hangs: {outcome}");
        outcome
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The log of strace, if it was asked for.
    pub(crate) trace: String,
    words: Vec<OsString>,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        let tail = |text: &str| text.chars().take(3000).collect::<String>();
        write!(f, "{}\n{}", words.join(" "), self.status)?;
        write!(f, "\nstdout: {}\nstderr: {}", tail(&self.stdout), tail(&self.stderr))
    }
}

impl Outcome {
    pub(crate) fn is_success(&self) -> bool {
        self.status.success()
    }

    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{self}");
    }

    /// Asserts that there is a message, and that every line of it is one of the command's own.
    #[track_caller]
    pub(crate) fn assert_message(&self) {
        let program = program();
        let own = format!("{}: ", program.file_name().unwrap().to_string_lossy());
        assert!(!self.stderr.is_empty(), "no message: {self}");
        assert!(!self.stderr.contains("panicked"), "{self}");
        assert!(!self.stderr.contains("os error"), "{self}");
        assert!(self.stderr.lines().any(|line| line.starts_with(&own)), "{self}");
    }

    /// Asserts that standard error holds this text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Outcome {
        assert!(self.stderr.contains(text), "no {text:?} in: {self}");
        self
    }

    /// Asserts that standard output (`--debug`, `--verbose`) holds this text.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Outcome {
        assert!(self.stdout.contains(text), "no {text:?} in: {self}");
        self
    }

    /// How many calls were failed on purpose.
    pub(crate) fn injected(&self) -> usize {
        self.trace.matches("(INJECTED)").count() + self.trace.matches("(DELAYED)").count()
    }

    /// Asserts that the fault met a call: else the test proves nothing.
    #[track_caller]
    pub(crate) fn met_the_fault(self) -> Outcome {
        assert!(self.injected() > 0, "no call met the fault: {self}\n{}", self.trace);
        self
    }
}

/// Asserts that no temporary file of the command is below the directory.
#[track_caller]
pub(crate) fn assert_nothing_left_over(directory: &Path) {
    let left = left_over(directory);
    assert!(left.is_empty(), "left over: {left:?}");
}

/// Lists the temporary files of the command below the directory.
pub(crate) fn left_over(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().as_encoded_bytes().starts_with(b".warp") {
                found.push(entry.path());
            } else if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            }
        }
    }
    found
}
