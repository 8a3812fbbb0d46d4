use std::{sync::Arc, time::Duration};

use tracing::{Subscriber, debug, error, info, warn};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

use super::*;
use crate::repeat::MOST;

/// Keeps what would be written, with a clock that the test moves.
#[derive(Clone)]
struct Kept {
    lines: Arc<Mutex<Lines>>,
    text: Arc<Mutex<String>>,
    now: Arc<Mutex<Instant>>,
}

impl<S: Subscriber> Layer<S> for Kept {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let now = *self.now.lock();
        let said = said(&self.lines, now, event);
        self.text.lock().push_str(&said.text);
    }
}

/// What is written of what `say` says.
fn written(say: impl FnOnce(&Kept)) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    let now = Instant::now();
    let kept = Kept {
        lines: Arc::new(Mutex::new(Lines::new(Style { ansi: false }))),
        text: Arc::default(),
        now: Arc::new(Mutex::new(now)),
    };
    let subscriber = tracing_subscriber::registry().with(kept.clone());
    tracing::subscriber::with_default(subscriber, || say(&kept));
    let mut text = kept.text.lock().clone();
    text.push_str(&kept.lines.lock().rest());
    text.lines()
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect()
}

#[test]
fn a_line_says_level_place_message_and_fields() {
    let lines = written(|_| {
        warn!(port = 80, name = "x y", "it is \"so\"");
        info!("no fields");
    });
    assert_eq!(
        lines,
        [
            " WARN ahoy_log::line::tests: it is \"so\" port=80 name=\"x y\"",
            " INFO ahoy_log::line::tests: no fields",
        ]
    );
}

#[test]
fn nothing_that_must_not_be_read_is_in_a_line_above_debug() {
    let lines = written(|_| {
        error!(from = "192.0.2.1:9", "Failed: {:?}", [1_u8; 100]);
        debug!(from = "192.0.2.1:9", "Failed: {:?}", [1_u8; 10]);
    });
    assert_eq!(
        lines[0],
        "ERROR ahoy_log::line::tests: Failed: [payload] from=\"[address]\""
    );
    assert!(lines[1].contains("192.0.2.1:9") && lines[1].contains("[1, 1, 1,"));
}

#[test]
fn what_a_relay_was_called_by_is_shown() {
    let lines = written(|_| {
        warn!(origin = %"https://192.0.2.1:3002", host = %"192.0.2.1", "refused");
    });
    let expected = "refused origin=https://192.0.2.1:3002 host=[address]";
    assert!(lines[0].ends_with(expected), "{lines:?}");
}

#[test]
fn a_value_is_formatted_while_nothing_is_locked() {
    struct Locks(Arc<Mutex<Lines>>);
    impl std::fmt::Debug for Locks {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(if self.0.try_lock().is_some() {
                "free"
            } else {
                "locked"
            })
        }
    }
    let lines = written(|kept| info!(lock = ?Locks(kept.lines.clone()), "a value that logs"));
    assert!(lines[0].ends_with("lock=free"), "{lines:?}");
}

#[test]
fn what_was_left_out_is_told_of_when_the_window_is_over_though_nothing_more_is_said() {
    let told = written(|kept| {
        for _ in 0..MOST + 3 {
            warn!("again");
        }
        let (now, text) = (*kept.now.lock(), &kept.text);
        let (at_once, next) = crate::due(&kept.lines, now);
        assert_eq!((at_once.as_str(), next), ("", Some(now + WINDOW)));
        text.lock().clear();
        let (later, next) = crate::due(&kept.lines, now + WINDOW);
        text.lock().push_str(&later);
        assert_eq!(next, None);
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("repeated 3 times within 10 s"));
}

#[test]
fn a_line_is_short() {
    let lines = written(|_| {
        info!(a = "y".repeat(100_000), b = ?vec!["z"; 1000], "{}", "x".repeat(100_000));
        debug!("{}", "word ".repeat(100_000));
    });
    assert_eq!(lines.len(), 2);
    assert!(lines[0].len() < 1000, "{}", lines[0]);
    assert!(lines[1].len() < 5000, "{}", lines[1]);
    assert!(lines[1].ends_with('…'));
}

#[test]
fn a_place_that_repeats_itself_is_counted_instead() {
    let most = MOST as usize;
    let lines = written(|kept| {
        for number in 0..2 {
            for _ in 0..1000 {
                warn!("again");
            }
            *kept.now.lock() += Duration::from_secs(10 + number);
        }
        info!("something else");
        for _ in 0..100 {
            debug!("asked for");
        }
    });
    let warned = lines.iter().filter(|line| line.ends_with("again")).count();
    assert_eq!(warned, 2 * most);
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("repeated"))
        .collect();
    assert_eq!(told.len(), 2, "{lines:#?}");
    let words = format!("repeated {} times within 10 s", 1000 - most);
    assert!(told.iter().all(|line| line.contains(&words)), "{told:?}");
    assert!(told.iter().all(|line| line.starts_with(" WARN")));
    let debugged = lines.iter().filter(|line| line.ends_with("asked for"));
    assert_eq!(debugged.count(), 100);
}
