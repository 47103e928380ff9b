//! Medians and ratios of the runs of a cell.

use std::collections::BTreeMap;

use crate::record::Record;

/// What the runs of one program in one cell come to.
pub struct Row {
    pub program: String,
    pub runs: usize,
    pub quiet: usize,
    pub wall: f64,
    pub wall_min: f64,
    pub wall_max: f64,
    /// Median of the ratios to the reference in the same round.
    pub ratio: f64,
    pub cpu: f64,
    pub peak_mib: f64,
    /// Wall and final sync together.
    pub durable: f64,
    pub others: f64,
    pub failures: usize,
}

/// What the others are compared with: the first of these that was run.
const REFERENCES: [&str; 2] = ["cp-a", "f3K-rw-j1"];

pub fn reference(records: &[Record]) -> &'static str {
    let was_run = |name: &&&str| records.iter().any(|record| record.program == **name);
    REFERENCES.iter().find(was_run).unwrap_or(&REFERENCES[0])
}

/// One row for each program, fastest first.
pub fn rows(records: &[Record]) -> Vec<Row> {
    let mut by_program: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in records {
        by_program.entry(&record.program).or_default().push(record);
    }
    let name = reference(records);
    let reference: BTreeMap<(u64, u32), f64> = records
        .iter()
        .filter(|record| record.program == name)
        .map(|record| ((record.session, record.round), record.wall))
        .collect();
    let row = |(program, runs): (&str, Vec<&Record>)| {
        let of = |number: &dyn Fn(&Record) -> f64| median(runs.iter().map(|run| number(run)));
        let walls = || runs.iter().map(|run| run.wall);
        let ratio = |run: &&Record| {
            reference.get(&(run.session, run.round)).map(|reference| run.wall / reference)
        };
        Row {
            program: program.to_owned(),
            runs: runs.len(),
            quiet: runs.iter().filter(|run| run.is_quiet()).count(),
            wall: of(&|run| run.wall),
            wall_min: walls().fold(f64::INFINITY, f64::min),
            wall_max: walls().fold(0.0, f64::max),
            ratio: median(runs.iter().filter_map(ratio)),
            cpu: of(&Record::cpu),
            peak_mib: of(&|run| run.peak_kib as f64 / 1024.0),
            durable: of(&|run| run.wall + run.sync),
            others: of(&|run| run.others),
            failures: runs.iter().filter(|run| run.exit != 0).count(),
        }
    };
    let mut rows: Vec<Row> = by_program.into_iter().map(row).collect();
    rows.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    rows
}

/// What one program took over what another took in the same round: the median; `None` if they never met.
pub fn over(
    records: &[Record],
    one: &str,
    other: &str,
    number: impl Fn(&Record) -> f64,
) -> Option<f64> {
    let of = |program: &str| -> BTreeMap<(u64, u32), f64> {
        let runs = records.iter().filter(|record| record.program == program);
        runs.map(|run| ((run.session, run.round), number(run))).collect()
    };
    let others = of(other);
    let met = of(one).into_iter().filter_map(|(round, one)| Some(one / others.get(&round)?));
    let ratio = median(met);
    ratio.is_finite().then_some(ratio)
}

pub fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    if numbers.is_empty() {
        return f64::NAN;
    }
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() % 2 {
        1 => numbers[middle],
        _ => f64::midpoint(numbers[middle - 1], numbers[middle]),
    }
}

/// A time in seconds, by three digits that count.
pub fn seconds(time: f64) -> String {
    let decimals = match time {
        _ if time >= 0.1 || time == 0.0 => 3,
        _ if time >= 0.01 => 4,
        _ => 5,
    };
    format!("{time:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_compared_round_by_round() {
        let run = |program: &str, round, wall| Record {
            program: program.to_owned(),
            round,
            wall,
            ..Record::default()
        };
        let records = [run("a", 0, 1.0), run("b", 0, 2.0), run("a", 1, 9.0), run("b", 1, 18.0)];
        assert_eq!(over(&records, "a", "b", |run| run.wall), Some(0.5));
        assert_eq!(over(&records, "a", "c", |run| run.wall), None);
    }

    #[test]
    fn short_times_have_digits_too() {
        assert_eq!(
            [12.3456, 0.4264, 0.01234, 0.001_018].map(seconds),
            ["12.346", "0.426", "0.0123", "0.00102"]
        );
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert!(median([].into_iter()).is_nan());
    }
}
