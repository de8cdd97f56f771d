//! How the browser is set up: its window, its owner's preferences, and where it is.

use std::{sync::PoisonError, time::Duration};

use serde_json::json;

use super::Browser;

/// How a browser is set up. Light, in UTC, with scripts and motion, unless said otherwise.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting that somebody has or has not")]
pub(crate) struct Options {
    pub(super) width: u32,
    height: u32,
    phone: bool,
    dark: bool,
    script: bool,
    motion: bool,
    time_zone: &'static str,
    pub(super) patience: Duration,
}

impl Options {
    /// A window on a desk: 1280 × 900.
    pub(crate) const fn wide() -> Self {
        Self {
            width: 1280,
            height: 900,
            phone: false,
            dark: false,
            script: true,
            motion: true,
            time_zone: "UTC",
            // Two cores, and more than one browser on them.
            patience: Duration::from_secs(10),
        }
    }

    /// A phone held upright: 375 × 812, where a page that does not say that it fits is laid out wide.
    pub(crate) const fn narrow() -> Self {
        Self { width: 375, height: 812, phone: true, ..Self::wide() }
    }

    /// Prefers dark colours.
    pub(crate) const fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    /// Runs none of the page's scripts.
    pub(crate) const fn without_script(self) -> Self {
        Self { script: false, ..self }
    }

    /// Waits no longer than this for what takes its time; 10 s otherwise.
    pub(crate) const fn waiting(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Whether it runs the page's scripts.
    pub(super) const fn has_script(self) -> bool {
        self.script
    }

    /// Prefers things not to move.
    pub(crate) const fn reduced_motion(self) -> Self {
        Self { motion: false, ..self }
    }

    /// Is where this time zone is, such as `Asia/Tokyo`.
    pub(crate) const fn in_time_zone(self, time_zone: &'static str) -> Self {
        Self { time_zone, ..self }
    }
}

impl Browser {
    /// Sets the browser up otherwise. The page that it shows sees everything but the script setting and the time zone at
    /// once; those it sees when it is loaded again.
    pub(crate) async fn adjust(&self, options: Options) {
        self.notes(format!("{options:?}"));
        let Options { width, height, phone, dark, script, motion, time_zone, patience: _ } = options;
        let window = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.tools("Emulation.setDeviceMetricsOverride", window).await;
        let preferences = json!({ "features": [
            { "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } },
            { "name": "prefers-reduced-motion", "value": if motion { "no-preference" } else { "reduce" } },
        ] });
        self.tools("Emulation.setEmulatedMedia", preferences).await;
        self.tools("Emulation.setTimezoneOverride", json!({ "timezoneId": time_zone })).await;
        self.allow_script(script).await;
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
    }

    /// Takes the network away, or gives it back.
    pub(crate) async fn has_network(&self, has: bool) {
        self.notes(if has { "go online" } else { "go offline" }.to_owned());
        let conditions =
            json!({ "offline": !has, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.tools("Network.enable", json!({})).await;
        self.tools("Network.emulateNetworkConditions", conditions).await;
    }

    /// Lets the page's scripts run, or not. The test's own run in any case, but timers do only with the page's.
    pub(super) async fn allow_script(&self, allow: bool) {
        self.tools("Emulation.setScriptExecutionDisabled", json!({ "value": !allow })).await;
    }
}
