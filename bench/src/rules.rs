//! The rules by which the engine chooses, each measured on both sides of its threshold.

use std::fmt::Write;

use crate::cell::Cell;
use crate::program::Programs;
use crate::record::Record;
use crate::rounds::{self, Plan};
use crate::stats;

/// One side of a rule: in this cell one program does what the rule chooses, the other what it rejects.
struct Side {
    rule: &'static str,
    cell: &'static str,
    chosen: &'static str,
    rejected: &'static str,
}

const fn side(
    rule: &'static str,
    cell: &'static str,
    chosen: &'static str,
    rejected: &'static str,
) -> Side {
    Side { rule, cell, chosen, rejected }
}

/// What the engine never does, only a floor can show: threads that help with a short file, or with one from a disk.
const SIDES: [Side; 64] = [
    side("clone_pays_from_bytes", "t1@btrfs", "warpcp", "warpcp-read_write"),
    side("clone_pays_from_bytes", "t4@btrfs", "warpcp", "warpcp-read_write"),
    side("clone_pays_from_bytes", "t1@xfs", "warpcp", "warpcp-clone"),
    side("clone_pays_from_bytes", "t4@xfs", "warpcp", "warpcp-clone"),
    side("clone_pays_from_bytes", "t8@xfs", "warpcp", "warpcp-clone"),
    side("clone_pays_from_bytes", "t16@xfs", "warpcp", "warpcp-read_write"),
    side("clone_pays_from_bytes", "t64@xfs", "warpcp", "warpcp-read_write"),
    side("OFFLOAD_PAYS_FROM_BYTES", "t4@ext4", "warpcp", "warpcp-sendfile"),
    side("OFFLOAD_PAYS_FROM_BYTES", "t16@ext4", "warpcp", "warpcp-sendfile"),
    side("OFFLOAD_PAYS_FROM_BYTES", "t64@ext4", "warpcp", "warpcp-read_write"),
    side("OFFLOAD_PAYS_FROM_BYTES", "t256@ext4", "warpcp", "warpcp-read_write"),
    side("OFFLOAD_PAYS_FROM_BYTES", "t16@tmpfs", "warpcp", "warpcp-sendfile"),
    side("OFFLOAD_PAYS_FROM_BYTES", "t64@tmpfs", "warpcp", "warpcp-read_write"),
    side("OFFLOAD_PAYS_FROM_BYTES", "t16@ext4-xfs", "warpcp", "warpcp-sendfile"),
    side("OFFLOAD_PAYS_FROM_BYTES", "t256@ext4-xfs", "warpcp", "warpcp-read_write"),
    side("copies_ranges_itself", "t64@ext4", "warpcp", "warpcp-copy_file_range"),
    side("copies_ranges_itself", "t256@ext4", "warpcp", "warpcp-copy_file_range"),
    side("copies_ranges_itself", "t256@tmpfs", "warpcp", "warpcp-copy_file_range"),
    side("copies_ranges_itself", "t1024@ext4", "warpcp", "warpcp-copy_file_range"),
    side("copies_ranges_itself", "o64@ext4", "warpcp", "warpcp-copy_file_range"),
    side("copies_ranges_itself", "o512@ext4", "warpcp-j1", "warpcp-j1-copy_file_range"),
    side("copies_ranges_itself", "o512@tmpfs", "warpcp-j1", "warpcp-j1-copy_file_range"),
    side("SPLIT_PAYS_FROM_BYTES", "o16@tmpfs", "warpcp", "f3K-placec2-j2"),
    side("SPLIT_PAYS_FROM_BYTES", "o64@tmpfs", "warpcp", "warpcp-j1"),
    side("SPLIT_PAYS_FROM_BYTES", "o32@tmpfs", "warpcp", "warpcp-j1"),
    side("SPLIT_PAYS_FROM_BYTES", "o64@tmpfs-ext4", "warpcp", "warpcp-j1"),
    side("SPLIT_PAYS_FROM_BYTES", "o64@tmpfs-xfs", "warpcp", "warpcp-j1"),
    side("SPLIT_PAYS_FROM_BYTES", "o32@ext4-btrfs", "warpcp", "warpcp-j1"),
    side("split_pays", "o512@tmpfs", "warpcp", "warpcp-j1"),
    side("split_pays", "o512@ext4-tmpfs", "warpcp", "warpcp-j1"),
    side("split_pays", "o512@tmpfs-ext4", "warpcp", "warpcp-j1"),
    side("split_pays", "o512@tmpfs-xfs", "warpcp", "warpcp-j1"),
    side("split_pays", "o512@ext4-btrfs", "warpcp", "warpcp-j1"),
    side("split_pays", "o512@tmpfs-btrfs", "warpcp", "warpcp-j1"),
    side("split_pays: not elsewhere", "o512@ext4", "warpcp", "f3KP-rwc2-j2"),
    side("split_pays", "o512@ext4-xfs", "warpcp", "warpcp-j1"),
    side("STEP_BYTES", "o512@ext4", "f3K-rw-j1", "f3K-rw64-j1"),
    side("STEP_BYTES", "o512@ext4", "f3K-rw-j1", "f3K-rw256-j1"),
    side("STEP_BYTES", "o512@ext4", "f3K-rw-j1", "f3K-rw1024-j1"),
    side("STEP_BYTES", "o512@tmpfs", "f3K-rw-j1", "f3K-rw1024-j1"),
    side("BUFFER_BYTES (alignment)", "o512@ext4", "f3K-rw-j1", "f3K-rwo16-j1"),
    side("preallocation_pays", "t1024@ext4", "warpcp", "f3KU-cfr-j2"),
    side("preallocation_pays", "o512@ext4", "warpcp-j1", "f3K-cfr-j1"),
    side("preallocation_pays: not elsewhere", "o512@tmpfs", "warpcp-j1", "warpcp-j1-preallocate"),
    side(
        "preallocation_pays: not elsewhere",
        "o512@ext4-xfs",
        "warpcp-j1",
        "warpcp-j1-preallocate",
    ),
    side("no uncached by itself", "o512@ext4", "warpcp-j1", "warpcp-j1-uncached"),
    side("workers: clones on Btrfs", "w4@btrfs", "warpcp", "warpcp-j1"),
    side("workers: writes on Btrfs", "w4@btrfs", "warpcp-j1-read_write", "warpcp-j2-read_write"),
    side("workers", "w4@ext4", "warpcp", "warpcp-j1"),
    side("workers", "w4@xfs", "warpcp", "warpcp-j1"),
    side("COMPANY_PAYS_FOR", "d10@tmpfs", "warpcp", "warpcp-j2"),
    side("COMPANY_PAYS_FOR", "d10@ext4", "warpcp", "warpcp-j2"),
    side("COMPANY_PAYS_FOR", "d300@tmpfs", "warpcp", "warpcp-j1"),
    side("COMPANY_PAYS_FOR", "d300@ext4", "warpcp", "warpcp-j1"),
    side("COMPANY_PAYS_ON_BTRFS_FOR", "d100@btrfs", "warpcp", "warpcp-j2"),
    side("COMPANY_PAYS_ON_BTRFS_FOR", "w2@btrfs", "warpcp", "warpcp-j2"),
    side("COMPANY_PAYS_ON_BTRFS_FOR", "d300@btrfs", "warpcp", "warpcp-j1"),
    side("COMPANY_PAYS_FROM_BYTES", "w2@ext4", "warpcp", "warpcp-j1"),
    side("a dirty source is cloned", "o512@btrfs~dirty", "warpcp", "warpcp-j1-read_write"),
    side("a dirty source is cloned", "o512@xfs~dirty", "warpcp", "warpcp-j1-read_write"),
    side("what is identical stays", "t1@ext4~again", "warpcp", "warpcp-atomic"),
    side("what is identical stays", "t1@btrfs~again", "warpcp", "warpcp-atomic"),
    side("what is identical stays", "t64@xfs~again", "warpcp", "warpcp-atomic"),
    side("compared_to_bytes", "t1024@ext4~again", "warpcp", "warpcp-atomic"),
];

/// Measures every rule whose name, or whose cell's, begins so.
pub fn check(plan: &Plan, programs: &Programs, only: &str) -> Result<(), String> {
    let mut cells: Vec<&str> = Vec::new();
    for side in
        SIDES.iter().filter(|side| side.rule.starts_with(only) || side.cell.starts_with(only))
    {
        if !cells.contains(&side.cell) {
            cells.push(side.cell);
        }
    }
    for cell in cells {
        let mut plan = plan.clone();
        plan.names = SIDES
            .iter()
            .filter(|side| side.cell == cell)
            .flat_map(|side| [side.chosen.to_owned(), side.rejected.to_owned()])
            .collect();
        plan.names.sort();
        plan.names.dedup();
        rounds::measure(&plan, programs, &Cell::parse(cell)?)?;
    }
    Ok(())
}

/// A rule no longer pays where what it rejects is faster by more than this.
const TOLERATED: f64 = 1.03;

pub fn markdown(records: &[Record]) -> String {
    let mut out = String::from(
        "# Rules that choose, measured\n\nTime of what the rule chooses over time of what it rejects: the median of the \
         rounds, to the end of the program and until everything is on disk.\n\n| rule | cell | chosen | rejected | \
         chosen s | over rejected | until on disk | pays |\n|---|---|---|---|---|---|---|---|\n",
    );
    for side in &SIDES {
        let runs = |program: &str| -> Vec<&Record> {
            let is_one = |run: &&Record| run.cell == side.cell && run.program == program;
            records.iter().filter(is_one).collect()
        };
        let (chosen, rejected) = (runs(side.chosen), runs(side.rejected));
        let ratio = |seconds: &dyn Fn(&Record) -> f64| {
            stats::median(chosen.iter().filter_map(|run| {
                let other = rejected
                    .iter()
                    .find(|other| (other.session, other.round) == (run.session, run.round));
                other.map(|other| seconds(run) / seconds(other))
            }))
        };
        let wall = ratio(&|run| run.wall);
        if wall.is_nan() {
            continue;
        }
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {wall:.2} | {:.2} | {} |",
            side.rule,
            side.cell,
            side.chosen,
            side.rejected,
            stats::seconds(stats::median(chosen.iter().map(|run| run.wall))),
            ratio(&|run| run.wall + run.sync),
            if wall <= TOLERATED { "yes" } else { "NO" },
        );
    }
    out
}
