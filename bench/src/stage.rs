//! Where one cell is measured: its file systems with the data set, and the targets made so far.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Advice;

use crate::cell::Cell;
use crate::data::{self, Recipe, Set};
use crate::place::Place;
use crate::tool::{self, text};

/// From this size on the pages of a finished copy are dropped; a round of smaller ones has room in memory, and opening
/// 100,000 files again takes longer than many a run.
const DROPPED_FROM_BYTES: u64 = 512 << 20;

/// So many freed inodes are felt by whoever makes a file on ext4.
const FREED_MANY: u64 = 1000;

pub struct Stage {
    pub set: Set,
    source: Place,
    target: Option<Place>,
    made: u32,
}

impl Stage {
    pub fn build(cell: &Cell, work: &Path, gib: u64, recipe: &Recipe) -> Result<Stage, String> {
        let source = Place::new(work, "source", &cell.source, gib)?;
        let target = match &cell.target {
            Some(kind) => Some(Place::new(work, "target", kind, gib)?),
            None => None,
        };
        let set = data::make(&cell.set, &source.root, recipe)?;
        let stage = Stage { set, source, target, made: 0 };
        stage.sync()?;
        stage.warm();
        Ok(stage)
    }

    fn target_place(&self) -> &Place {
        self.target.as_ref().unwrap_or(&self.source)
    }

    /// Reads the whole source once.
    fn warm(&self) {
        for_each_file(&self.set.path, &mut |path| {
            let _ = fs::File::open(path)
                .and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()));
        });
    }

    pub fn make_cold(&self) -> Result<(), String> {
        self.source.make_cold()?;
        self.target.as_ref().map_or(Ok(()), Place::make_cold)
    }

    pub fn make_dirty(&self) -> Result<(), String> {
        data::write_again(&self.set.path).map_err(|error| error.to_string())
    }

    /// Makes a copy that has the target's name before.
    pub fn make_target(&self, target: &Path) -> Result<(), String> {
        tool::run("cp", &["-aT", text(&self.set.path), text(target)])?;
        self.sync()
    }

    /// Changes the last byte of each file.
    pub fn make_older(&self, target: &Path) -> Result<(), String> {
        let mut answer = Ok(());
        for_each_file(target, &mut |path| {
            if let Err(error) = data::change_last_byte(path) {
                answer = Err(format!("{}: {error}", path.display()));
            }
        });
        answer.and_then(|()| self.sync())
    }

    /// The source as programs are told it: what is in a directory, if the target is one already.
    pub fn source_over(&self, target: &Path) -> String {
        let path = text(&self.set.path);
        if target.is_dir() { format!("{path}/.") } else { path.to_owned() }
    }

    pub fn sync(&self) -> Result<(), String> {
        self.source.sync()?;
        self.target.as_ref().map_or(Ok(()), Place::sync)
    }

    /// A fresh directory, and the name in it that a program is to make.
    pub fn next_target(&mut self) -> Result<PathBuf, String> {
        let (bytes, names) = (self.set.bytes * 3 / 2 + (64 << 20), self.set.names * 5 / 4 + 100);
        if !self.target_place().has_room(bytes, names) {
            self.settle()?;
        }
        self.made += 1;
        let directory = self.target_place().root.join("targets").join(self.made.to_string());
        fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        self.sync()?;
        Ok(directory.join("copy"))
    }

    /// A copy was measured: its pages are not to be in the way of the next one.
    pub fn leave(&self, target: &Path) {
        if self.target_place().kind == "tmpfs" {
            remove(target);
            return;
        }
        if self.set.bytes < DROPPED_FROM_BYTES {
            return;
        }
        for_each_file(target, &mut |path| {
            if let Ok(file) = fs::File::open(path) {
                let _ = rustix::fs::fadvise(file.as_fd(), 0, None, Advice::DontNeed);
            }
        });
    }

    /// Removes all copies and waits until the file system has forgotten them: for five seconds ext4 does not use
    /// freed inodes again and searches past them, which makes every program five to eight times slower.
    pub fn settle(&mut self) -> Result<(), String> {
        remove(&self.target_place().root.join("targets"));
        self.sync()?;
        let pause = match self.target_place().kind.as_str() {
            // A handful of freed inodes is searched past in no time.
            "ext4" if self.set.names < FREED_MANY => Duration::from_millis(100),
            "ext4" => Duration::from_millis(6500),
            "tmpfs" => Duration::ZERO,
            _ => Duration::from_millis(1000),
        };
        std::thread::sleep(pause);
        self.sync()
    }
}

fn remove(path: &Path) {
    // Best effort: what stays only takes room. `rm` copes with modes that forbid it.
    let _ = tool::run("rm", &["-rf", text(path)]);
}

fn for_each_file(path: &Path, each: &mut dyn FnMut(&Path)) {
    let Ok(facts) = fs::symlink_metadata(path) else { return };
    if facts.is_file() {
        each(path);
    } else if facts.is_dir() {
        let Ok(entries) = fs::read_dir(path) else { return };
        entries.flatten().for_each(|entry| for_each_file(&entry.path(), each));
    }
}
