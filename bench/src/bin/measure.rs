//! Runs one command and says what it cost, on one line of standard output.
//!
//! A process of its own, because a child's peak memory counts from its parent's: this parent is as small as can be.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let mut number = || words.next().and_then(|word| word.to_str()?.parse::<i64>().ok());
    let (Some(limit), Some(nice)) = (number(), number()) else { return usage() };
    let Some(program) = words.next() else { return usage() };
    if nice != 0 {
        go_before_others(nice);
    }
    let arguments: Vec<OsString> = words.collect();
    let start = Instant::now();
    let child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn();
    let Ok(child) = child else {
        eprintln!("measure: cannot start {}", program.display());
        return ExitCode::from(2);
    };
    let id = child.id() as libc::pid_t;
    // A program that hangs (on a FIFO, say) is ended; this thread outlives nothing.
    std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(move || {
            std::thread::sleep(Duration::from_secs(limit as u64));
            // SAFETY: a signal to a child that is not waited for yet, or to nobody.
            unsafe { libc::kill(id, libc::SIGKILL) };
        })
        .expect("a thread");
    let mut status = 0;
    // SAFETY: zeros are a valid rusage, and both pointers are to this function's own variables.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::wait4(id, &mut status, 0, &mut usage);
        usage
    };
    let wall = start.elapsed().as_secs_f64();
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let status = std::process::ExitStatus::from_raw(status);
    println!(
        "{wall:.6} {:.6} {:.6} {} {} {} {}",
        seconds(usage.ru_utime),
        seconds(usage.ru_stime),
        usage.ru_maxrss,
        usage.ru_nvcsw,
        usage.ru_nivcsw,
        status.code().unwrap_or(-1),
    );
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: measure SECONDS NICE PROGRAM [ARGUMENT]...");
    ExitCode::from(2)
}

/// On a machine that others use, a measured program may go before them: by priority within the session, and by the
/// session's priority where the kernel groups processes by session (sched(7), autogroup).
fn go_before_others(nice: i64) {
    // SAFETY: changes nothing but this process's own session and priority; without privilege they stay.
    unsafe {
        libc::setsid();
        libc::setpriority(libc::PRIO_PROCESS, 0, nice as libc::c_int);
    }
    let _ = std::fs::write("/proc/self/autogroup", nice.to_string()); // only where there are groups
}
