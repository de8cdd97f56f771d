//! Browser options: window, user preferences and time zone.

use std::{sync::PoisonError, time::Duration};

use serde_json::json;

use super::Browser;

/// Options of a browser. The default is light, in UTC, with scripts and motion.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent setting")]
pub(crate) struct Options {
    pub(super) width: u32,
    height: u32,
    phone: bool,
    dark: bool,
    script: bool,
    motion: bool,
    time_zone: &'static str,
    pub(super) timeout_after: Duration,
}

impl Options {
    /// A desktop window: 1280 × 900.
    pub(crate) const fn wide() -> Self {
        Self {
            width: 1280,
            height: 900,
            phone: false,
            dark: false,
            script: true,
            motion: true,
            time_zone: "UTC",
            // Enough for several browsers on two cores.
            timeout_after: Duration::from_secs(10),
        }
    }

    /// A phone in portrait orientation: 375 × 812. A page without a viewport declaration gets a
    /// wide layout.
    pub(crate) const fn narrow() -> Self {
        Self { width: 375, height: 812, phone: true, ..Self::wide() }
    }

    /// A wider phone: 390 × 844.
    pub(crate) const fn phone_390() -> Self {
        Self { width: 390, height: 844, ..Self::narrow() }
    }

    /// Prefers dark colours.
    pub(crate) const fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    /// Disables the page's scripts.
    pub(crate) const fn without_script(self) -> Self {
        Self { script: false, ..self }
    }

    /// Sets the timeout of waiting operations, 10 s by default.
    pub(crate) const fn with_timeout(self, timeout_after: Duration) -> Self {
        Self { timeout_after, ..self }
    }

    /// Whether the page's scripts are enabled.
    pub(super) const fn has_script(self) -> bool {
        self.script
    }

    /// Prefers reduced motion.
    pub(crate) const fn reduced_motion(self) -> Self {
        Self { motion: false, ..self }
    }

    /// Sets the time zone, such as `Asia/Tokyo`.
    pub(crate) const fn in_time_zone(self, time_zone: &'static str) -> Self {
        Self { time_zone, ..self }
    }
}

impl Browser {
    /// Changes the options. The script setting and the time zone take effect when the page is
    /// loaded again, the others immediately.
    pub(crate) async fn adjust(&self, options: Options) {
        self.record_step(format!("{options:?}"));
        let Options { width, height, phone, dark, script, motion, time_zone, timeout_after: _ } = options;
        let window = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.devtools("Emulation.setDeviceMetricsOverride", window).await;
        let preferences = json!({ "features": [
            { "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } },
            { "name": "prefers-reduced-motion", "value": if motion { "no-preference" } else { "reduce" } },
        ] });
        self.devtools("Emulation.setEmulatedMedia", preferences).await;
        self.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": time_zone })).await;
        self.allow_script(script).await;
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
    }

    /// Enables or disables the network.
    pub(crate) async fn set_network(&self, enabled: bool) {
        self.record_step(if enabled { "go online" } else { "go offline" }.to_owned());
        let conditions =
            json!({ "offline": !enabled, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.emulateNetworkConditions", conditions).await;
    }

    /// Enables or disables the page's scripts. The test's scripts run in any case, but timers only
    /// with the page's.
    pub(super) async fn allow_script(&self, allow: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !allow })).await;
    }
}
