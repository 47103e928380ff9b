//! A process of its own: the umask, the working directory and the descriptors belong to all threads.

use std::process::Command;
use std::thread;

/// Runs `check` in a process in which nothing else runs.
#[track_caller]
pub(crate) fn in_a_process_of_its_own(check: impl FnOnce()) {
    const MARK: &str = "WARPCOPY_IT_ALONE";
    let test = thread::current().name().expect("a test's thread has its name").to_owned();
    if std::env::var_os(MARK).is_some_and(|value| value.to_str() == Some(&test)) {
        return check();
    }
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "--nocapture", "--test-threads=1", &test];
    let output = Command::new(program).args(arguments).env(MARK, &test).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("1 passed"), "the test was not found: {out}{err}");
}
