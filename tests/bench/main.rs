//! `ahoy-bench`: calls between Ahoy and Chromium in each combination, and the relay beside a plain one, measured side
//! by side; a screen and its viewers; and a long call. Started by `cargo xtask bench`, which builds it and the programs that it starts with optimisation.

mod broadcast;
mod ends;
mod quality;
mod relay;
mod report;
mod soak;
mod start;
mod stop;

use std::{collections::HashMap, process::ExitCode, time::Duration};

use ahoy_tests::{need, programs, quality::Reference, relay::Relay, serve::Files};
use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use tokio::time::sleep;

use ends::{Receiver, Sender};
use report::{Figures, Row};

/// Measures Ahoy beside others.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A call, one way, in each combination.
    Call {
        /// How often each combination is measured; the table holds the medians.
        #[arg(long, default_value_t = 5)]
        runs: u32,
        /// Only this combination; may be given several times.
        #[arg(long, value_enum)]
        row: Vec<Row>,
    },
    /// The relay, beside a plain one on Node.js.
    Relay {
        /// How often each is measured; the table holds the medians.
        #[arg(long, default_value_t = 5)]
        runs: u32,
    },
    /// A screen and its viewers, beside Chromium.
    Broadcast {
        /// How often each is measured; the table holds the medians.
        #[arg(long, default_value_t = 3)]
        runs: u32,
        /// Only this part.
        #[arg(long, value_enum)]
        part: Option<broadcast::Part>,
        /// Only with so many viewers; may be given several times.
        #[arg(long)]
        viewers: Vec<u32>,
    },
    /// One long call.
    Soak {
        /// How long.
        #[arg(long, default_value_t = 30)]
        minutes: u32,
    },
}

/// How wide, how high and how many a second the pictures are.
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
const FPS: u32 = 30;
/// The most that an encoder may spend, in kbit/s.
const CAP_KBPS: u32 = 2_000;
/// So long both ends have to find out what the way between them bears; Chromium begins at 300 kbit/s.
const WARM_UP: Duration = Duration::from_secs(12);
/// So long processor time and pictures are counted.
const WINDOW: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let (file, (page, missed)) = match Arguments::parse().what {
        What::Call { runs, row } => ("docs/bench.md", calls(runs, &row).await?),
        What::Relay { runs } => ("docs/bench-relay.md", relay::measure(runs).await?),
        What::Broadcast {
            runs,
            part,
            viewers,
        } => {
            let measured = broadcast::measure(runs, part, &viewers).await?;
            if part.is_some() || !viewers.is_empty() {
                // A part of it is no page.
                println!("{}", measured.0);
                return Ok(ExitCode::SUCCESS);
            }
            ("docs/bench-broadcast.md", measured)
        }
        What::Soak { minutes } => ("docs/bench-soak.md", soak::measure(minutes).await?),
    };
    std::fs::write(programs::root().join(file), page)?;
    println!("{file}");
    if missed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("not reached: {}", missed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// All calls; the page of their figures, and what was not reached.
async fn calls(runs: u32, wanted: &[Row]) -> Result<(String, Vec<String>)> {
    ensure!(
        !need::lacks(&[need::Part::Chromium, need::Part::Display, need::Part::Sound]),
        "nothing was measured"
    );
    let reference = quality::reference()?;
    let pictures = ("application/octet-stream", quality::raw(&reference));
    let files = Files::serve(HashMap::from([("/pictures", pictures)])).await?;

    // In turn, so that what else the machine does meets all of them.
    let rows = Row::ALL.map(|row| (row, Vec::new()));
    let mut rows: Vec<_> = rows
        .into_iter()
        .filter(|(row, _)| wanted.is_empty() || wanted.contains(row))
        .collect();
    for run in 1..=runs {
        for (row, all) in &mut rows {
            println!("{}: {run} of {runs}", row.name());
            let figures = measure(*row, &files, &reference).await?;
            println!("  {figures:?}");
            all.push(figures);
        }
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(row, all)| (row, Figures::median(&all)))
        .collect();
    Ok(report::page(&rows, runs))
}

/// One call of a kind.
async fn measure(row: Row, files: &Files, reference: &Reference) -> Result<Figures> {
    let relay = Relay::start().await?;
    let (mut sender, mut receiver, others) = ends::connect(row, &relay, files, None).await?;
    let mut figures = Figures {
        first_frame_ms: receiver.first_frame_ms().await?,
        ..Figures::default()
    };
    sender.cap().await?;
    sleep(WARM_UP).await;

    let before = (sender.count().await?, receiver.count().await?);
    sleep(WINDOW).await;
    let after = (sender.count().await?, receiver.count().await?);
    let sent = ends::Count::between(&before.0, &after.0);
    let mut received = ends::Count::between(&before.1, &after.1);
    if matches!(receiver, Receiver::Window(_)) {
        received.frames = sent.frames;
    }
    figures.sent_cpu_ms = sent.cpu_ms_per_frame();
    figures.received_cpu_ms = received.cpu_ms_per_frame();
    // The window draws what it gets at its own rate; to count it would be to look at it.
    figures.fps = (!matches!(receiver, Receiver::Window(_))).then(|| received.fps());
    figures.kbps = received.kbps().or(sent.kbps());
    figures.sender_mib = Some(after.0.usage.memory_mib);
    figures.receiver_mib = Some(after.1.usage.memory_mib);
    figures.codec.clone_from(&after.0.codec);

    // Reading stamps costs time of its own, so it begins only now.
    let latency = receiver.latency(WINDOW).await?;
    (figures.p50_ms, figures.p95_ms) = (Some(latency.0), Some(latency.1));
    let live = matches!(sender, Sender::Ahoy(_));
    let pictures = receiver.pictures().await?;
    let recorded = matches!(receiver, Receiver::Ahoy(_));
    drop((sender, receiver, others));
    figures.psnr_db = if recorded {
        // Recording costs time too, so it is done in a call of its own.
        let folder = tempfile::tempdir_in(programs::output("bench")?)?;
        let file = folder.path().join("arrived.y4m");
        let (sender, receiver, _others) = ends::connect(row, &relay, files, Some(&file)).await?;
        receiver.first_frame_ms().await?;
        sender.cap().await?;
        sleep(WARM_UP).await;
        if let Receiver::Ahoy(mut call) = receiver {
            call.hang_up().await?;
        }
        quality::psnr(reference, &ends::recorded(&file)?, live)
    } else {
        quality::psnr(reference, &pictures, live)
    };
    Ok(figures)
}
