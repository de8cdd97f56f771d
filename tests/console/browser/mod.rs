//! A browser that a test controls like a user.
//!
//! ```text
//! browser_test("synchronizes_key", Options::narrow().dark(), async |browser| {
//!     browser.go(&console).await;
//!     browser.click("Synchronize").await;
//!     browser.wait_for_text("synchronized just now").await;
//!     browser.assert_accessible().await;
//! })
//! .await;
//! ```
//!
//! An impossible action fails the test with a description of the page. Everything that may take
//! time is waited for, up to the timeout in [`Options`]. Starting and stopping a browser takes a
//! second or two, so a test that needs several settings [adjusts](Browser::adjust) one browser.

mod accessibility;
mod controls;
mod driver;
pub(crate) mod firefox;
mod input;
mod options;
mod page;
mod screenshot;
mod test;

use std::{
    env,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};
use tokio::time::{interval, timeout};

use self::driver::{CHROMEDRIVER, Driver};
pub(crate) use self::{options::Options, test::browser_test};

/// Flags that isolate the browser: no account, no updates, and connections only to the page's
/// server.
const FLAGS: [&str; 11] = [
    "--headless",
    // The sandbox is not available as root or in most containers, and the pages are trusted.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Containers have little shared memory.
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--hide-scrollbars",
];

/// A running browser with one page.
pub(crate) struct Browser {
    web: WebDriver,
    driver: Driver,
    options: Mutex<Options>,
    steps: Mutex<Vec<String>>,
}

impl Browser {
    /// Starts a browser with a new profile.
    pub(crate) async fn open(options: Options) -> Self {
        let driver = Driver::start(CHROMEDRIVER).await;
        let mut capabilities = DesiredCapabilities::chrome();
        capabilities.set_binary(&env::var("KEYSYNC_TEST_CHROMIUM").unwrap()).unwrap();
        for flag in FLAGS {
            capabilities.add_arg(flag).unwrap();
        }
        capabilities.add_arg(&format!("--user-data-dir={}", driver.profile().display())).unwrap();
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let web = match WebDriver::new(driver.url(), capabilities).await {
            Ok(web) => web,
            Err(error) => panic!("the browser does not start: {error:?}\n{}", driver.log()),
        };
        let browser = Self { web, driver, options: Mutex::new(options), steps: Mutex::default() };
        browser.adjust(options).await;
        browser
    }

    /// Opens a page, and waits until it is loaded.
    pub(crate) async fn go(&self, url: &str) {
        self.record_step(format!("go to {url}"));
        self.web.goto(url).await.unwrap_or_else(|error| panic!("{url} cannot be opened: {error}"));
    }

    /// Reloads the page.
    pub(crate) async fn reload(&self) {
        self.record_step("reload".to_owned());
        self.web.refresh().await.unwrap();
    }

    /// Goes back to the previous page.
    pub(crate) async fn back(&self) {
        self.record_step("go back".to_owned());
        self.web.back().await.unwrap();
    }

    /// The page's title.
    pub(crate) async fn title(&self) -> String {
        self.web.title().await.unwrap()
    }

    /// The page's address.
    pub(crate) async fn url(&self) -> String {
        self.web.current_url().await.unwrap().to_string()
    }

    /// Evaluates a script of the test, even if the page's scripts are disabled.
    pub(crate) async fn evaluate(&self, script: &str) -> serde_json::Value {
        self.web.execute(script, vec![]).await.unwrap().json().clone()
    }

    /// The folder of the browser's files, which exists while it runs.
    pub(crate) fn folder(&self) -> PathBuf {
        self.driver.profile().with_file_name("")
    }

    /// Closes the browser and stops its processes.
    pub(crate) async fn close(self) {
        // The driver stops a browser that does not respond. Dropping the session before would wait
        // for it.
        let (_session, timeout_after) = (self.web.clone(), self.options().timeout_after);
        let _ = timeout(timeout_after, self.web.quit()).await;
        self.driver.stop().await;
    }

    /// Calls the browser's `DevTools`.
    async fn devtools(&self, method: &str, parameters: serde_json::Value) -> serde_json::Value {
        let response = self.web.cdp().send_raw(method, parameters).await;
        response.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Polls until a condition holds. Returns `false` on timeout.
    async fn until(&self, condition: impl AsyncFn() -> bool) -> bool {
        let polling = async {
            let mut look = interval(Duration::from_millis(50));
            while !condition().await {
                look.tick().await;
            }
        };
        timeout(self.options().timeout_after, polling).await.is_ok()
    }

    /// The current options.
    fn options(&self) -> Options {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a step of the test for the report of a failure.
    fn record_step(&self, step: String) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }
}
