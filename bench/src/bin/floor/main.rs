//! The floor: the fewest system calls that copy a file or a tree, written by hand and without care for anything
//! that may go wrong. Not for copying; for knowing what a copy cannot cost less than.

mod buffer;
mod content;
mod keep;
mod leaf;
mod listing;
mod mapping;
mod placing;
mod single;
mod spec;
mod stack;
mod tree;
mod uring;

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use rustix::fs::{CWD, FileType, Mode};
use spec::Spec;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let spec = words.next().and_then(|name| Spec::parse(name.to_str()?));
    let mut path = || words.next().and_then(|word| CString::new(word.into_vec()).ok());
    let (Some(spec), Some(source), Some(target)) = (spec, path(), path()) else {
        eprintln!("usage: floor f3[KnUI]-METHOD[KIB][SKIB][cMIB][oBYTES]-jTHREADS SOURCE TARGET");
        return ExitCode::from(2);
    };
    // The modes asked for are the modes made.
    rustix::process::umask(if spec.keeps_all { Mode::empty() } else { Mode::from(0o022) });
    let answer = rustix::fs::statat(CWD, &source, rustix::fs::AtFlags::empty()).and_then(|stat| {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => tree::copy(&spec, source, target),
            _ => single::copy(&spec, &source, &target),
        }
    });
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(errno) => {
            eprintln!("floor: {errno}");
            ExitCode::FAILURE
        }
    }
}
