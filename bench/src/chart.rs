//! One page with a bar chart for each cell: no script, nothing to load.

use std::fmt::Write;

use crate::keeps::{self, Kept};
use crate::program::{Class, class};
use crate::record::Record;
use crate::standing::{self, Rival};
use crate::stats::{self, Row};
use crate::table;

const LABEL: f64 = 150.0;
const BARS: f64 = 520.0;
const NUMBERS: f64 = 330.0;
const ROW: f64 = 22.0;

const STYLE: &str = "
:root { --ink: #1c2330; --soft: #6a7385; --paper: #fff; --ours: #0a7d5a; --peer: #8d99ae; --floor: #d9a441;
  --grid: #e3e7ee; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a1b3; --paper: #14181f;
  --ours: #35c796; --peer: #6b7690; --floor: #c99a3f; --grid: #2a313d; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .3rem; }
p, figcaption { color: var(--soft); margin: .2rem 0; }
svg { width: 100%; height: auto; display: block; }
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.soft { fill: var(--soft); } .ours { fill: var(--ours); } .peer { fill: var(--peer); }
.floor { fill: var(--floor); } .even { stroke: var(--ink); stroke-dasharray: 3 3; } .grid { stroke: var(--grid); } .spread { stroke: var(--ink); }
b.ours, b.peer, b.floor { padding: 0 .5em; color: var(--paper); border-radius: 3px; }
b.ours { background: var(--ours); } b.peer { background: var(--peer); } b.floor { background: var(--floor); }
";

pub fn html(records: &[Record], kept: &[Kept]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>warpcopy: measured</title>\n<style>{STYLE}</style>\n<h1>warpcopy beside others</h1>\n<p>{}. Median wall time over that of <code>cp -a</code> in the same round: shorter is faster. The thin line is the spread of the runs.</p>\n<p><b class=\"ours\">ours</b> <b class=\"peer\">peers</b> <b class=\"floor\">floor: fewest system calls, by hand</b> · * keeps all that <code>cp -a</code> keeps</p>\n",
        crate::machine::description()
    );
    let _ = write!(out, "<figure><h2>All cells</h2>\n{}</figure>\n", overview(records, kept));
    for (cell, records) in table::cells(records) {
        let mut rows = stats::rows(&records);
        rows.retain(|row| row.failures == 0);
        let _ = write!(out, "<figure><h2>{}</h2>\n{}</figure>\n", title(&cell), bars(&rows, kept));
    }
    out.push_str("</html>\n");
    out
}

/// One line for each cell: ours, the fastest peer and the floor, as dots on the scale of `cp -a`.
fn overview(records: &[Record], kept: &[Kept]) -> String {
    const WIDEST: f64 = 1.5;
    let label = LABEL + 110.0;
    let span = LABEL + BARS + NUMBERS - label - 40.0;
    let x = |ratio: f64| label + ratio.min(WIDEST) / WIDEST * span;
    let mut standings = standing::all(records, kept);
    standings.sort_by(|a, b| a.cell.cmp(&b.cell));
    let height = ROW * (standings.len() as f64 + 1.0);
    let mut svg =
        format!("<svg viewBox=\"0 0 {} {height:.0}\" role=\"img\">\n", LABEL + BARS + NUMBERS);
    for step in 0..=6 {
        let ratio = f64::from(step) / 4.0;
        let (at, bottom) = (x(ratio), height - ROW * 0.7);
        let class = if step == 4 { "even" } else { "grid" };
        let word = if step == 4 { "cp -a = 1".to_owned() } else { format!("{ratio:.2}") };
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{bottom:.0}\"/><text class=\"soft\" x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{word}</text>",
            height - 3.0
        );
    }
    for (index, standing) in standings.iter().enumerate() {
        let y = (index as f64 + 0.5) * ROW;
        let of = |rival: &Option<Rival>| rival.as_ref().map(|rival| rival.row.ratio);
        let dots = [
            ("floor", of(&standing.floor), 5.0),
            ("peer", of(&standing.peer), 5.0),
            ("ours", Some(standing.ours.ratio), 6.5),
        ];
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text><line class=\"grid\" x1=\"{label:.0}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            label - 10.0,
            y + 4.0,
            standing.cell,
            label + span
        );
        for (class, ratio, radius) in dots {
            let Some(ratio) = ratio.filter(|ratio| ratio.is_finite()) else { continue };
            let _ = writeln!(
                svg,
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"{radius}\"><title>{class}: {ratio:.2}</title></circle>",
                x(ratio)
            );
        }
    }
    svg.push_str("</svg>\n<p>Ours, the fastest peer whatever it keeps, and the fastest floor that keeps as much. Left is faster; what is slower than 1.5 is drawn there.</p>\n");
    svg
}

/// A cell's name in words.
fn title(cell: &str) -> String {
    let (set, places) = cell.split_once('@').unwrap_or((cell, ""));
    let what =
        crate::data::SETS.iter().find(|(name, _)| *name == set).map_or(set, |(_, what)| what);
    let (places, scale) = places.split_once(' ').unwrap_or((places, ""));
    let (places, temperature) = places.split_once('~').unwrap_or((places, "warm"));
    let places = places.replace('-', " to ");
    let scale = if scale.is_empty() { String::new() } else { format!(" {scale}") };
    format!("{what}{scale}: {places}, {temperature} <small>({cell})</small>")
}

fn bars(rows: &[Row], kept: &[Kept]) -> String {
    let longest = rows.iter().map(|row| row.ratio).filter(|r| r.is_finite()).fold(1.0, f64::max);
    // One runaway must not flatten the rest.
    let scale = BARS / longest.min(2.5);
    let (width, height) = (LABEL + BARS + NUMBERS, ROW * (rows.len() as f64 + 1.0));
    let mut svg = format!("<svg viewBox=\"0 0 {width} {height:.0}\" role=\"img\">\n");
    for step in 1..=(longest.min(2.5) * 4.0) as u32 {
        let x = LABEL + f64::from(step) / 4.0 * scale;
        let label =
            if step % 2 == 0 { format!("{:.1}", f64::from(step) / 4.0) } else { String::new() };
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{:.0}\"/><text class=\"soft\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>",
            height - ROW * 0.7,
            height - 4.0
        );
    }
    for (index, row) in rows.iter().enumerate() {
        bar(&mut svg, row, index as f64 * ROW, scale, is_keeper(&row.program, kept));
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, row: &Row, y: f64, scale: f64, keeps: bool) {
    let class = match class(&row.program) {
        Class::Ours => "ours",
        Class::Peer => "peer",
        Class::Floor => "floor",
    };
    let limit = |ratio: f64| (ratio * scale).clamp(0.0, BARS);
    let per_ratio = if row.ratio > 0.0 { row.wall / row.ratio } else { 1.0 };
    let (from, to) = (limit(row.wall_min / per_ratio), limit(row.wall_max / per_ratio));
    let middle = y + ROW / 2.0;
    let star = if keeps { " *" } else { "" };
    let _ = writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}{star}</text><rect class=\"{class}\" x=\"{LABEL}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\"/><line class=\"spread\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/><text x=\"{:.0}\" y=\"{:.1}\">{:.2}</text><text class=\"soft\" x=\"{:.0}\" y=\"{:.1}\">{}, CPU {}, {:.0} MiB, on disk {}</text>",
        LABEL - 8.0,
        middle + 4.0,
        row.program,
        y + 3.0,
        limit(row.ratio),
        ROW - 6.0,
        LABEL + from,
        LABEL + to,
        LABEL + BARS + 8.0,
        middle + 4.0,
        row.ratio,
        LABEL + BARS + 44.0,
        middle + 4.0,
        seconds(row.wall),
        seconds(row.cpu),
        row.peak_mib,
        seconds(row.durable)
    );
}

fn seconds(seconds: f64) -> String {
    match seconds < 0.1 {
        true => format!("{:.1} ms", seconds * 1000.0),
        false => format!("{seconds:.2} s"),
    }
}

fn is_keeper(program: &str, kept: &[Kept]) -> bool {
    keeps::of(program, kept).is_some_and(|kept| kept.lost.is_empty())
}
