//! `ahoy-relay` beside a plain relay on Node.js: memory, processor time, latency.

mod load;

use std::{fmt::Write as _, time::Duration};

use ahoy_tests::{SOON, process::Process, programs, usage};
use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
    time::sleep,
};

use crate::report;

/// Rooms before memory is first measured, so that what a relay needs once is not counted for each socket.
const FEW_ROOMS: usize = 100;
/// Rooms when it is measured the second time.
const MANY_ROOMS: usize = 2_000;
/// Rooms in which signals are exchanged.
const ACTIVE_ROOMS: usize = 500;
/// Signals that each member sends at full speed: a multiple of 16, and what a socket may send at once with all else.
const SIGNALS: u64 = 400;
/// How often a member sends where latency is measured.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long.
const TRICKLE: Duration = Duration::from_secs(10);
/// Before memory is measured, for what is under way to settle.
const SETTLE: Duration = Duration::from_secs(2);

/// Which relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Ahoy,
    Node,
}

/// What was measured of a relay.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Figures {
    kb_per_socket: f64,
    per_cpu_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Measures both, `runs` times in turn; gives the page, and what was not reached.
pub(crate) async fn measure(runs: u32) -> Result<(String, Vec<String>)> {
    open_files()?;
    let (mut ahoy, mut node) = (Vec::new(), Vec::new());
    for run in 1..=runs {
        for (which, all) in [(Which::Ahoy, &mut ahoy), (Which::Node, &mut node)] {
            println!("{which:?}: {run} of {runs}");
            let figures = once(which).await?;
            println!("  {figures:?}");
            all.push(figures);
        }
    }
    Ok(page(Figures::median(&ahoy), Figures::median(&node), runs))
}

/// Every socket is a file to the system, which allows a program only about a thousand unless it asks.
fn open_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = 4 * MANY_ROOMS as u64;
    ensure!(
        limit.maximum.is_none_or(|most| most >= wanted),
        "this needs {wanted} open files, and the system allows {:?}: raise it with `ulimit -Hn`",
        limit.maximum
    );
    let current = limit.current.map(|current| current.max(wanted));
    setrlimit(Resource::Nofile, Rlimit { current, ..limit })?;
    Ok(())
}

async fn once(which: Which) -> Result<Figures> {
    Ok(Figures {
        kb_per_socket: memory(which).await?,
        per_cpu_second: throughput(which).await?,
        ..latency(which).await?
    })
}

/// Starts a relay of its own for each figure, so that none sees what the one before left behind.
async fn start(which: Which) -> Result<(Process, String)> {
    let command = match which {
        Which::Ahoy => {
            let mut command = Command::new(programs::built("ahoy-relay")?);
            command.args(["--listen", "127.0.0.1:0", "--log", "warn"]);
            command
        }
        Which::Node => {
            let mut command = Command::new("node");
            command.arg("--expose-gc");
            command.arg(programs::root().join("tests/bench/relay/node.mjs"));
            command
        }
    };
    let process = Process::start(&format!("{which:?}"), command)?;
    let address = process
        .line("`listening` line", SOON, |line| {
            line.strip_prefix("listening http://").map(str::to_owned)
        })
        .await?;
    Ok((process, address))
}

/// kB (1000 bytes) that a relay needs for one more socket, joined and idle.
async fn memory(which: Which) -> Result<f64> {
    let (process, address) = start(which).await?;
    let few = load::rooms(&address, FEW_ROOMS, which == Which::Ahoy).await?;
    let before = settled(&process, &address).await?;
    let more = load::rooms(&address, MANY_ROOMS - FEW_ROOMS, which == Which::Ahoy).await?;
    let after = settled(&process, &address).await?;
    let sockets = more.len() as f64;
    drop((few, more));
    Ok((after - before) * 1024.0 * 1024.0 / 1000.0 / sockets)
}

/// Memory in MiB once nothing is under way. A request makes Node collect what it does not need; to Ahoy it is one for
/// a page that is not there.
async fn settled(process: &Process, address: &str) -> Result<f64> {
    sleep(SETTLE).await;
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /settle HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    sleep(SETTLE).await;
    Ok(usage::of_tree(process.pid(), &[])?.memory_mib)
}

/// Signals that a relay hands on in a second of processor time.
async fn throughput(which: Which) -> Result<f64> {
    let (process, address) = start(which).await?;
    let members = load::rooms(&address, ACTIVE_ROOMS, which == Which::Ahoy).await?;
    let before = usage::of_tree(process.pid(), &[])?.cpu;
    let members = load::exchange(members, SIGNALS).await?;
    let used = usage::of_tree(process.pid(), &[])?.cpu - before;
    Ok(members.len() as f64 * SIGNALS as f64 / used.as_secs_f64())
}

/// How long a signal takes from one member to the other.
async fn latency(which: Which) -> Result<Figures> {
    let (_process, address) = start(which).await?;
    let members = load::rooms(&address, ACTIVE_ROOMS, which == Which::Ahoy).await?;
    let mut took = load::trickle(members, INTERVAL, TRICKLE).await?;
    took.sort();
    let at = |part: usize| {
        let index = (took.len() * part / 100).min(took.len().saturating_sub(1));
        let time = took.get(index).context("a signal")?;
        Ok::<_, anyhow::Error>(time.as_secs_f64() * 1000.0)
    };
    Ok(Figures {
        p50_ms: at(50)?,
        p99_ms: at(99)?,
        ..Figures::default()
    })
}

impl Figures {
    fn median(all: &[Self]) -> Self {
        let of = |get: fn(&Self) -> f64| {
            report::median(all.iter().map(get).collect()).unwrap_or(f64::NAN)
        };
        Self {
            kb_per_socket: of(|f| f.kb_per_socket),
            per_cpu_second: of(|f| f.per_cpu_second),
            p50_ms: of(|f| f.p50_ms),
            p99_ms: of(|f| f.p99_ms),
        }
    }
}

fn page(ahoy: Figures, node: Figures, runs: u32) -> (String, Vec<String>) {
    let mut missed = Vec::new();
    let mut page = format!(
        "# The relay, measured\n\n\
         Written by `cargo xtask bench relay`: medians of {runs} runs, `ahoy-relay` and a plain relay on Node.js \
         (`tests/bench/relay/node.mjs`, on `ws`) in turn, on one machine ({}) over loopback. Built with optimisation; \
         neither compresses messages.\n\n\
         | | ahoy-relay | Node.js, ws | ratio | aim | |\n|---|---:|---:|---:|---:|---|\n",
        report::machine()
    );
    let rows: [(&str, f64, f64, usize, f64, bool); 3] = [
        (
            "Memory for an idle joined socket, kB",
            ahoy.kb_per_socket,
            node.kb_per_socket,
            1,
            0.6,
            false,
        ),
        (
            "Signals handed on in a second of processor time",
            ahoy.per_cpu_second,
            node.per_cpu_second,
            0,
            3.0,
            true,
        ),
        (
            "Latency p99 with 500 active rooms, ms",
            ahoy.p99_ms,
            node.p99_ms,
            2,
            1.0,
            false,
        ),
    ];
    for (name, ours, theirs, digits, aim, more_is_better) in rows {
        let ratio = ours / theirs;
        let (reached, sign) = if more_is_better {
            (ratio >= aim, "≥")
        } else {
            (ratio <= aim, "≤")
        };
        let word = if reached { "reached" } else { "not yet" };
        if !reached {
            missed.push(name.to_owned());
        }
        let _ = writeln!(
            page,
            "| {name} | {ours:.digits$} | {theirs:.digits$} | {ratio:.2} | {sign} {aim} | {word} |"
        );
    }
    let _ = writeln!(
        page,
        "| Latency p50, ms | {:.2} | {:.2} | {:.2} | | |",
        ahoy.p50_ms,
        node.p50_ms,
        ahoy.p50_ms / node.p50_ms
    );
    let _ = write!(
        page,
        "\n## How it is measured\n\n\
         - **Memory:** PSS with {} sockets in rooms of two less that with {}, over the difference; Node is told to \
         collect its garbage first. What the kernel keeps for a socket is not in it.\n\
         - **Signals:** {} rooms of two, every member sends {SIGNALS} of the size of a candidate, eight at a time, and waits \
         for as many. Processor time is the relay's, in user and kernel mode.\n\
         - **Latency:** the same rooms, every member sends once in {} ms for {} s; from before the signal is sent until it \
         is read, in one process for both ends.\n\
         - Each figure has a relay of its own. `ahoy-relay` checks proofs, counts messages against its limits, numbers \
         signals, keeps them and hears an `ack` for every sixteenth; the plain one does none of that.\n",
        2 * MANY_ROOMS,
        2 * FEW_ROOMS,
        ACTIVE_ROOMS,
        INTERVAL.as_millis(),
        TRICKLE.as_secs(),
    );
    (page, missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_told_against_its_aim() {
        let ahoy = Figures {
            kb_per_socket: 5.0,
            per_cpu_second: 200_000.0,
            p50_ms: 0.1,
            p99_ms: 1.1,
        };
        let node = Figures {
            kb_per_socket: 10.0,
            per_cpu_second: 50_000.0,
            p50_ms: 0.1,
            p99_ms: 1.0,
        };
        let (page, missed) = page(ahoy, node, 5);
        assert_eq!(missed, ["Latency p99 with 500 active rooms, ms"]);
        for line in [
            "| 5.0 | 10.0 | 0.50 | ≤ 0.6 | reached |",
            "| 200000 | 50000 | 4.00 | ≥ 3 | reached |",
            "| 1.10 | 1.00 | 1.10 | ≤ 1 | not yet |",
        ] {
            assert!(page.contains(line), "{page}");
        }
    }
}
