//! What else the machine does, and its description.

use std::fs::read_to_string;

/// Seconds that all processors have spent working since the machine started, whoever for.
pub fn busy_seconds() -> f64 {
    let text = read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    // user nice system idle iowait irq softirq
    let busy = [0, 1, 2, 5, 6].iter().filter_map(|index| ticks.get(*index)).sum::<f64>();
    busy / rustix::param::clock_ticks_per_second() as f64
}

/// The load average of the last minute.
pub fn load() -> f64 {
    let text = read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// One line: processors, memory, kernel.
pub fn description() -> String {
    let uname = rustix::system::uname();
    let memory = rustix::system::sysinfo();
    let bytes = memory.totalram as f64 * f64::from(memory.mem_unit);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{processors} processors, {:.0} GiB of memory, Linux {}",
        bytes / f64::from(1 << 30),
        // What comes behind the number names a build, not a kernel.
        uname.release().to_string_lossy().split('-').next().unwrap_or_default()
    )
}
