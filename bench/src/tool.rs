//! Other programs, run to their end; what they say when they fail is the error.

use std::path::Path;
use std::process::Command;

/// Runs a program; its standard output, or what it complained about.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    run_in(Path::new("."), program, arguments)
}

pub fn run_in(directory: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let mut lines = complaint.lines();
            let said = lines.clone().find(|line| line.starts_with("error")).or(lines.next_back());
            Err(format!("{program} {}: {}", arguments.join(" "), said.unwrap_or("no message")))
        }
    }
}

/// A path as text; data sets and work directories are named by whoever measures, in plain characters.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("paths of a benchmark are plain text")
}
