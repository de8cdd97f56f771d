//! Browser tests, with a screenshot on failure.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, resume_unwind},
    path::PathBuf,
};

use futures_util::FutureExt;

use super::{Browser, Options, screenshot};

/// Runs a test in a new browser, whose console must have no errors at the end (see
/// [`Browser::assert_no_console_errors`]). A failure leaves a screenshot and the page's source in
/// `target/console`, as `failed-<name>.png` and `.html`.
pub(crate) async fn browser_test(name: &str, options: Options, test: impl AsyncFnOnce(&Browser)) {
    assert!(
        env::var_os("KEYSYNC_TEST_BROWSER").is_some(),
        "{name} needs a browser: run `cargo task browser`, which finds or installs one"
    );
    let name = format!("failed-{name}");
    for file in evidence(&name) {
        let _ = fs::remove_file(file);
    }
    let browser = Browser::open(options).await;
    let checked = async {
        test(&browser).await;
        browser.assert_no_console_errors().await;
    };
    let outcome = AssertUnwindSafe(checked).catch_unwind().await;
    if outcome.is_err() {
        browser.save_evidence(&name).await;
    }
    browser.close().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

fn evidence(name: &str) -> [PathBuf; 2] {
    ["png", "html"].map(|kind| screenshot::file(name, kind))
}

impl Browser {
    /// Saves a screenshot and the source, and prints the steps. Ignores errors, because the test
    /// has already failed.
    async fn save_evidence(&self, name: &str) {
        let [screenshot, source] = evidence(name);
        if let Ok(bytes) = self.web.screenshot_as_png().await {
            let _ = fs::write(&screenshot, bytes);
        }
        if let Ok(text) = self.web.source().await {
            let _ = fs::write(&source, text);
        }
        let url = self.web.current_url().await.map_or_else(|error| error.to_string(), |url| url.to_string());
        eprintln!("at {url}, see {} and {}; steps of the test:", screenshot.display(), source.display());
        for step in self.steps.lock().iter().flat_map(|steps| steps.iter()) {
            eprintln!("  {step}");
        }
    }
}
