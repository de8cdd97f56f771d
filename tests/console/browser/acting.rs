//! What somebody does with the mouse and the keyboard.

use std::cell::RefCell;

use thirtyfour::{Key, WebElement, components::SelectElement, error::WebDriverResult};

use super::{Browser, finding::Thing};

impl Browser {
    /// Clicks the first link, button or the like of exactly this name, once there is one and it can be clicked. Where that
    /// leads to another page, waits until it is loaded.
    pub(crate) async fn click(&self, name: &str) {
        self.notes(format!("click {name:?}"));
        // To the middle of the window: at its edge, a header that stays there may lie over it.
        let click = async |thing: WebElement| {
            thing.scroll_into_view().await?;
            thing.click().await
        };
        self.does(name, Thing::is_clicked, click).await;
    }

    /// Writes into the field with this label, instead of what was in there.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let shown = if label == "API key" { "…" } else { text };
        self.notes(format!("fill {label:?} with {shown:?}"));
        let fill = async |field: WebElement| {
            field.clear().await?;
            field.send_keys(text).await
        };
        self.does(label, Thing::is_filled, fill).await;
    }

    /// Chooses the option of exactly this text in the list with this label.
    pub(crate) async fn choose(&self, label: &str, option: &str) {
        self.notes(format!("choose {option:?} for {label:?}"));
        let choose =
            async |list: WebElement| SelectElement::new(&list).await?.select_by_exact_text(option).await;
        self.does(label, Thing::is_filled, choose).await;
    }

    /// Presses a key, wherever the keyboard is for.
    pub(crate) async fn press(&self, key: Key) {
        self.notes(format!("press {key:?}"));
        self.web.action_chain().send_keys(key).perform().await.unwrap();
    }

    /// Presses a key while Shift is held, such as Tab to go back.
    pub(crate) async fn press_with_shift(&self, key: Key) {
        self.notes(format!("press Shift and {key:?}"));
        let keys = self.web.action_chain().key_down(Key::Shift).send_keys(key).key_up(Key::Shift);
        keys.perform().await.unwrap();
    }

    /// Types a text, wherever the keyboard is for.
    pub(crate) async fn types(&self, text: &str) {
        self.notes(format!("type {text:?}"));
        self.web.action_chain().send_keys(text).perform().await.unwrap();
    }

    /// Presses Tab until the keyboard is for the thing of this name, no more often than there are things.
    pub(crate) async fn tabs_to(&self, name: &str) {
        self.loads().await;
        let mut passed = vec![];
        for _ in 0..=self.things().await.len() {
            self.press(Key::Tab).await;
            let focused = self.focused().await.unwrap_or_else(|| "the page".to_owned());
            if focused.contains(&format!(" {name:?}")) {
                return;
            }
            passed.push(focused);
        }
        panic!("the keyboard does not get to {name:?}, but to:\n  {}", passed.join("\n  "));
    }

    /// Does something with what has this name. A page that changes meanwhile may take the thing away, or lay another one
    /// over it for a while: then once more.
    async fn does(
        &self,
        name: &str,
        fits: fn(&Thing) -> bool,
        act: impl AsyncFn(WebElement) -> WebDriverResult<()>,
    ) {
        let why_not = RefCell::new(String::new());
        let done = async || {
            let outcome = match self.find(name, fits).await {
                Ok(thing) => act(thing).await.map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            outcome.map_err(|why| why_not.replace(why)).is_ok()
        };
        assert!(self.until(done).await, "at {}: {}", self.url().await, why_not.borrow());
    }
}
