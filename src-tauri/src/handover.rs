//! Hands what a second Ahoy was opened with to the first, before this one loads anything.
//!
//! The plugin for single instances does so too, but only when the toolkit is loaded, and then ends the process under
//! its threads, which has crashed. It stays for those who start at the same moment, and for other systems.

#[cfg(target_os = "linux")]
pub(crate) use linux::to_the_first;

/// Whether there was one, and has it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn to_the_first(_identifier: &str) -> bool {
    false
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{env, time::Duration};

    use zbus::{blocking::connection::Builder, names::BusName};

    /// A first one that does not answer in this time is not waited for.
    const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
    /// The plugin's interface.
    const INTERFACE: &str = "org.SingleInstance.DBus";

    /// Whether there was one, and has it. `identifier` is the app's, by which the plugin names itself on the desktop's bus.
    pub(crate) fn to_the_first(identifier: &str) -> bool {
        match hand_over(identifier) {
            Ok(handed) => handed,
            Err(error) => {
                // Without a bus there are no others to be found; the plugin says so.
                tracing::debug!("nothing was handed over: {error}");
                false
            }
        }
    }

    fn hand_over(identifier: &str) -> zbus::Result<bool> {
        let bus = Builder::session()?.method_timeout(ANSWERS_WITHIN).build()?;
        let name = format!("{identifier}.SingleInstance");
        let owned = zbus::blocking::fdo::DBusProxy::new(&bus)?
            .name_has_owner(BusName::try_from(name.as_str())?)?;
        if !owned {
            return Ok(false);
        }
        let path = format!("/{}", name.replace('.', "/").replace('-', "_"));
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let arguments: Vec<String> = env::args_os().map(text).collect();
        let folder = env::current_dir().unwrap_or_default();
        let body = (arguments, text(folder.into_os_string()));
        bus.call_method(
            Some(name.as_str()),
            path.as_str(),
            Some(INTERFACE),
            "ExecuteCallback",
            &body,
        )?;
        Ok(true)
    }
}
