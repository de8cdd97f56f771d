//! Screenshots of a page, in `target/console`.

use std::{fs, path::Path, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::Browser;

impl Browser {
    /// Takes a screenshot of the window: `target/console/<name>.png`.
    pub(crate) async fn screenshot(&self, name: &str) {
        self.capture(name, false).await;
    }

    /// Takes a screenshot of the full page.
    pub(crate) async fn full_page_screenshot(&self, name: &str) {
        self.capture(name, true).await;
    }

    async fn capture(&self, name: &str, whole: bool) {
        let parameters = json!({ "format": "png", "captureBeyondViewport": whole });
        let captured = self.devtools("Page.captureScreenshot", parameters).await;
        fs::write(file(name, "png"), STANDARD.decode(captured["data"].as_str().unwrap()).unwrap()).unwrap();
    }
}

/// The path of a file with this name and extension; creates its folder.
pub(super) fn file(name: &str, kind: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("console");
    fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{name}.{kind}"))
}
