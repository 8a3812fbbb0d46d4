//! The figures of the calls, and the page that shows them.

use std::fmt::Write as _;

use crate::{CAP_KBPS, FPS, HEIGHT, WARM_UP, WIDTH, WINDOW};

/// Who sends to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Row {
    AhoyToAhoy,
    AhoyToChromium,
    ChromiumToAhoy,
    ChromiumToChromium,
    ChromiumToWindow,
}

impl Row {
    pub(crate) const ALL: [Self; 5] = [
        Self::AhoyToAhoy,
        Self::AhoyToChromium,
        Self::ChromiumToAhoy,
        Self::ChromiumToChromium,
        Self::ChromiumToWindow,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AhoyToAhoy => "Ahoy to Ahoy",
            Self::AhoyToChromium => "Ahoy to Chromium",
            Self::ChromiumToAhoy => "Chromium to Ahoy",
            Self::ChromiumToChromium => "Chromium to Chromium",
            Self::ChromiumToWindow => "Chromium to the app's window",
        }
    }
}

/// What was measured of a call; what was not is `None`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) first_frame_ms: Option<f64>,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) fps: Option<f64>,
    pub(crate) kbps: Option<f64>,
    pub(crate) sent_cpu_ms: Option<f64>,
    pub(crate) received_cpu_ms: Option<f64>,
    pub(crate) psnr_db: Option<f64>,
    pub(crate) sender_mib: Option<f64>,
    pub(crate) receiver_mib: Option<f64>,
    pub(crate) codec: Option<String>,
}

type Get = fn(&Figures) -> Option<f64>;

/// The columns: what stands above, how it is read, and with how many digits behind the point.
const COLUMNS: [(&str, Get, usize); 10] = [
    ("first frame ms", |f| f.first_frame_ms, 0),
    ("latency p50 ms", |f| f.p50_ms, 0),
    ("p95 ms", |f| f.p95_ms, 0),
    ("frames/s", |f| f.fps, 1),
    ("kbit/s", |f| f.kbps, 0),
    ("CPU ms per frame sent", |f| f.sent_cpu_ms, 1),
    ("per frame received", |f| f.received_cpu_ms, 1),
    ("PSNR dB", |f| f.psnr_db, 1),
    ("memory MiB sender", |f| f.sender_mib, 0),
    ("receiver", |f| f.receiver_mib, 0),
];

/// How an aim is told.
#[derive(Clone, Copy)]
enum Aim {
    /// At most this, as a ratio to Chromium.
    Ratio(f64),
    /// At most this much less than Chromium.
    Within(f64),
}

/// What Ahoy aims at beside Chromium to Chromium: in which call, and which figure.
const AIMS: [(&str, Row, Get, Aim); 10] = [
    (
        "First frame",
        Row::AhoyToAhoy,
        |f| f.first_frame_ms,
        Aim::Ratio(1.0),
    ),
    (
        "Latency p50",
        Row::AhoyToAhoy,
        |f| f.p50_ms,
        Aim::Ratio(1.0),
    ),
    (
        "Latency p95",
        Row::AhoyToAhoy,
        |f| f.p95_ms,
        Aim::Ratio(1.0),
    ),
    (
        "CPU per frame sent",
        Row::AhoyToAhoy,
        |f| f.sent_cpu_ms,
        Aim::Ratio(0.6),
    ),
    (
        "CPU per frame received",
        Row::AhoyToAhoy,
        |f| f.received_cpu_ms,
        Aim::Ratio(0.6),
    ),
    (
        "Frames a second",
        Row::AhoyToAhoy,
        |f| f.fps,
        Aim::Within(0.5),
    ),
    ("PSNR dB", Row::AhoyToAhoy, |f| f.psnr_db, Aim::Within(0.5)),
    (
        "Memory, sender",
        Row::AhoyToAhoy,
        |f| f.sender_mib,
        Aim::Ratio(0.15),
    ),
    (
        "Memory, receiver",
        Row::AhoyToAhoy,
        |f| f.receiver_mib,
        Aim::Ratio(0.15),
    ),
    (
        "Memory, the app with its window",
        Row::ChromiumToWindow,
        |f| f.receiver_mib,
        Aim::Ratio(0.35),
    ),
];

impl Figures {
    /// Each figure's median over the calls in which it was measured.
    pub(crate) fn median(all: &[Self]) -> Self {
        let of = |get: Get| median(all.iter().filter_map(get).collect());
        Self {
            first_frame_ms: of(|f| f.first_frame_ms),
            p50_ms: of(|f| f.p50_ms),
            p95_ms: of(|f| f.p95_ms),
            fps: of(|f| f.fps),
            kbps: of(|f| f.kbps),
            sent_cpu_ms: of(|f| f.sent_cpu_ms),
            received_cpu_ms: of(|f| f.received_cpu_ms),
            psnr_db: of(|f| f.psnr_db),
            sender_mib: of(|f| f.sender_mib),
            receiver_mib: of(|f| f.receiver_mib),
            codec: all.iter().find_map(|f| f.codec.clone()),
        }
    }
}

/// The middle of some values.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let even = values.len().is_multiple_of(2);
    Some(if even {
        (values[middle - 1] + upper) / 2.0
    } else {
        upper
    })
}

/// The page, in Markdown, and what was not reached.
pub(crate) fn page(rows: &[(Row, Figures)], runs: u32) -> (String, Vec<String>) {
    let mut page = format!(
        "# A call, measured\n\n\
         Written by `cargo xtask bench call`: medians of {runs} runs. One way, picture and sound; both ends and the \
         relay on one machine ({}). The picture is {WIDTH}x{HEIGHT} at {FPS} a second, the engine's test picture at \
         every sender, at most {CAP_KBPS} kbit/s. Built with optimisation.\n\n",
        machine()
    );
    page += "| |";
    for (title, ..) in COLUMNS {
        let _ = write!(page, " {title} |");
    }
    page += " codec |\n|---|";
    page += &"---:|".repeat(COLUMNS.len());
    page += "---|\n";
    for (row, figures) in rows {
        let _ = write!(page, "| {} |", row.name());
        for (_, get, digits) in COLUMNS {
            match get(figures) {
                Some(value) => {
                    let _ = write!(page, " {value:.digits$} |");
                }
                None => page += " – |",
            }
        }
        let _ = writeln!(page, " {} |", figures.codec.as_deref().unwrap_or("–"));
    }
    let (aims, missed) = aims(rows);
    page += &aims;
    page += &method();
    (page, missed)
}

/// Where Ahoy stands beside Chromium to Chromium, and what was not reached.
fn aims(rows: &[(Row, Figures)]) -> (String, Vec<String>) {
    let of = |wanted: Row| rows.iter().find(|(row, _)| *row == wanted).map(|(_, f)| f);
    let mut missed = Vec::new();
    let mut text = String::from(
        "\n## Where Ahoy stands\n\nAhoy to Ahoy (of the last line: Chromium to the app's window) beside Chromium to Chromium, \
         as a ratio or a difference.\n\n| | | aim | |\n|---|---:|---:|---|\n",
    );
    let Some(chromium) = of(Row::ChromiumToChromium) else {
        return (String::new(), missed);
    };
    for (name, row, get, aim) in AIMS {
        let Some(figures) = of(row) else {
            continue;
        };
        let (Some(ours), Some(theirs)) = (get(figures), get(chromium)) else {
            missed.push(name.to_owned());
            let _ = writeln!(text, "| {name} | – | | not measured |");
            continue;
        };
        let (figure, wanted, reached) = match aim {
            Aim::Ratio(most) => {
                let ratio = ours / theirs;
                (format!("{ratio:.2}"), format!("{most}"), ratio <= most)
            }
            Aim::Within(most) => {
                let more = ours - theirs;
                (format!("{more:+.1}"), format!("-{most}"), more >= -most)
            }
        };
        if !reached {
            missed.push(name.to_owned());
        }
        let word = if reached { "reached" } else { "not yet" };
        let _ = writeln!(text, "| {name} | {figure} | {wanted} | {word} |");
    }
    (text, missed)
}

fn method() -> String {
    format!(
        "\n## How it is measured\n\n\
         - **First frame:** from the offer (where the receiver got or made it) to the first picture at the sink; in \
         Chromium at the first `requestVideoFrameCallback`.\n\
         - **Latency:** each picture is stamped with the time at which it was made. In Ahoy it is read when the picture \
         reaches the sink, in Chromium at `requestVideoFrameCallback`, in the app's window from the canvas before each \
         repaint; over {} s.\n\
         - **CPU and memory:** of the end's processes, all of Chromium's among them, over {} s after {} s of warming \
         up, without reading stamps in browsers; a sender's includes making the picture, the window's includes its \
         drawing. Memory is PSS, so that shared pages count once. Chromium's camera holds 40 MiB of pictures.\n\
         - **PSNR:** of the brightness of ten pictures, against the ones that were sent, without the stamp's rows. An \
         Ahoy records for it in a call of its own.\n\
         - Chromium sends and receives on the guest page, headless, without a GPU. For Chromium to Chromium an idle \
         `ahoy-call` opens the room.\n",
        WINDOW.as_secs(),
        WINDOW.as_secs(),
        WARM_UP.as_secs()
    )
}

/// The machine in a few words.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores of {model}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(value: f64) -> Figures {
        Figures {
            first_frame_ms: Some(value),
            ..Figures::default()
        }
    }

    #[test]
    fn a_median_is_the_middle_of_what_was_measured() {
        let all = [figures(9.0), figures(1.0), Figures::default(), figures(2.0)];
        assert_eq!(Figures::median(&all).first_frame_ms, Some(2.0));
        assert_eq!(Figures::median(&all[..2]).first_frame_ms, Some(5.0));
        assert_eq!(Figures::median(&all[2..3]).first_frame_ms, None);
    }

    #[test]
    fn a_ratio_is_told_against_its_aim() {
        let rows = [
            (Row::AhoyToAhoy, figures(50.0)),
            (Row::ChromiumToChromium, figures(100.0)),
        ];
        let (text, missed) = page(&rows, 1);
        assert!(
            text.contains("| First frame | 0.50 | 1 | reached |"),
            "{text}"
        );
        assert!(!missed.contains(&"First frame".to_owned()), "{missed:?}");
        assert!(
            text.contains("| Latency p50 | – | | not measured |"),
            "{text}"
        );
        assert!(missed.contains(&"Latency p50".to_owned()), "{missed:?}");
        let (text, missed) = page(&[rows[1].clone(), (Row::AhoyToAhoy, figures(101.0))], 1);
        assert!(
            text.contains("| First frame | 1.01 | 1 | not yet |"),
            "{text}"
        );
        assert_eq!(missed[0], "First frame");
    }
}
