//! Mouse and keyboard input.

use std::cell::RefCell;

use thirtyfour::{Key, WebElement, components::SelectElement, error::WebDriverResult};

use super::{Browser, controls::Control};

impl Browser {
    /// Clicks the first clickable control with exactly this name, once it exists and is enabled. If
    /// this opens another page, waits until that is loaded.
    pub(crate) async fn click(&self, name: &str) {
        self.record_step(format!("click {name:?}"));
        // Scrolls to the middle of the window, because the fixed header may cover its edge.
        let click = async |element: WebElement| {
            element.scroll_into_view().await?;
            element.click().await
        };
        self.act_on(name, Control::is_clickable, click).await;
    }

    /// Replaces the text of the field with this label.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let shown = if label == "API key" { "…" } else { text };
        self.record_step(format!("fill {label:?} with {shown:?}"));
        let fill = async |field: WebElement| {
            field.clear().await?;
            field.send_keys(text).await
        };
        self.act_on(label, Control::is_input, fill).await;
    }

    /// Chooses the option with exactly this text in the list with this label.
    pub(crate) async fn choose(&self, label: &str, option: &str) {
        self.record_step(format!("choose {option:?} for {label:?}"));
        let choose =
            async |list: WebElement| SelectElement::new(&list).await?.select_by_exact_text(option).await;
        self.act_on(label, Control::is_input, choose).await;
    }

    /// Presses a key in the focused control.
    pub(crate) async fn press(&self, key: Key) {
        self.record_step(format!("press {key:?}"));
        self.web.action_chain().send_keys(key).perform().await.unwrap();
    }

    /// Presses a key while Shift is held, such as Tab to go back.
    pub(crate) async fn press_with_shift(&self, key: Key) {
        self.record_step(format!("press Shift and {key:?}"));
        let keys = self.web.action_chain().key_down(Key::Shift).send_keys(key).key_up(Key::Shift);
        keys.perform().await.unwrap();
    }

    /// Types text into the focused control.
    pub(crate) async fn type_text(&self, text: &str) {
        self.record_step(format!("type {text:?}"));
        self.web.action_chain().send_keys(text).perform().await.unwrap();
    }

    /// Presses Tab until the control with this name has the focus, at most once per control.
    pub(crate) async fn tab_to(&self, name: &str) {
        self.wait_until_loaded().await;
        let mut passed = vec![];
        for _ in 0..=self.controls().await.len() {
            self.press(Key::Tab).await;
            let focused = self.focused().await.unwrap_or_else(|| "the page".to_owned());
            if focused.contains(&format!(" {name:?}")) {
                return;
            }
            passed.push(focused);
        }
        panic!("Tab does not reach {name:?}, only:\n  {}", passed.join("\n  "));
    }

    /// Acts on the control with this name. Retries if a page update removes or covers the control.
    async fn act_on(
        &self,
        name: &str,
        fits: fn(&Control) -> bool,
        act: impl AsyncFn(WebElement) -> WebDriverResult<()>,
    ) {
        let failure = RefCell::new(String::new());
        let done = async || {
            let outcome = match self.find(name, fits).await {
                Ok(element) => act(element).await.map_err(|error| error.to_string()),
                Err(error) => Err(error),
            };
            outcome.map_err(|error| failure.replace(error)).is_ok()
        };
        assert!(self.until(done).await, "at {}: {}", self.url().await, failure.borrow());
    }
}
