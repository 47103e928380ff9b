//! What each program keeps of a small tree that has everything in it: checked, not assumed.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::odd;
use crate::place::Place;
use crate::program::{self, Class, Programs, class};
use crate::record;
use crate::tool::{run, text};

/// What was found about one program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    pub program: String,
    pub file_system: String,
    pub lost: Vec<String>,
}

impl Kept {
    pub fn losses(&self) -> String {
        match self.lost.is_empty() {
            true => "–".to_owned(),
            false => self.lost.join(", "),
        }
    }
}

/// What is known of a program; a variant of ours keeps what ours keeps, one of a floor what its letters say.
pub fn of<'a>(program: &str, kept: &'a [Kept]) -> Option<&'a Kept> {
    let find = |name: &str| kept.iter().rev().find(|kept| kept.program == name);
    let head = program.split('-').next().unwrap_or(program);
    find(program).or_else(|| match class(program) {
        Class::Ours => find(head),
        Class::Floor => kept
            .iter()
            .rev()
            .find(|kept| kept.program.starts_with("f3") && has_k(&kept.program) == has_k(head)),
        Class::Peer => None,
    })
}

fn has_k(floor: &str) -> bool {
    floor.split('-').next().is_some_and(|head| head.contains('K'))
}

/// Checks programs on one file system and appends what was found.
pub fn check(
    names: &[String],
    programs: &Programs,
    kind: &str,
    work: &Path,
    out: &Path,
) -> Result<(), String> {
    let place = Place::new(work, "keeps", kind, 2)?;
    for name in names {
        let Some(mut lost) = try_one(name, programs, &place.root, true)? else { continue };
        if lost.contains("everything: it hangs") {
            lost = try_one(name, programs, &place.root, false)?.expect("it is installed");
            lost.insert("FIFOs (hangs)".to_owned());
        }
        let lost: Vec<String> = lost.into_iter().collect();
        let kept = Kept { program: name.clone(), file_system: kind.to_owned(), lost };
        println!("{kind} {name}: {}", kept.losses());
        record::append(&out.join("keeps.jsonl"), &kept)?;
    }
    Ok(())
}

fn try_one(
    name: &str,
    programs: &Programs,
    root: &Path,
    with_fifo: bool,
) -> Result<Option<BTreeSet<String>>, String> {
    let (source, target) = (root.join("odd"), root.join("copy"));
    run("rm", &["-rf", text(&source), text(&target)])?;
    odd::make(&source, with_fifo).map_err(|error| format!("{}: {error}", source.display()))?;
    let Some(words) = programs.command(name, text(&source), text(&target), true) else {
        return Ok(None);
    };
    let output = Command::new(programs.own.join("measure"))
        .args(["20", "0"])
        .args(&words)
        .output()
        .map_err(|error| error.to_string())?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lost = BTreeSet::new();
    match line.split_whitespace().last() {
        Some("0") => {}
        Some("-1") => {
            lost.insert("everything: it hangs".to_owned());
            return Ok(Some(lost));
        }
        status => {
            lost.insert(format!("(exit {})", status.unwrap_or("?")));
        }
    }
    let copy = program::lands_at(name, &source, &target);
    compare(&source, &copy, &mut lost);
    compare_links(&copy, &mut lost);
    Ok(Some(lost))
}

/// Compares one node, and what is below it.
fn compare(source: &Path, target: &Path, lost: &mut BTreeSet<String>) {
    let mut lose = |what: &str| {
        lost.insert(what.to_owned());
    };
    let Ok(old) = fs::symlink_metadata(source) else { return };
    let kind = kind_of(&old);
    let Ok(new) = fs::symlink_metadata(target) else { return lose(&format!("some {kind}")) };
    if old.file_type() != new.file_type() {
        return lose(&format!("some {kind}"));
    }
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        lose("owners");
    }
    if !old.is_symlink() {
        if old.mode() & 0o777 != new.mode() & 0o777 {
            lose(&format!("modes of {kind}"));
        }
        if old.mode() & 0o7000 != new.mode() & 0o7000 {
            lose("set-id and sticky bits");
        }
        if odd::attributes(source, false) != odd::attributes(target, false) {
            lose("extended attributes");
        }
        if odd::attributes(source, true) != odd::attributes(target, true) {
            lose("access control lists");
        }
    }
    if (old.mtime(), old.mtime_nsec()) != (new.mtime(), new.mtime_nsec()) {
        lose(&format!("times of {kind}"));
    }
    if old.is_symlink() && fs::read_link(source).ok() != fs::read_link(target).ok() {
        lose("text of symbolic links");
    }
    if old.is_file() {
        if fs::read(source).ok() != fs::read(target).ok() {
            lose("content");
        }
        if new.blocks() > old.blocks() * 2 + 128 {
            lose("holes");
        }
    }
    if old.is_dir() {
        for entry in fs::read_dir(source).into_iter().flatten().flatten() {
            compare(&entry.path(), &target.join(entry.file_name()), lost);
        }
    }
}

fn kind_of(facts: &Metadata) -> &'static str {
    let kind = facts.file_type();
    match () {
        () if kind.is_dir() => "directories",
        () if kind.is_symlink() => "symbolic links",
        () if kind.is_fifo() => "FIFOs",
        () => "files",
    }
}

fn compare_links(target: &Path, lost: &mut BTreeSet<String>) {
    let inode = |path: PathBuf| fs::symlink_metadata(path).map(|facts| facts.ino()).ok();
    if inode(target.join("linked")) != inode(target.join("inner/linked too")) {
        lost.insert("hard links".to_owned());
    }
}
