//! The contents of the page, and the errors in the browser's console.

use std::cell::RefCell;

use super::Browser;

/// Script: the outermost elements that extend beyond the window's width, if the page overflows.
const OVERFLOWING_ELEMENTS: &str = "
    const page = document.scrollingElement, width = Math.min(page.clientWidth, arguments[0]);
    if (page.scrollWidth <= width) return [];
    const out = [...document.body.querySelectorAll('*')].filter(one => one.getBoundingClientRect().right > width + 0.5);
    const first = out.filter(one => !out.includes(one.parentElement)).map(one => one.cloneNode().outerHTML);
    return [`the page is ${page.scrollWidth} pixels wide, the window ${width}`, ...first]";

impl Browser {
    /// The text that the page shows, with single spaces.
    pub(crate) async fn text(&self) -> String {
        let text = RefCell::new(String::new());
        let shown = async || {
            // The script fails during navigation.
            let response = self.web.execute("return document.body?.innerText ?? ''", vec![]).await;
            response
                .map(|response| text.replace(normalize_spaces(response.json().as_str().unwrap_or_default())))
                .is_ok()
        };
        assert!(self.until(shown).await, "the text of the page cannot be read");
        text.into_inner()
    }

    /// Whether the page currently shows this text.
    pub(crate) async fn shows(&self, text: &str) -> bool {
        self.text().await.contains(&normalize_spaces(text))
    }

    /// Waits until the page shows this text.
    pub(crate) async fn wait_for_text(&self, text: &str) {
        self.record_step(format!("wait for {text:?}"));
        let shown = self.until(async || self.shows(text).await).await;
        assert!(shown, "the page does not show {text:?}, only:\n{}", self.text().await);
    }

    /// Waits until the page no longer shows this text.
    pub(crate) async fn wait_until_gone(&self, text: &str) {
        self.record_step(format!("wait until {text:?} is gone"));
        let gone = self.until(async || !self.shows(text).await).await;
        assert!(gone, "the page still shows {text:?}:\n{}", self.text().await);
    }

    /// Waits until the page's URL ends with `end` and the page is loaded.
    pub(crate) async fn wait_for_url(&self, end: &str) {
        self.record_step(format!("arrive at {end:?}"));
        let arrived = self.until(async || self.url().await.ends_with(end)).await;
        assert!(arrived, "the URL is {}, expected …{end}", self.url().await);
        self.wait_until_loaded().await;
    }

    /// Waits until the page is loaded and its scripts have run. Clicks wait for this implicitly,
    /// keys do not.
    pub(super) async fn wait_until_loaded(&self) {
        let loaded = async || {
            let state = self.web.execute("return document.readyState", vec![]).await;
            state.is_ok_and(|state| state.json() == "complete")
        };
        assert!(self.until(loaded).await, "{} does not load", self.url().await);
    }

    /// Waits until this control has the focus, such as `button "Synchronize"`.
    pub(crate) async fn wait_for_focus_on(&self, control: &str) {
        self.record_step(format!("wait for the focus on {control}"));
        let focused = self.until(async || self.focused().await.as_deref() == Some(control)).await;
        assert!(focused, "the focus is not on {control}, but on {:?}", self.focused().await);
    }

    /// The elements that make the page wider than the window; empty if the page fits.
    pub(crate) async fn horizontal_overflow(&self) -> Vec<String> {
        let width = self.options().width;
        let overflowing = self.web.execute(OVERFLOWING_ELEMENTS, vec![width.into()]).await.unwrap();
        overflowing.convert().unwrap()
    }

    /// Asserts that the page fits into the window's width.
    pub(crate) async fn assert_fits(&self) {
        let overflowing = self.horizontal_overflow().await;
        assert!(
            overflowing.is_empty(),
            "{} overflows horizontally:\n{}",
            self.url().await,
            overflowing.join("\n")
        );
    }

    /// The errors in the browser's console since the last call: script errors, violations of the
    /// content security policy (`security`), and failed requests (`network`, including pages with
    /// status 4xx or 5xx).
    pub(crate) async fn console_errors(&self) -> Vec<String> {
        let log = self.web.browser_log().await.unwrap();
        let severe = log.into_iter().filter(|entry| entry.level == "SEVERE");
        severe.map(|entry| format!("{}: {}", entry.source.unwrap_or_default(), entry.message)).collect()
    }

    /// Asserts that the console has no errors since the last call, except network errors: tests
    /// provoke error responses.
    pub(crate) async fn assert_no_console_errors(&self) {
        let errors = self.console_errors().await.into_iter().filter(|error| !error.starts_with("network: "));
        let errors: Vec<_> = errors.collect();
        assert!(errors.is_empty(), "errors in the console:\n{}", errors.join("\n"));
    }
}

/// Collapses white space to single spaces.
pub(super) fn normalize_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
