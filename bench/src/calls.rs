//! System calls and user-space instructions per small file: counts, not seconds, the same on every machine.
//!
//! Each program copies two trees that differ in nothing but the number of files; the difference is divided by the
//! files that are more. So starting up, and what a directory costs, does not count.

use std::collections::BTreeMap;
use std::path::Path;

use crate::data::{self, Recipe};
use crate::place::Place;
use crate::program::Programs;
use crate::tool::{run, text};

const FEW: u64 = 500;
const MANY: u64 = 1500;

type Counts = BTreeMap<String, u64>;

pub fn count(names: &[String], programs: &Programs, kind: &str, work: &Path) -> Result<(), String> {
    let place = Place::new(work, "calls", kind, 2)?;
    let mut sources = Vec::new();
    for files in [FEW, MANY] {
        let below = place.root.join(files.to_string());
        std::fs::create_dir(&below).map_err(|error| error.to_string())?;
        // w6 is 20,000 files in one directory.
        let recipe = Recipe { scale: files as f64 / 20_000.0, python: "".into() };
        sources.push(data::make("w6", &below, &recipe)?.path);
    }
    println!(
        "| program | calls per file | instructions per file | which calls |\n|---|---|---|---|"
    );
    for name in names {
        let target = place.root.join("copy");
        let command = |source| programs.command(name, text(source), text(&target), true);
        if command(&sources[0]).is_none() {
            continue;
        }
        let mut calls = Vec::new();
        let mut instructions = Vec::new();
        for source in &sources {
            let words = command(source).expect("it was there a moment ago");
            calls.push(traced(&words, &place.root.join("trace"))?);
            run("rm", &["-rf", text(&target)])?;
            instructions.push(instructions_of(&words));
            run("rm", &["-rf", text(&target)])?;
        }
        println!("{}", line(name, &calls, &instructions));
    }
    Ok(())
}

fn line(name: &str, calls: &[Counts], instructions: &[Option<u64>]) -> String {
    let more = (MANY - FEW) as f64;
    let of = |counts: &Counts, call: &str| counts.get(call).copied().unwrap_or(0) as f64;
    let per_file: Vec<(f64, &String)> = calls[1]
        .keys()
        .map(|call| ((of(&calls[1], call) - of(&calls[0], call)) / more, call))
        .filter(|(count, _)| *count > 0.005)
        .collect();
    let total: f64 = per_file.iter().map(|(count, _)| count).sum();
    let which: Vec<String> =
        per_file.iter().map(|(count, call)| format!("{call} {count:.2}")).collect();
    let instructions = match (instructions[0], instructions[1]) {
        (Some(few), Some(many)) => format!("{:.0}", (many as f64 - few as f64) / more),
        _ => "–".to_owned(),
    };
    format!("| {name} | {total:.2} | {instructions} | {} |", which.join(", "))
}

/// Counts calls with `strace -f -c`.
fn traced(words: &[String], log: &Path) -> Result<Counts, String> {
    let mut all = vec!["-f", "-c", "-o", text(log)];
    all.extend(words.iter().map(String::as_str));
    run("strace", &all)?;
    let table = std::fs::read_to_string(log).map_err(|error| error.to_string())?;
    let mut counts = Counts::new();
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        // % time, seconds, usecs/call, calls, [errors], name
        if let [_, _, _, calls, .., name] = words[..]
            && let Ok(calls) = calls.parse()
            && name != "total"
        {
            counts.insert(name.to_owned(), calls);
        }
    }
    Ok(counts)
}

/// Counts instructions with callgrind; `None` where there is no valgrind or it cannot run the program.
fn instructions_of(words: &[String]) -> Option<u64> {
    let mut all = vec!["--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-children=no"];
    all.extend(words.iter().map(String::as_str));
    let output = std::process::Command::new("valgrind").args(all).output().ok()?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = complaint.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}
