//! When a device is opened again: after it failed, and when the list of devices has changed. No clock, no device.

use std::time::Duration;

use ahoy_contract::ui::{DeviceInfo, DeviceState};

use crate::device::{DeviceError, DeviceKind, Devices};

/// The first try after a failure; from then on twice as long each time ...
const FIRST: Duration = Duration::from_millis(500);
/// ... up to this.
const LONGEST: Duration = Duration::from_secs(8);
/// A device that has worked this long was well: its next failure is a first one.
const WELL: Duration = Duration::from_secs(10);
/// Another program has it, and may let go of it any time; asking costs both nothing.
const BUSY: Duration = Duration::from_secs(3);
/// What is missing shows itself in the list, at once. This is for what is in the list before it can be opened, and for
/// a sound server that has gone and come back between two looks.
const MISSING: Duration = Duration::from_secs(2);
/// A person allows it in some settings, or not.
const DENIED: Duration = Duration::from_secs(5);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(super) struct Retry {
    failures: u32,
}

impl Retry {
    /// How long to wait after a device failed that has worked for so long. `None`: it is of no use to try again.
    pub(super) fn after(&mut self, error: &DeviceError, worked: Duration) -> Option<Duration> {
        if worked >= WELL {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        match error {
            DeviceError::File(_) | DeviceError::Unsupported(..) => None,
            // A window that was closed does not come back, and one that is not to be shown is not asked for again.
            DeviceError::Missing(DeviceKind::Screen) | DeviceError::Denied(DeviceKind::Screen) => {
                None
            }
            DeviceError::Missing(_) => Some(MISSING),
            DeviceError::Busy(_) => Some(BUSY),
            DeviceError::Denied(_) => Some(DENIED),
            DeviceError::Failed(..) => {
                let doubled = FIRST.saturating_mul(1 << (self.failures - 1).min(16));
                Some(doubled.min(LONGEST))
            }
        }
    }
}

/// The list of one kind of device, and its default where the system has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) devices: &'a [DeviceInfo],
    pub(super) default: Option<&'a str>,
}

/// Whether a device is to be opened anew because the list has changed: it was missing and something has come, it follows
/// the default and that is another one now, or it was pulled, which sound servers do not always tell.
pub(super) fn is_to_reopen(
    before: Listed<'_>,
    now: Listed<'_>,
    chosen: Option<&str>,
    state: &DeviceState,
) -> bool {
    match state {
        DeviceState::Closed => false,
        DeviceState::Missing | DeviceState::Failed { .. } => now
            .devices
            .iter()
            .any(|device| !before.devices.contains(device)),
        DeviceState::Opening | DeviceState::Open => match chosen {
            None => {
                before.default.is_some() && now.default.is_some() && before.default != now.default
            }
            Some(chosen) => {
                Devices::resolve(before.devices, chosen).is_some()
                    && Devices::resolve(now.devices, chosen).is_none()
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceKind::{Camera, Microphone, Screen};

    const MOMENT: Duration = Duration::from_millis(100);

    fn failed() -> DeviceError {
        DeviceError::Failed(Camera, "it has stalled".into())
    }

    #[test]
    fn a_device_that_keeps_failing_is_tried_less_and_less_but_never_given_up() {
        let mut retry = Retry::default();
        let waits: Vec<u128> = (0..100)
            .map(|_| retry.after(&failed(), MOMENT).unwrap().as_millis())
            .collect();
        assert_eq!(waits[..6], [500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!(waits[99], 8000);
        assert_eq!(
            retry.after(&failed(), WELL),
            Some(FIRST),
            "it was well in between"
        );
    }

    #[test]
    fn what_is_busy_or_missing_is_asked_for_at_an_even_pace() {
        let mut retry = Retry::default();
        for _ in 0..50 {
            let busy = retry.after(&DeviceError::Busy(Camera), Duration::ZERO);
            assert!(busy.is_some_and(|wait| (1..=5).contains(&wait.as_secs())));
            let missing = retry.after(&DeviceError::Missing(Microphone), Duration::ZERO);
            assert_eq!(missing, Some(MISSING));
        }
        let file = DeviceError::File("it is no film".into());
        assert_eq!(retry.after(&file, Duration::ZERO), None);
        for closed in [
            DeviceError::Missing(Screen),
            DeviceError::Denied(Screen),
            DeviceError::Unsupported(Screen, "no portal".into()),
        ] {
            assert_eq!(retry.after(&closed, WELL), None);
        }
    }

    fn devices(ids: &[&str]) -> Vec<DeviceInfo> {
        ids.iter()
            .map(|id| DeviceInfo {
                id: (*id).into(),
                name: id.to_uppercase(),
            })
            .collect()
    }

    /// Two lists with their defaults, what is chosen and how it does.
    fn reopened(
        before: (&[&str], &str),
        now: (&[&str], &str),
        chosen: Option<&str>,
        state: &DeviceState,
    ) -> bool {
        let (old, new) = (devices(before.0), devices(now.0));
        fn listed<'a>(devices: &'a [DeviceInfo], default: &'a str) -> Listed<'a> {
            Listed {
                devices,
                default: Some(default).filter(|default| !default.is_empty()),
            }
        }
        is_to_reopen(listed(&old, before.1), listed(&new, now.1), chosen, state)
    }

    #[test]
    fn what_comes_back_is_opened_and_what_goes_is_not() {
        let missing = DeviceState::Missing;
        let failed = DeviceState::Failed {
            error: failed().to_user(),
        };
        for broken in [&missing, &failed] {
            assert!(reopened((&[], ""), (&["a"], "a"), None, broken));
            assert!(reopened(
                (&["b"], "b"),
                (&["b", "a"], "b"),
                Some("a"),
                broken
            ));
            assert!(!reopened(
                (&["a", "b"], "a"),
                (&["b"], "b"),
                Some("a"),
                broken
            ));
            assert!(!reopened((&["a"], "a"), (&["a"], "a"), Some("a"), broken));
        }
    }

    #[test]
    fn who_chose_nothing_follows_the_default() {
        let open = DeviceState::Open;
        let both: &[&str] = &["a", "b"];
        assert!(reopened((both, "a"), (both, "b"), None, &open));
        assert!(!reopened((both, "a"), (both, "b"), Some("a"), &open));
        assert!(!reopened((both, "a"), (both, "a"), None, &open));
        // The first look, and a server that says nothing.
        assert!(!reopened((&[], ""), (both, "a"), None, &open));
        assert!(!reopened((both, "a"), (both, ""), None, &open));
        assert!(!reopened(
            (both, "a"),
            (both, "b"),
            None,
            &DeviceState::Closed
        ));
    }

    #[test]
    fn what_was_pulled_is_missed_at_once() {
        let open = DeviceState::Open;
        assert!(reopened(
            (&["a", "b"], "b"),
            (&["b"], "b"),
            Some("a"),
            &open
        ));
        assert!(reopened(
            (&["a", "b"], "b"),
            (&["b"], "b"),
            Some("A"),
            &open
        ));
        assert!(!reopened(
            (&["a", "b"], "b"),
            (&["a"], "a"),
            Some("a"),
            &open
        ));
        // One that is not shown, as monitors are, is not missed.
        assert!(!reopened(
            (&["b"], "b"),
            (&["b"], "b"),
            Some("a.monitor"),
            &open
        ));
    }
}
