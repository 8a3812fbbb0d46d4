//! The log of a real process: what it writes to standard error.

use std::{fmt, io, process::Command, thread, time::Duration};

use tracing_subscriber::EnvFilter;

/// Runs one of the tests below that are a program of their own, and returns what it wrote to standard error.
fn run(program: &str) -> io::Result<String> {
    let this = std::env::current_exe()?;
    let output = Command::new(this)
        .args(["--exact", program, "--ignored", "--nocapture"])
        .env_remove("RUST_BACKTRACE")
        .output()?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_panic_is_redacted_and_counted() {
    let errors = run("panics").unwrap();
    let lines: Vec<_> = errors
        .lines()
        .filter(|line| line.contains("panicked at"))
        .collect();
    assert_eq!(lines.len(), 5, "{errors}");
    let expected = "refused [address] with password=[secret]";
    assert!(
        lines.iter().all(|line| line.ends_with(expected)),
        "{errors}"
    );
    assert!(
        lines
            .iter()
            .all(|line| line.contains("ERROR panic: thread 'a thread' panicked at"))
    );
    assert!(errors.contains("repeated 15 times within 10 s"), "{errors}");
    assert!(
        !errors.contains("192.0.2.1") && !errors.contains("hunter2"),
        "{errors}"
    );
}

#[test]
#[ignore = "a program of its own"]
fn panics() {
    let guard = ahoy_log::init(EnvFilter::new("info"), false);
    for _ in 0..20 {
        let thread = thread::Builder::new().name("a thread".to_owned());
        let running =
            thread.spawn(|| panic!("refused {} with password={}", "192.0.2.1:9", "hunter2"));
        assert!(running.unwrap().join().is_err());
    }
    drop(guard);
}

/// A value that logs something while it is formatted, as some do that are computed.
struct Loud;

impl fmt::Debug for Loud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracing::info!("from within");
        f.write_str("loud")
    }
}

#[test]
fn a_value_may_log_and_what_was_left_out_is_told_of_by_itself() {
    let errors = run("logs").unwrap();
    assert!(errors.contains("from within"), "{errors}");
    assert!(errors.contains("outside value=loud"), "{errors}");
    let (before, after) = errors.split_once("the window is over").unwrap();
    assert!(before.contains("repeated 3 times within 10 s"), "{errors}");
    assert!(!after.contains("repeated"), "{errors}");
}

#[test]
#[ignore = "a program of its own"]
fn logs() {
    let guard = ahoy_log::init(EnvFilter::new("info"), false);
    tracing::info!(value = ?Loud, "outside");
    for _ in 0..8 {
        tracing::warn!("again");
    }
    thread::sleep(Duration::from_secs(11));
    eprintln!("the window is over");
    drop(guard);
}
