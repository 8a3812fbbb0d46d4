//! What a program and all that it started use of the machine, as Linux tells it in `/proc`.

use std::{collections::HashMap, fs, time::Duration};

use anyhow::{Context as _, Result};

/// Processor time and memory of a tree of processes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Processor time since each process began.
    pub cpu: Duration,
    /// Memory in MiB; what several processes share is counted once (PSS).
    pub memory_mib: f64,
}

/// Clock ticks a second in `/proc/PID/stat`; the same on all Linux systems that a user sees.
const TICKS: f64 = 100.0;

/// What `root` and the processes below it use. Those whose command line holds one of `without` are left out; what they
/// started counts all the same.
///
/// # Errors
/// `/proc` cannot be read.
pub fn of_tree(root: i32, without: &[&str]) -> Result<Usage> {
    let mut parents = HashMap::new();
    let mut ticks = HashMap::new();
    for entry in fs::read_dir("/proc").context("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        // A process may end while it is looked at.
        let Some((parent, used)) = stat(pid) else {
            continue;
        };
        parents.insert(pid, parent);
        ticks.insert(pid, used);
    }
    let mut usage = Usage::default();
    for (pid, used) in ticks {
        let mut up = pid;
        while up != root {
            match parents.get(&up) {
                Some(parent) if *parent > 1 => up = *parent,
                _ => break,
            }
        }
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if up != root || without.iter().any(|part| command.contains(part)) {
            continue;
        }
        usage.cpu += Duration::from_secs_f64(used as f64 / TICKS);
        usage.memory_mib += memory_kib(pid).unwrap_or(0) as f64 / 1024.0;
    }
    Ok(usage)
}

/// What a process holds of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Held {
    /// Memory in MiB; what several processes share is counted once (PSS).
    pub memory_mib: f64,
    /// Open files, sockets among them.
    pub files: usize,
    /// Threads.
    pub threads: usize,
}

/// What one process holds, without those that it started.
///
/// # Errors
/// There is no such process, or it may not be looked at.
pub fn held(pid: i32) -> Result<Held> {
    let count = |what: &str| -> Result<usize> {
        let folder = format!("/proc/{pid}/{what}");
        Ok(fs::read_dir(&folder).context(folder)?.count())
    };
    Ok(Held {
        memory_mib: memory_kib(pid).context("no memory is told")? as f64 / 1024.0,
        files: count("fd")?,
        threads: count("task")?,
    })
}

/// A process's parent, and its ticks in user and kernel mode.
fn stat(pid: i32) -> Option<(i32, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |index: usize| -> Option<u64> { fields.get(index)?.parse().ok() };
    Some((fields.get(1)?.parse().ok()?, number(11)? + number(12)?))
}

fn memory_kib(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        let own = std::process::id().cast_signed();
        let usage = of_tree(own, &[]).unwrap();
        assert!(usage.memory_mib > 0.5, "{usage:?}");
        let name = std::env::current_exe().unwrap();
        let name = name.file_name().unwrap().to_str().unwrap();
        assert_eq!(of_tree(own, &[name]).unwrap(), Usage::default());
    }

    #[test]
    fn this_process_holds_files_and_threads() {
        let own = std::process::id().cast_signed();
        let before = held(own).unwrap();
        assert!(before.memory_mib > 0.5 && before.threads >= 1, "{before:?}");
        let _file = fs::File::open("/proc/self/stat").unwrap();
        assert!(held(own).unwrap().files > before.files);
        assert!(held(i32::MAX).is_err());
    }
}
