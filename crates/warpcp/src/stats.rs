//! The summary of `--stats`: durations, methods, refusals and sizes, from the engine's own record.

use std::fmt::Write;

use warpcopy::TreeReport;

use crate::debug::size;
use crate::quote::quote;

/// Returns the summary as lines of two columns; rows without anything to count are left out.
pub(crate) fn table(report: &TreeReport) -> String {
    let mut table = Table(String::new());
    counts(&mut table, report);
    bytes(&mut table, report);
    for (method, count) in &report.methods {
        table.row(&format!("by {method}"), &files(*count));
    }
    for ((method, reason), count) in &report.refusals {
        table.row(&format!("{method} refused"), &format!("{} ({reason})", files(*count)));
    }
    if report.files > 0 {
        let share = 100.0 * report.fallback_rate();
        let text = format!("{share:.1} % ({} of {})", report.fallbacks, report.files);
        table.row("fallback rate", &text);
    }
    for (power, count) in report.sizes.0.iter().enumerate().filter(|(_, count)| **count > 0) {
        table.row(&range(power), &files(*count));
    }
    table.row("duration", &format!("{:.3} s", report.elapsed.as_secs_f64()));
    let seconds = report.elapsed.as_secs_f64();
    // Holes cost nothing and would flatter the rate.
    let data = report.bytes.moved + report.bytes.cloned;
    if seconds > 0.0 && data > 0 {
        let rate = (data as f64 / seconds) as u64;
        table.row("throughput", &format!("{}/s", size(rate)));
    }
    table.0
}

fn counts(table: &mut Table, report: &TreeReport) {
    let rows = [
        ("files", report.files),
        ("identical already", report.identical),
        ("directories", report.directories),
        ("symbolic links", report.symlinks),
        ("hard links", report.links),
        ("special files", report.specials),
        ("skipped", report.skipped),
        ("changed meanwhile", report.changed),
        ("not preserved", report.warnings + report.unpreserved),
        ("failures", report.failures),
    ];
    for (name, count) in rows {
        // That nothing failed is worth a line.
        if count > 0 || matches!(name, "files" | "failures") {
            table.row(name, &count.to_string());
        }
    }
    for snapshot in &report.snapshots {
        let target = quote(&snapshot.target);
        match snapshot.refusal {
            None => table.row("snapshot", &target),
            Some(why) => table.row("no snapshot", &format!("{target} ({why})")),
        }
    }
    if report.cancelled {
        table.row("cancelled", "yes");
    }
}

fn bytes(table: &mut Table, report: &TreeReport) {
    let bytes = &report.bytes;
    table.row("bytes", &size(bytes.len));
    for (name, count) in [("moved", bytes.moved), ("cloned", bytes.cloned), ("holes", bytes.holes)]
    {
        if count > 0 {
            table.row(&format!("bytes {name}"), &size(count));
        }
    }
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

/// Names a column of the histogram: files of no byte, then of one, then of `2^(k-1)..2^k` bytes.
fn range(power: usize) -> String {
    match power {
        0 => "of 0 bytes".to_owned(),
        1 => "of 1 byte".to_owned(),
        // The bound of the last column is one more than 64 bits hold.
        64 => format!("of {} and more", binary(1 << 63)),
        _ => format!("of {} to {}", binary(1 << (power - 1)), binary(1 << power)),
    }
}

/// Returns a power of two in the unit that makes it a whole number below 1024.
fn binary(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = bytes.ilog2() as usize / 10;
    format!("{} {}", bytes >> (10 * unit), UNITS[unit])
}

struct Table(String);

impl Table {
    fn row(&mut self, name: &str, value: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{name:<24} {value}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use warpcopy::{Method, Reason};

    use super::*;

    #[test]
    fn the_summary_tells_durations_fallbacks_and_sizes() {
        let mut report = TreeReport::default();
        (report.files, report.directories, report.fallbacks) = (4, 1, 1);
        report.identical = 2;
        (report.bytes.len, report.bytes.moved) = (3_000_000, 3_000_000);
        report.methods.insert(Method::CopyRange, 3);
        report.refusals.insert((Method::Clone, Reason::NoProgress), 1);
        (report.sizes.0[0], report.sizes.0[22]) = (1, 3);
        report.elapsed = Duration::from_millis(1500);
        let expected = "\
files                    4
identical already        2
directories              1
failures                 0
bytes                    3.0 MB
bytes moved              3.0 MB
by copy_file_range       3 files
clone refused            1 file (moved nothing)
fallback rate            25.0 % (1 of 4)
of 0 bytes               1 file
of 2 MiB to 4 MiB        3 files
duration                 1.500 s
throughput               2.0 MB/s
";
        assert_eq!(table(&report), expected);
    }

    #[test]
    fn every_column_of_the_histogram_has_a_name() {
        assert_eq!(range(0), "of 0 bytes");
        assert_eq!(range(1), "of 1 byte");
        assert_eq!(range(2), "of 2 B to 4 B");
        assert_eq!(range(11), "of 1 KiB to 2 KiB");
        assert_eq!(range(63), "of 4 EiB to 8 EiB");
        assert_eq!(range(64), "of 8 EiB and more");
    }
}
