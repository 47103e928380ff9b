//! Rounds: every program once, in a new order each time.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::cell::{Cell, State};
use crate::data::Recipe;
use crate::machine;
use crate::program::Programs;
use crate::random::Random;
use crate::record::{self, Record};
use crate::stage::Stage;
use crate::tool::text;
use crate::wake;

/// What one call of `bench run` was asked for.
#[derive(Clone)]
pub struct Plan {
    pub work: std::path::PathBuf,
    pub out: std::path::PathBuf,
    pub names: Vec<String>,
    pub rounds: u32,
    pub gib: u64,
    pub limit_seconds: u64,
    /// The programs' priority: below zero they go before whatever else runs.
    pub nice: i32,
    pub recipe: Recipe,
}

/// Measures one cell.
pub fn measure(plan: &Plan, programs: &Programs, cell: &Cell) -> Result<(), String> {
    let mut stage = Stage::build(cell, &plan.work, plan.gib, &plan.recipe)?;
    stage.settle()?;
    let session = seconds_since_1970();
    let mut random = Random::new(session);
    let mut names = plan.names.clone();
    names.retain(|name| {
        let is_there = programs.command(name, "a", "b", stage.set.is_tree).is_some();
        if !is_there {
            eprintln!("{name}: not there, or not for this data set");
        }
        is_there
    });
    for round in 0..plan.rounds {
        random.shuffle(&mut names);
        for name in &names {
            let target = stage.next_target()?;
            match cell.state {
                State::Warm => {}
                State::Cold => stage.make_cold()?,
                State::Dirty => stage.make_dirty()?,
                State::Again => stage.make_target(&target)?,
                State::Older => {
                    stage.make_target(&target)?;
                    stage.make_older(&target)?;
                }
            }
            let words = programs
                .command(name, &stage.source_over(&target), text(&target), stage.set.is_tree)
                .expect("it was there a moment ago");
            let run = run(&programs.own, plan, &words)?;
            let start = Instant::now();
            stage.sync()?;
            let record = Record {
                cell: cell.name.clone(),
                program: name.clone(),
                session,
                round,
                scale: plan.recipe.scale,
                sync: start.elapsed().as_secs_f64(),
                ..run
            };
            eprintln!(
                "{} {round} {name}: {:.3} s, cpu {:.3}, {} KiB, sync {:.2}, others {:.2}, together {:.2}, exit {}",
                cell.name,
                record.wall,
                record.cpu(),
                record.peak_kib,
                record.sync,
                record.others,
                record.together,
                record.exit
            );
            record::append(&plan.out.join("runs.jsonl"), &record)?;
            stage.leave(&target);
        }
        stage.settle()?;
    }
    Ok(())
}

/// Runs one command under the small helper.
fn run(own: &Path, plan: &Plan, words: &[String]) -> Result<Record, String> {
    let load = machine::load();
    let together = wake::wake();
    let busy = machine::busy_seconds();
    let output = Command::new(own.join("measure"))
        .args([plan.limit_seconds.to_string(), plan.nice.to_string()])
        .args(words)
        .output()
        .map_err(|error| format!("measure: {error}"))?;
    let busy = machine::busy_seconds() - busy;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [wall, user, system, peak, _, _, exit] = numbers[..] else {
        return Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)));
    };
    if exit != 0.0 {
        let complaint = String::from_utf8_lossy(&output.stderr);
        eprintln!("{}: {}", words.join(" "), complaint.lines().next().unwrap_or_default());
    }
    Ok(Record {
        cell: String::new(),
        program: String::new(),
        session: 0,
        round: 0,
        scale: 1.0,
        wall,
        user,
        system,
        peak_kib: peak as u64,
        sync: 0.0,
        others: (busy - user - system).max(0.0),
        load,
        together,
        exit: exit as i32,
    })
}

fn seconds_since_1970() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs())
}
