//! Pictures of a page, in `target/console`.

use std::{fs, path::Path, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::Browser;

impl Browser {
    /// Takes a picture of what the window shows: `target/console/<name>.png`.
    pub(crate) async fn screenshot(&self, name: &str) {
        self.picture(name, false).await;
    }

    /// Takes a picture of the whole page, however long it is.
    pub(crate) async fn screenshot_of_all(&self, name: &str) {
        self.picture(name, true).await;
    }

    async fn picture(&self, name: &str, whole: bool) {
        let wanted = json!({ "format": "png", "captureBeyondViewport": whole });
        let taken = self.tools("Page.captureScreenshot", wanted).await;
        fs::write(file(name, "png"), STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()).unwrap();
    }
}

/// The file of this name and kind, in a folder that is there.
pub(super) fn file(name: &str, kind: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("console");
    fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{name}.{kind}"))
}
