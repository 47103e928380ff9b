//! Data sets: what is copied.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::random::Random;
use crate::tool::{run, text};

/// A data set's name, as it is written in a cell, and what it is.
pub const SETS: [(&str, &str); 11] = [
    ("w0", "one file of 1 KiB"),
    ("w1", "one file of 1 GiB"),
    ("w2", "100 files of 10 MiB"),
    ("w3", "a Python environment"),
    ("w4", "100,000 files of 1 KiB in 1,000 directories"),
    ("w5", "one sparse file of 10 GiB with 64 MiB of data"),
    ("w6", "20,000 files of 1 KiB in one directory"),
    ("w7", "1,000,000 files of 100 bytes in 10,000 directories"),
    ("o<n>", "one file of n MiB"),
    ("d<n>", "n files of 1 KiB in one directory"),
    ("t<n>", "files of n KiB, at most 20,000 of them and 1 GiB: where does which method pay?"),
];

/// How data sets are made.
#[derive(Clone)]
pub struct Recipe {
    /// Sizes or counts are multiplied with this.
    pub scale: f64,
    /// The Python environment to copy from.
    pub python: PathBuf,
}

/// What a set looks like when it is made.
pub struct Set {
    pub path: PathBuf,
    pub bytes: u64,
    pub names: u64,
    pub is_tree: bool,
}

/// Makes a data set below a directory.
pub fn make(name: &str, below: &Path, recipe: &Recipe) -> Result<Set, String> {
    let path = below.join("source");
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let scaled = |number: u64| ((number as f64 * recipe.scale) as u64).max(1);
    match name {
        "w0" => file(&path, 1 << 10),
        "w1" => file(&path, scaled(1 << 30)),
        "w2" => flat(&path, 100, scaled(10 << 20)),
        "w3" => {
            run("cp", &["-a", text(&recipe.python), text(&path)])?;
            Ok(())
        }
        .map_err(|error: String| std::io::Error::other(error)),
        "w4" => in_directories(&path, scaled(1000), 100, 1 << 10),
        "w5" => sparse(&path, scaled(10 << 30), scaled(64 << 20)),
        "w6" => flat(&path, scaled(20_000), 1 << 10),
        "w7" => in_directories(&path, scaled(10_000), 100, 100),
        sized => match (sized.get(..1), sized.get(1..).and_then(|n| n.parse::<u64>().ok())) {
            (Some("t"), Some(kib)) => {
                let directories = (scaled(1 << 30) / (kib << 10) / 100).min(scaled(200)).max(1);
                in_directories(&path, directories, 100, kib << 10)
            }
            (Some("o"), Some(mib)) => file(&path, mib << 20),
            (Some("d"), Some(count)) => flat(&path, count, 1 << 10),
            _ => return Err(format!("{sized}: no such data set; {SETS:?}")),
        },
    }
    .map_err(failed)?;
    let sum = |words: &[&str]| -> Result<u64, String> {
        let answer = run("du", words)?;
        Ok(answer.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0))
    };
    let (bytes, names) = (sum(&["-sB1", text(&path)])?, sum(&["-s", "--inodes", text(&path)])?);
    Ok(Set { bytes, names, is_tree: path.is_dir(), path })
}

fn file(path: &Path, bytes: u64) -> std::io::Result<()> {
    let mut random = Random::new(bytes);
    let mut file = fs::File::create(path)?;
    let mut block = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let count = left.min(block.len() as u64) as usize;
        random.fill(&mut block[..count]);
        file.write_all(&block[..count])?;
        left -= count as u64;
    }
    Ok(())
}

/// Writes a file again, with the content it has: what is in memory is then not on the disk.
pub fn write_again(path: &Path) -> std::io::Result<()> {
    let content = fs::read(path)?;
    // In place: a file that was cut and written anew is written out when it is closed.
    fs::OpenOptions::new().write(true).open(path)?.write_all(&content)
}

/// Makes an existing file differ from its copies, at its end.
pub fn change_last_byte(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt;
    let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(()) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    file.write_all_at(&[!byte[0]], last)
}

fn flat(directory: &Path, count: u64, bytes: u64) -> std::io::Result<()> {
    fs::create_dir(directory)?;
    (0..count).try_for_each(|number| file(&directory.join(format!("file-{number:06}")), bytes))
}

fn in_directories(path: &Path, count: u64, each: u64, bytes: u64) -> std::io::Result<()> {
    fs::create_dir(path)?;
    (0..count)
        .try_for_each(|number| flat(&path.join(format!("directory-{number:05}")), each, bytes))
}

/// Data in 64 pieces, evenly spread.
fn sparse(path: &Path, bytes: u64, data: u64) -> std::io::Result<()> {
    const PIECES: u64 = 64;
    let file = fs::File::create(path)?;
    file.set_len(bytes)?;
    let mut block = vec![0; (data / PIECES) as usize];
    let mut random = Random::new(bytes);
    for piece in 0..PIECES {
        random.fill(&mut block);
        // On a block's border, as whoever makes holes does.
        file.write_all_at(&block, bytes / PIECES * piece / 4096 * 4096)?;
    }
    Ok(())
}
