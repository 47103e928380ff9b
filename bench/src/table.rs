//! Tables in Markdown: one for each cell.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::keeps::{self, Kept};
use crate::record::Record;
use crate::standing;
use crate::stats::{self, seconds};

/// All cells, in the order of their names; those of another scale apart.
pub fn cells(records: &[Record]) -> BTreeMap<String, Vec<Record>> {
    let mut cells: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records {
        let cell = match record.scale {
            1.0 => record.cell.clone(),
            scale => format!("{} ×{scale}", record.cell),
        };
        cells.entry(cell).or_default().push(record.clone());
    }
    cells
}

pub fn markdown(records: &[Record], kept: &[Kept]) -> String {
    let mut out = format!("# Measured\n\n{}\n", crate::machine::description());
    out.push_str(&standing::markdown(records, kept));
    for (cell, records) in cells(records) {
        let _ = write!(
            out,
            "\n## {cell}\n\n| program | wall s | min–max | over {} | CPU s | s until on disk | peak MiB | others' CPU s | quiet runs | does not keep |\n|---|---|---|---|---|---|---|---|---|---|\n",
            stats::reference(&records)
        );
        for row in stats::rows(&records) {
            let lost = keeps::of(&row.program, kept).map_or("not checked".into(), Kept::losses);
            let failures = match row.failures {
                0 => String::new(),
                failures => format!(" ({failures} failed)"),
            };
            let _ = writeln!(
                out,
                "| {}{failures} | {} | {}–{} | {:.2} | {} | {} | {:.1} | {:.2} | {}/{} | {lost} |",
                row.program,
                seconds(row.wall),
                seconds(row.wall_min),
                seconds(row.wall_max),
                row.ratio,
                seconds(row.cpu),
                seconds(row.durable),
                row.peak_mib,
                row.others,
                row.quiet,
                row.runs,
            );
        }
    }
    out
}
