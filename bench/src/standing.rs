//! Where ours stands in each cell, the worst first: there is always something to lose.

use std::fmt::Write;

use crate::keeps::{self, Kept};
use crate::program::{Class, class};
use crate::record::Record;
use crate::stats::{self, Row};
use crate::table;

/// One cell's contenders, each the fastest of its kind.
struct Standing {
    cell: String,
    ours: Row,
    keeper: Option<Row>,
    peer: Option<Row>,
    floor: Option<Row>,
}

pub fn markdown(records: &[Record], kept: &[Kept]) -> String {
    let mut standings: Vec<Standing> = table::cells(records)
        .into_iter()
        .filter_map(|(cell, runs)| stand(cell, &runs, kept))
        .collect();
    standings.sort_by(|a, b| b.over_best().total_cmp(&a.over_best()));
    let mut out = String::from(
        "\n## Where ours stands\n\nOurs at its default, over the fastest peer, the fastest peer that keeps as much, and \
         the fastest floor that keeps as much; above 1 is lost. The worst comes first.\n\n| cell | ours s | over fastest \
         peer | over fastest that keeps as much | over floor, wall | over floor, CPU |\n|---|---|---|---|---|---|\n",
    );
    for standing in &standings {
        let ours = &standing.ours;
        let over = |other: &Option<Row>, number: fn(&Row) -> f64| match other {
            Some(row) => format!("{:.2} ({})", number(ours) / number(row), row.program),
            None => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {:.3} | {} | {} | {} | {} |",
            standing.cell,
            ours.wall,
            over(&standing.peer, |row| row.wall),
            over(&standing.keeper, |row| row.wall),
            over(&standing.floor, |row| row.wall),
            over(&standing.floor, |row| row.cpu),
        );
    }
    out
}

impl Standing {
    fn over_best(&self) -> f64 {
        self.peer.as_ref().map_or(0.0, |peer| self.ours.wall / peer.wall)
    }
}

fn stand(cell: String, records: &[Record], kept: &[Kept]) -> Option<Standing> {
    let keeps_all =
        |row: &Row| keeps::of(&row.program, kept).is_some_and(|kept| kept.lost.is_empty());
    // The default has a label and no options.
    let is_default = |row: &Row| class(&row.program) == Class::Ours && !row.program.contains('-');
    let fastest = |admits: &dyn Fn(&Row) -> bool| {
        stats::rows(records)
            .into_iter()
            .filter(|row| row.failures == 0 && admits(row))
            .min_by(|a, b| a.wall.total_cmp(&b.wall))
    };
    Some(Standing {
        ours: fastest(&is_default)?,
        keeper: fastest(&|row| class(&row.program) == Class::Peer && keeps_all(row)),
        peer: fastest(&|row| class(&row.program) == Class::Peer),
        floor: fastest(&|row| class(&row.program) == Class::Floor && keeps_all(row)),
        cell,
    })
}
