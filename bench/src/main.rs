//! Measures warpcopy beside other copying programs and beside the floor. See README.md.

mod args;
mod calls;
mod cell;
mod chart;
mod data;
mod keeps;
mod machine;
mod odd;
mod peers;
mod place;
mod program;
mod random;
mod record;
mod rounds;
mod rules;
mod stage;
mod standing;
mod stats;
mod table;
mod tool;
mod wake;

use std::path::PathBuf;
use std::process::ExitCode;

use args::Args;
use cell::Cell;
use data::Recipe;
use program::Programs;
use rounds::Plan;

const USAGE: &str =
    "usage: bench peers|run|rules|keeps|calls|report --flag value...; see README.md";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let answer = Args::parse(words).and_then(|args| match verb.as_str() {
        "run" => run(&args),
        "rules" => rules(&args),
        "report" => report(&args),
        "keeps" => keeps(&args),
        "calls" => count_calls(&args),
        "peers" => peers(&args),
        _ => Err(USAGE.to_owned()),
    });
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

fn programs(args: &Args) -> Result<Programs, String> {
    let build = |text: String| match text.split_once('=') {
        Some((label, path)) => (label.to_owned(), absolute(path)),
        None => ("warpcp".to_owned(), absolute(&text)),
    };
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(Programs {
        builds: args.list("build", "../target/release/warpcp").into_iter().map(build).collect(),
        peers: args.path("peers", "installed"),
        own: own.parent().expect("a program lies in a directory").to_owned(),
    })
}

/// Measures cells.
fn run(args: &Args) -> Result<(), String> {
    let plan = plan(args, args.path("out", "results"), 1.0)?;
    let cells: Result<Vec<Cell>, String> =
        args.list("cells", "w4@ext4").iter().map(|name| Cell::parse(name)).collect();
    place::enter_private_namespace()?;
    let programs = programs(args)?;
    cells?.iter().try_for_each(|cell| rounds::measure(&plan, &programs, cell))?;
    report(args)
}

/// Measures both sides of each rule that chooses a method.
fn rules(args: &Args) -> Result<(), String> {
    let out = args.path("out", "results");
    let plan = plan(args, out.join("rules"), 0.2)?;
    place::enter_private_namespace()?;
    rules::check(&plan, &programs(args)?, &args.text("only", ""))?;
    let table = rules::markdown(&record::read(&plan.out.join("runs.jsonl"))?);
    print!("{table}");
    std::fs::write(out.join("rules.md"), table).map_err(|error| error.to_string())
}

fn plan(args: &Args, out: PathBuf, scale: f64) -> Result<Plan, String> {
    std::fs::create_dir_all(&out).map_err(|error| error.to_string())?;
    Ok(Plan {
        work: args.path("work", "work"),
        out,
        names: names(args),
        rounds: args.number("rounds", 7.0)? as u32,
        gib: args.number("gib", 16.0)? as u64,
        nice: args.number("nice", 0.0)? as i32,
        limit_seconds: args.number("limit", 300.0)? as u64,
        recipe: Recipe { scale: args.number("scale", scale)?, python: args.path("python", "env") },
    })
}

/// Installs the peers and the Python environment.
fn peers(args: &Args) -> Result<(), String> {
    peers::install(&args.path("peers", "installed"), &args.path("sources", "peers"))?;
    peers::environment(&args.path("python", "env"))
}

/// Checks what programs keep.
fn keeps(args: &Args) -> Result<(), String> {
    let out = args.path("out", "results");
    std::fs::create_dir_all(&out).map_err(|error| error.to_string())?;
    place::enter_private_namespace()?;
    let programs = programs(args)?;
    for kind in args.list("file-systems", "ext4,xfs,btrfs,tmpfs") {
        keeps::check(&names(args), &programs, &kind, &args.path("work", "work"), &out)?;
    }
    Ok(())
}

/// Counts system calls and user instructions per small file.
fn count_calls(args: &Args) -> Result<(), String> {
    place::enter_private_namespace()?;
    let kind = args.text("file-system", "tmpfs");
    calls::count(&names(args), &programs(args)?, &kind, &args.path("work", "work"))
}

fn names(args: &Args) -> Vec<String> {
    let names = args.list("programs", "warpcp,warpcp-j1,peers,floor");
    names.iter().flat_map(|name| program::group(name)).collect()
}

/// Makes tables and the chart of all runs so far.
fn report(args: &Args) -> Result<(), String> {
    let out = args.path("out", "results");
    let records: Vec<record::Record> = record::read(&out.join("runs.jsonl"))?;
    let kept = record::read(&out.join("keeps.jsonl"))?;
    let tables = table::markdown(&records, &kept);
    std::fs::write(out.join("tables.md"), tables).map_err(|error| error.to_string())?;
    let chart = chart::html(&records, &kept);
    std::fs::write(out.join("chart.html"), chart).map_err(|error| error.to_string())
}
