//! What the system says of a process.

use std::fmt;
use std::fs;

/// Resident memory, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub now: u64,
    /// At most until now.
    pub most: u64,
}

impl Memory {
    #[track_caller]
    pub fn of(pid: u32) -> Self {
        Self::read(pid).unwrap()
    }

    /// The memory of the program in a process, if it runs: before, the process has the memory of the one that started it, and
    /// after, it has none.
    pub fn of_program(pid: u32, name: &str) -> Option<Self> {
        let running = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        if running.trim_end() == name { Self::read(pid) } else { None }
    }

    fn read(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix(" kB"));
            value?.trim().parse().ok()
        };
        Some(Memory { now: field("VmRSS:")?, most: field("VmHWM:")? })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "for a reader")]
        let mib = |kib: u64| kib as f64 / 1024.0;
        write!(f, "{:.1} MiB (at most {:.1})", mib(self.now), mib(self.most))
    }
}

/// The number of open file descriptors.
#[track_caller]
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// The number of threads.
#[track_caller]
pub fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).unwrap().count()
}
