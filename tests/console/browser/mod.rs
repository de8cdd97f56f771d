//! A browser that a test tells what to do, in the words of somebody who sits in front of it.
//!
//! ```text
//! browser_test("a_key_is_synchronized", Options::narrow().dark(), async |browser| {
//!     browser.go(&console).await;
//!     browser.click("Synchronize").await;
//!     browser.waits_for("synchronized just now").await;
//!     browser.assert_accessible().await;
//! })
//! .await;
//! ```
//!
//! What cannot be done ends the test, and says what is there instead. Whatever may take its time is waited for, no longer
//! than the [`Options`] say. A browser takes a second or two to start and end: a test that looks at the same thing in
//! several ways [adjusts](Browser::adjust) one.

mod accessibility;
mod acting;
mod driver;
mod finding;
mod options;
mod picture;
mod seeing;
mod test;

use std::{
    env,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};
use tokio::time::{interval, timeout};

use self::driver::Driver;
pub(crate) use self::{options::Options, test::browser_test};

/// What keeps a browser to itself: no account, no updates, no word to anybody but the page's own server.
const FLAGS: [&str; 11] = [
    "--headless",
    // It cannot be had as root, nor in most containers; the pages are our own.
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
    /// Starts one, as a user who never used it before.
    pub(crate) async fn open(options: Options) -> Self {
        let driver = Driver::start().await;
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_binary(&env::var("KEYSYNC_TEST_CHROMIUM").unwrap()).unwrap();
        for flag in FLAGS {
            wanted.add_arg(flag).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", driver.profile().display())).unwrap();
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let web = match WebDriver::new(driver.url(), wanted).await {
            Ok(web) => web,
            Err(error) => panic!("the browser does not start: {error:?}\n{}", driver.log()),
        };
        let browser = Self { web, driver, options: Mutex::new(options), steps: Mutex::default() };
        browser.adjust(options).await;
        browser
    }

    /// Opens a page, and waits until it is loaded.
    pub(crate) async fn go(&self, url: &str) {
        self.notes(format!("go to {url}"));
        self.web.goto(url).await.unwrap_or_else(|error| panic!("{url} cannot be opened: {error}"));
    }

    /// Loads the page once more.
    pub(crate) async fn reload(&self) {
        self.notes("reload".to_owned());
        self.web.refresh().await.unwrap();
    }

    /// Goes to the page before this one.
    pub(crate) async fn back(&self) {
        self.notes("go back".to_owned());
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

    /// What a script of the test's returns, whether or not the page's own may run.
    pub(crate) async fn asks(&self, script: &str) -> serde_json::Value {
        self.web.execute(script, vec![]).await.unwrap().json().clone()
    }

    /// Where it keeps what it writes, for as long as it runs.
    pub(crate) fn folder(&self) -> PathBuf {
        self.driver.profile().with_file_name("")
    }

    /// Ends it, and all that it started.
    pub(crate) async fn close(self) {
        // A browser that no longer answers is ended below. Dropped before that, it would be waited for.
        let (_not_yet_dropped, patience) = (self.web.clone(), self.options().patience);
        let _ = timeout(patience, self.web.quit()).await;
        self.driver.end().await;
    }

    /// Calls the browser's `DevTools`.
    async fn tools(&self, method: &str, parameters: serde_json::Value) -> serde_json::Value {
        let answer = self.web.cdp().send_raw(method, parameters).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Asks again and again until something is so; `false` where that takes longer than a test waits.
    async fn until(&self, is_so: impl AsyncFn() -> bool) -> bool {
        let asked = async {
            let mut look = interval(Duration::from_millis(50));
            while !is_so().await {
                look.tick().await;
            }
        };
        timeout(self.options().patience, asked).await.is_ok()
    }

    /// How it is set up.
    fn options(&self) -> Options {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what the test did, for when it fails.
    fn notes(&self, step: String) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }
}
