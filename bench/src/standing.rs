//! Where ours stands in each cell, the worst first: there is always something to lose.

use std::fmt::Write;

use crate::keeps::{self, Kept};
use crate::program::{Class, class};
use crate::record::Record;
use crate::stats::{self, Row};
use crate::table;

/// One cell's contenders, each the fastest of its kind.
pub struct Standing {
    pub cell: String,
    pub ours: Row,
    pub peer: Option<Rival>,
    pub keeper: Option<Rival>,
    pub floor: Option<Rival>,
}

/// Who ours is compared with, round by round.
pub struct Rival {
    pub row: Row,
    /// Ours over this one.
    pub wall: f64,
    pub cpu: f64,
}

/// All cells in which ours was measured, the worst first.
pub fn all(records: &[Record], kept: &[Kept]) -> Vec<Standing> {
    let mut standings: Vec<Standing> = table::cells(records)
        .into_iter()
        .filter_map(|(cell, runs)| stand(cell, &runs, kept))
        .collect();
    standings.sort_by(|a, b| b.over_best().total_cmp(&a.over_best()));
    standings
}

pub fn markdown(records: &[Record], kept: &[Kept]) -> String {
    let mut out = String::from(
        "\n## Where ours stands\n\nOurs at its default, over the fastest peer, the fastest peer that keeps as much, and \
         the fastest floor that keeps as much, compared round by round; above 1 is lost. The worst comes first.\n\n| \
         cell | ours s | over cp -a | over fastest peer | over fastest that keeps as much | over floor, wall | over \
         floor, CPU |\n|---|---|---|---|---|---|---|\n",
    );
    for standing in &all(records, kept) {
        let over = |rival: &Option<Rival>, number: fn(&Rival) -> f64| match rival {
            Some(rival) => format!("{:.2} ({})", number(rival), rival.row.program),
            None => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {:.2} | {} | {} | {} | {} |",
            standing.cell,
            stats::seconds(standing.ours.wall),
            standing.ours.ratio,
            over(&standing.peer, |rival| rival.wall),
            over(&standing.keeper, |rival| rival.wall),
            over(&standing.floor, |rival| rival.wall),
            over(&standing.floor, |rival| rival.cpu),
        );
    }
    out
}

impl Standing {
    fn over_best(&self) -> f64 {
        self.peer.as_ref().map_or(0.0, |peer| peer.wall)
    }
}

fn stand(cell: String, records: &[Record], kept: &[Kept]) -> Option<Standing> {
    let keeps_all =
        |row: &Row| keeps::of(&row.program, kept).is_some_and(|kept| kept.lost.is_empty());
    // The default has a label and no options.
    let is_default = |row: &Row| class(&row.program) == Class::Ours && !row.program.contains('-');
    let rows = || stats::rows(records).into_iter().filter(|row| row.failures == 0);
    let ours = rows().find(is_default)?;
    let rival = |admits: &dyn Fn(&Row) -> bool| {
        rows()
            .filter(|row| admits(row))
            .filter_map(|row| {
                let over = |number: fn(&Record) -> f64| {
                    stats::over(records, &ours.program, &row.program, number)
                };
                Some(Rival { wall: over(|run| run.wall)?, cpu: over(Record::cpu)?, row })
            })
            .max_by(|a, b| a.wall.total_cmp(&b.wall))
    };
    Some(Standing {
        keeper: rival(&|row| class(&row.program) == Class::Peer && keeps_all(row)),
        peer: rival(&|row| class(&row.program) == Class::Peer),
        floor: rival(&|row| class(&row.program) == Class::Floor && keeps_all(row)),
        cell,
        ours,
    })
}
