//! Firefox, by `WebDriver` alone: it has no `DevTools` protocol for accessible names and emulation.

use std::{env, fs, time::Duration};

use thirtyfour::{By, DesiredCapabilities, WebDriver, WebElement};
use tokio::time::{interval, timeout};

use super::{
    driver::{Driver, GECKODRIVER},
    page::normalize_spaces,
};

/// Timeout of waiting operations.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Script: axe-core's serious and critical violations.
const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }).then(
        result => done(result.violations.filter(one => /serious|critical/.test(one.impact)).map(one => one.help)),
        error => done([String(error)]))";

/// A running Firefox with one page.
pub(crate) struct Firefox {
    web: WebDriver,
    driver: Driver,
}

impl Firefox {
    /// Starts a Firefox with a new profile and a window of 1280 × 900.
    pub(crate) async fn open() -> Self {
        let driver = Driver::start(GECKODRIVER).await;
        let mut capabilities = DesiredCapabilities::firefox();
        capabilities.set_firefox_binary(&env::var("KEYSYNC_TEST_FIREFOX").unwrap()).unwrap();
        for argument in ["-headless", "--width=1280", "--height=900"] {
            capabilities.add_arg(argument).unwrap();
        }
        let web = match WebDriver::new(driver.url(), capabilities).await {
            Ok(web) => web,
            Err(error) => panic!("Firefox does not start: {error:?}\n{}", driver.log()),
        };
        Self { web, driver }
    }

    /// Opens a page, and waits until it is loaded.
    pub(crate) async fn go(&self, url: &str) {
        self.web.goto(url).await.unwrap();
    }

    /// Clicks the first visible link or button with this text or label.
    pub(crate) async fn click(&self, name: &str) {
        let what =
            format!("//*[self::a or self::button][normalize-space()='{name}' or @aria-label='{name}']");
        self.element(&what).await.click().await.unwrap();
    }

    /// Types text into the field with this label.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let field = self.element(&format!("//input[@id=//label[normalize-space()='{label}']/@for]")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Waits until the page shows this text.
    pub(crate) async fn wait_for_text(&self, text: &str) {
        let shown = async || self.text().await.contains(text);
        assert!(until(shown).await, "the page does not show {text:?}, only:\n{}", self.text().await);
    }

    /// Evaluates a script of the test.
    pub(crate) async fn evaluate(&self, script: &str) -> serde_json::Value {
        self.web.execute(script, vec![]).await.unwrap().json().clone()
    }

    /// Asserts that the page is not wider than the window, and that axe-core finds no serious or
    /// critical violation.
    pub(crate) async fn assert_fits_and_is_accessible(&self) {
        let overflow = "return document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth";
        assert_eq!(self.evaluate(overflow).await, 0, "the page overflows");
        let axe = fs::read_to_string(env::var("KEYSYNC_TEST_AXE").unwrap()).unwrap();
        self.web.execute(axe, vec![]).await.unwrap();
        let found = self.web.execute_async(RUN_AXE, vec![]).await.unwrap();
        assert_eq!(found.json(), &serde_json::json!([]), "violations");
    }

    /// Closes the browser and stops its processes.
    pub(crate) async fn close(self) {
        let Self { web, driver } = self;
        let _ = timeout(TIMEOUT, web.quit()).await;
        driver.stop().await;
    }

    /// The text that the page shows. It is empty during navigation.
    async fn text(&self) -> String {
        let shown = self.web.execute("return document.body?.innerText ?? ''", vec![]).await;
        shown.map_or(String::new(), |text| normalize_spaces(text.json().as_str().unwrap_or_default()))
    }

    /// The first visible element that matches, once it exists.
    async fn element(&self, xpath: &str) -> WebElement {
        let found = std::cell::RefCell::new(None);
        let exists = async || {
            for element in self.web.find_all(By::XPath(xpath)).await.unwrap_or_default() {
                if element.is_displayed().await.unwrap_or(false) {
                    found.replace(Some(element));
                    return true;
                }
            }
            false
        };
        assert!(until(exists).await, "no {xpath} in:\n{}", self.text().await);
        found.into_inner().unwrap()
    }
}

/// Polls until a condition holds. Returns `false` on timeout.
async fn until(condition: impl AsyncFn() -> bool) -> bool {
    let polling = async {
        let mut look = interval(Duration::from_millis(50));
        while !condition().await {
            look.tick().await;
        }
    };
    timeout(TIMEOUT, polling).await.is_ok()
}
