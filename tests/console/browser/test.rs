//! A test in a browser, with a picture where it fails.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, resume_unwind},
    path::PathBuf,
};

use futures_util::FutureExt;

use super::{Browser, Options, picture};

/// Runs a test in a browser of its own, which must have had nothing to complain about in the end (see
/// [`Browser::assert_no_complaints`]). Where it fails, there are a picture and the page's source in `target/console`, as
/// `failed-<name>.png` and `.html`.
pub(crate) async fn browser_test(name: &str, options: Options, test: impl AsyncFnOnce(&Browser)) {
    assert!(
        env::var_os("KEYSYNC_TEST_BROWSER").is_some(),
        "{name} needs a browser: run `cargo task browser`"
    );
    let name = format!("failed-{name}");
    for of_before in evidence(&name) {
        let _ = fs::remove_file(of_before);
    }
    let browser = Browser::open(options).await;
    let whole = async {
        test(&browser).await;
        browser.assert_no_complaints().await;
    };
    let outcome = AssertUnwindSafe(whole).catch_unwind().await;
    if outcome.is_err() {
        browser.keeps_evidence(&name).await;
    }
    browser.close().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

fn evidence(name: &str) -> [PathBuf; 2] {
    ["png", "html"].map(|kind| picture::file(name, kind))
}

impl Browser {
    /// Writes down what the page looks like and what was done. Never fails: the test has its own failure to tell.
    async fn keeps_evidence(&self, name: &str) {
        let [picture, source] = evidence(name);
        if let Ok(bytes) = self.web.screenshot_as_png().await {
            let _ = fs::write(&picture, bytes);
        }
        if let Ok(text) = self.web.source().await {
            let _ = fs::write(&source, text);
        }
        let url = self.web.current_url().await.map_or_else(|error| error.to_string(), |url| url.to_string());
        eprintln!("at {url}, see {} and {}; the test did:", picture.display(), source.display());
        for step in self.steps.lock().iter().flat_map(|steps| steps.iter()) {
            eprintln!("  {step}");
        }
    }
}
