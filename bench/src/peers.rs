//! Gets the peers from the package registries, one after another and with the lowest priority.

use std::fs;
use std::path::Path;

use crate::tool::{run, run_in, text};

/// Crates with the binaries that are measured.
const CRATES: [&str; 7] = ["xcp", "cpz", "fcp", "uu_cp", "cpx", "lms", "rcp-tools-rcp"];

/// Installs what is missing; what cannot be had is said and left out.
pub fn install(into: &Path, sources: &Path) -> Result<(), String> {
    fs::create_dir_all(into).map_err(|error| format!("{}: {error}", into.display()))?;
    for name in CRATES {
        say(name, cargo_install(into, name));
    }
    for name in ["iocopy", "buf32"] {
        say(&format!("go-{name}"), go_build(into, &sources.join(name), name));
    }
    say("shutil", python(into, sources));
    for (name, package) in [("rsync", "rsync"), ("cp", "coreutils")] {
        let answer = run(name, &["--version"]);
        say(name, answer.map(drop).map_err(|_| format!("not there: apt-get install {package}")));
    }
    Ok(())
}

fn say(name: &str, answer: Result<(), String>) {
    match answer {
        Ok(()) => println!("{name}: installed"),
        Err(error) => println!("{name}: not installed: {error}"),
    }
}

fn cargo_install(into: &Path, name: &str) -> Result<(), String> {
    let root = into.join(name);
    if root.join("bin").exists() {
        return Ok(());
    }
    let target = into.join("target");
    // rcp-tools does not compile without this.
    let flags = "RUSTFLAGS=--cfg tokio_unstable";
    let words = [
        flags,
        "nice",
        "-n",
        "19",
        "cargo",
        "install",
        "--locked",
        "--quiet",
        "-j1",
        "--target-dir",
        text(&target),
        "--root",
        text(&root),
        name,
    ];
    run("env", &words).map(drop)
}

fn go_build(into: &Path, source: &Path, name: &str) -> Result<(), String> {
    let binary = into.join(format!("go-{name}/bin/go-{name}"));
    fs::create_dir_all(binary.parent().expect("in bin")).map_err(|error| error.to_string())?;
    run_in(source, "nice", &["-n", "19", "go", "build", "-o", text(&binary), "main.go"]).map(drop)
}

/// The interpreter itself, without a shim that would be measured with it.
fn python(into: &Path, sources: &Path) -> Result<(), String> {
    let real = run("python3", &["-c", "import sys; print(sys.executable)"])?;
    let bin = into.join("shutil/bin");
    fs::create_dir_all(&bin).map_err(|error| error.to_string())?;
    let link = bin.join("python3");
    let _ = fs::remove_file(&link); // of an earlier call
    std::os::unix::fs::symlink(real.trim(), link).map_err(|error| error.to_string())?;
    fs::copy(sources.join("copytree.py"), bin.join("copytree.py"))
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Makes a Python environment of many files, with byte code, if it is not there.
pub fn environment(path: &Path) -> Result<(), String> {
    const PACKAGES: [&str; 10] = [
        "numpy",
        "scipy",
        "pandas",
        "jupyterlab",
        "matplotlib",
        "scikit-learn",
        "sympy",
        "django",
        "botocore",
        "notebook",
    ];
    if path.exists() {
        return Ok(());
    }
    run("python3", &["-m", "venv", text(path)])?;
    let pip = path.join("bin/pip");
    let words = [&["-n", "19", text(&pip), "install", "--quiet"][..], &PACKAGES[..]].concat();
    run("nice", &words).map(drop)
}
