//! What somebody sees who looks at the page, and what the browser says about it.

use std::cell::RefCell;

use super::Browser;

/// What sticks out: the outermost elements that end beyond the window's width, where the page can be moved sideways.
const STICKS_OUT: &str = "
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
            // A page that is just being left cannot be asked.
            let answer = self.web.execute("return document.body?.innerText ?? ''", vec![]).await;
            answer.map(|answer| text.replace(spaced(answer.json().as_str().unwrap_or_default()))).is_ok()
        };
        assert!(self.until(shown).await, "the page does not say what it shows");
        text.into_inner()
    }

    /// Whether the page shows this text now.
    pub(crate) async fn sees(&self, text: &str) -> bool {
        self.text().await.contains(&spaced(text))
    }

    /// Waits until the page shows this text.
    pub(crate) async fn waits_for(&self, text: &str) {
        self.notes(format!("wait for {text:?}"));
        let shown = self.until(async || self.sees(text).await).await;
        assert!(shown, "the page does not show {text:?}, but:\n{}", self.text().await);
    }

    /// Waits until the page no longer shows this text.
    pub(crate) async fn waits_until_gone(&self, text: &str) {
        self.notes(format!("wait until {text:?} is gone"));
        let gone = self.until(async || !self.sees(text).await).await;
        assert!(gone, "the page still shows {text:?}:\n{}", self.text().await);
    }

    /// Waits until the page's address ends so and it is loaded.
    pub(crate) async fn arrives_at(&self, end: &str) {
        self.notes(format!("arrive at {end:?}"));
        let arrived = self.until(async || self.url().await.ends_with(end)).await;
        assert!(arrived, "the page is {}, and not …{end}", self.url().await);
        self.loads().await;
    }

    /// Waits until the page is loaded and its scripts have run: keys do not wait for that as clicks do.
    pub(super) async fn loads(&self) {
        let loaded = async || {
            let state = self.web.execute("return document.readyState", vec![]).await;
            state.is_ok_and(|state| state.json() == "complete")
        };
        assert!(self.until(loaded).await, "{} does not load", self.url().await);
    }

    /// Waits until the keyboard is for this thing, such as `button "Synchronize"`.
    pub(crate) async fn waits_for_focus_on(&self, thing: &str) {
        self.notes(format!("wait for the focus on {thing}"));
        let focused = self.until(async || self.focused().await.as_deref() == Some(thing)).await;
        assert!(focused, "the keyboard is not for {thing}, but for {:?}", self.focused().await);
    }

    /// What makes the page wider than the window, so that it can be moved sideways; nothing where it fits.
    pub(crate) async fn overflows_sideways(&self) -> Vec<String> {
        let width = self.options().width;
        let out = self.web.execute(STICKS_OUT, vec![width.into()]).await.unwrap();
        out.convert().unwrap()
    }

    /// The page fits into the window's width.
    pub(crate) async fn assert_fits(&self) {
        let out = self.overflows_sideways().await;
        assert!(out.is_empty(), "{} can be moved sideways:\n{}", self.url().await, out.join("\n"));
    }

    /// The errors in the browser's console since this was last asked: scripts that failed, what the content security
    /// policy forbade (`security`), and what could not be loaded (`network`, also where a page's own status is 4xx or 5xx).
    pub(crate) async fn console_errors(&self) -> Vec<String> {
        let log = self.web.browser_log().await.unwrap();
        let severe = log.into_iter().filter(|entry| entry.level == "SEVERE");
        severe.map(|entry| format!("{}: {}", entry.source.unwrap_or_default(), entry.message)).collect()
    }

    /// There was no error in the browser's console since it was last asked for, but for what the network has: a refusal
    /// that a test asks for has a status of 4xx.
    pub(crate) async fn assert_no_complaints(&self) {
        let complaints =
            self.console_errors().await.into_iter().filter(|error| !error.starts_with("network: "));
        let complaints: Vec<_> = complaints.collect();
        assert!(complaints.is_empty(), "the browser complains:\n{}", complaints.join("\n"));
    }
}

/// A text with single spaces between its words.
pub(super) fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
