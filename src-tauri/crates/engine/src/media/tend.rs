//! One thread per kind of device, for as long as the devices are wanted: it opens what is chosen, changes over when that
//! changes, and tries again when it fails.

use std::{
    io,
    time::{Duration, Instant},
};

use ahoy_contract::ui::DeviceState;
use tokio::{runtime::Handle, sync::watch, time::sleep_until};
use tokio_util::sync::CancellationToken;

use super::{now, retry::Retry, thread::Worker};
use crate::device::{DeviceError, DeviceKind};

/// How long a read of a device waits before its thread looks whether something else is wanted.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// What is wanted of a device. Each change makes its thread look anew.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order<S> {
    /// Which, or what in its place.
    pub(super) spec: S,
    /// The user has it off.
    pub(super) off: bool,
    /// Grows when it is to be opened anew.
    pub(super) again: u64,
}

impl<S> Order<S> {
    pub(super) fn new(spec: S, off: bool) -> Self {
        Self {
            spec,
            off,
            again: 0,
        }
    }
}

/// Changes an order; its thread hears of it only if something is another.
pub(super) fn change<S: Clone + PartialEq>(
    orders: &watch::Sender<Order<S>>,
    change: impl FnOnce(&mut Order<S>),
) {
    orders.send_if_modified(|order| {
        let before = order.clone();
        change(order);
        *order != before
    });
}

/// A kind of device, on its thread.
pub(super) trait Device: Send + 'static {
    /// Names one, or what is there in its place.
    type Spec: Clone + PartialEq + Send + Sync + 'static;
    /// The thread's name.
    const THREAD: &'static str;
    /// For errors.
    const KIND: DeviceKind;

    /// Whether this names no device at all.
    fn is_none(_spec: &Self::Spec) -> bool {
        false
    }

    /// Opens a device and works with it until the duty is over or it fails.
    fn run(
        &mut self,
        spec: &Self::Spec,
        duty: &mut Duty<'_, Self::Spec>,
    ) -> Result<(), DeviceError>;

    /// Does without a device until the duty is over or the time has come. `wanted` says whether there should be one.
    fn rest(&mut self, wanted: bool, until: Option<Instant>, duty: &Duty<'_, Self::Spec>);
}

/// What a device sees of what is wanted of it.
pub(super) struct Duty<'a, S> {
    orders: watch::Receiver<Order<S>>,
    stop: &'a CancellationToken,
    state: &'a watch::Sender<DeviceState>,
    handle: &'a Handle,
    /// Since when the device has worked.
    since: Option<Instant>,
}

impl<S> Duty<'_, S> {
    /// Something else is wanted, or nothing any more.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_cancelled() || self.orders.has_changed().unwrap_or(true)
    }

    /// The device brings or takes something.
    pub(super) fn works(&mut self) {
        if self.since.is_none() {
            self.since = Some(now());
            self.tell(DeviceState::Open);
        }
    }

    /// Waits until the duty is over or the time has come.
    pub(super) fn wait(&self, until: Option<Instant>) {
        let mut orders = self.orders.clone();
        self.handle.block_on(async {
            tokio::select! {
                () = self.stop.cancelled() => {}
                // Closed: whoever ordered is gone.
                _ = orders.changed() => {}
                () = async { sleep_until(until.unwrap_or_else(now).into()).await }, if until.is_some() => {}
            }
        });
    }

    fn tell(&self, state: DeviceState) {
        self.state.send_if_modified(|told| {
            let new = *told != state;
            *told = state;
            new
        });
    }
}

/// Starts a device's thread. To be called on a tokio runtime.
pub(super) fn start<D: Device>(
    mut device: D,
    orders: watch::Receiver<Order<D::Spec>>,
    state: watch::Sender<DeviceState>,
) -> io::Result<Worker> {
    let handle = Handle::current();
    Worker::spawn(D::THREAD, move |stop| {
        let mut duty = Duty {
            orders,
            stop: &stop,
            state: &state,
            handle: &handle,
            since: None,
        };
        tend(&mut device, &mut duty);
        duty.tell(DeviceState::Closed);
    })
}

/// As [`start`]; where there is no thread to be had, the state says that the device cannot be used.
pub(super) fn start_or_tell<D: Device>(
    device: D,
    orders: watch::Receiver<Order<D::Spec>>,
    state: &watch::Sender<DeviceState>,
) -> Option<Worker> {
    match start(device, orders, state.clone()) {
        Ok(worker) => Some(worker),
        Err(error) => {
            let error = DeviceError::Failed(D::KIND, error.to_string());
            state.send_replace(state_of(&error));
            None
        }
    }
}

fn tend<D: Device>(device: &mut D, duty: &mut Duty<'_, D::Spec>) {
    let mut retry = Retry::default();
    let mut last: Option<Order<D::Spec>> = None;
    let mut logged = None;
    while !duty.stop.is_cancelled() && duty.orders.has_changed().is_ok() {
        let order = duty.orders.borrow_and_update().clone();
        if order.off || D::is_none(&order.spec) {
            duty.tell(if order.off {
                DeviceState::Closed
            } else {
                DeviceState::Missing
            });
            device.rest(false, None, duty);
            last = Some(order);
            continue;
        }
        if last.as_ref() != Some(&order) {
            retry = Retry::default();
        }
        // One that is tried again stays failed for all who look until it works: it would flicker else. One that takes
        // the place of another is open for them.
        let same = |last: &Order<D::Spec>| !last.off && last.spec == order.spec;
        if !last.as_ref().is_some_and(same) {
            logged = None;
            if *duty.state.borrow() != DeviceState::Open {
                duty.tell(DeviceState::Opening);
            }
        }
        duty.since = None;
        let end = device.run(&order.spec, duty);
        let worked = duty.since.map_or(Duration::ZERO, |since| now() - since);
        if let Err(error) = end
            && !duty.stop.is_cancelled()
        {
            if worked > Duration::ZERO || logged.as_ref() != Some(&error) {
                tracing::warn!("{error}");
            } else {
                tracing::debug!("{error}");
            }
            duty.tell(state_of(&error));
            let wait = retry.after(&error, worked);
            device.rest(true, wait.map(|wait| now() + wait), duty);
            logged = Some(error);
        }
        last = Some(order);
    }
}

/// How a device does that failed.
fn state_of(error: &DeviceError) -> DeviceState {
    match error {
        // Screens and the computer's sound are in no list of devices, and have sentences of their own.
        DeviceError::Missing(kind)
            if !matches!(kind, DeviceKind::Screen | DeviceKind::SystemSound) =>
        {
            DeviceState::Missing
        }
        error => DeviceState::Failed {
            error: error.to_user(),
        },
    }
}
