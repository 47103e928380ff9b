//! One measured run, as it is kept: a line of JSON.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::wake;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// Data set and file systems: `w4@ext4`, `w1@ext4-xfs~cold`.
    pub cell: String,
    pub program: String,
    /// Rounds of one call of the harness are compared with each other.
    pub session: u64,
    pub round: u32,
    pub scale: f64,
    pub wall: f64,
    pub user: f64,
    pub system: f64,
    /// Peak memory of the process, KiB.
    pub peak_kib: u64,
    /// Seconds until everything was on disk, after the process had ended.
    pub sync: f64,
    /// Processor seconds that others used meanwhile: kernel threads for this copy, and strangers.
    pub others: f64,
    pub load: f64,
    /// How much longer all processors took together than one alone, just before; 0 where nobody looked.
    #[serde(default)]
    pub together: f64,
    pub exit: i32,
}

impl Record {
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// Nobody else took much of the machine, as far as it can be seen.
    pub fn is_quiet(&self) -> bool {
        self.others < 0.15 * self.wall + 0.02 && self.together <= wake::TOGETHER_MAX
    }
}

pub fn append(path: &Path, record: &impl Serialize) -> Result<(), String> {
    let line = serde_json::to_string(record).map_err(|error| error.to_string())?;
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| writeln!(file, "{line}"))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads all lines; a file that does not exist has none.
pub fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<T>, String> {
    let Ok(text) = std::fs::read_to_string(path) else { return Ok(Vec::new()) };
    text.lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{line}: {error}")))
        .collect()
}
