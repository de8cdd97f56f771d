//! Keyboard navigation from login to logout, with a visible focus at every step.

use std::time::Duration;

use keysync_testkit::services::Behaviour;
use thirtyfour::Key;

use crate::{
    browser::{Browser, Options, browser_test},
    support::{DATABASES, STORAGE, in_process},
};

/// Script: the focused element if its focus is not visible, because it has neither an outline nor a
/// box shadow (which buttons use) or is covered by another element.
const HIDDEN_FOCUS: &str = r"
    const one = document.activeElement, look = getComputedStyle(one), box = one.getBoundingClientRect();
    const outlined = look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0
        && !/rgba\(.*, 0\)/.test(look.outlineColor);
    const top = document.elementFromPoint(box.left + Math.min(box.width / 2, 20), Math.max(box.top, 0) + 5);
    const covered = !(top && (one.contains(top) || top.contains(one)));
    return (outlined || look.boxShadow !== 'none') && !covered ? '' : `${one.outerHTML} below ${top?.outerHTML}`";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn keyboard_user_synchronizes_key() {
    browser_test("keyboard_user_synchronizes_key", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness
            .new_key("invoices")
            .with_registration(STORAGE, "bucket")
            .with_registration(DATABASES, "ledger");
        let key = key.create().await.unwrap();
        harness.databases().behave(Behaviour::respond(503));

        browser.go(&harness.console_url()).await;
        browser.assert_focus_on("textbox \"API key\"").await;
        browser.type_text(harness.api_key()).await;
        browser.press(Key::Enter).await;
        browser.wait_for_url("/console/resources").await;

        browser.focus_on("Menu").await;
        browser.press(Key::Enter).await;
        browser.focus_on("Resource list").await;
        browser.press(Key::Escape).await;
        browser.assert_focus_on("button \"Menu\"").await;
        browser.press(Key::Enter).await;
        browser.focus_on("Resource list").await;
        browser.press(Key::Enter).await;
        browser.wait_for_url("/console/resources").await;

        browser.skip_to_main_part().await;
        browser.focus_on("My key-management instance").await;
        browser.press(Key::Enter).await;
        browser.wait_for_url("/keys").await;

        browser.focus_on("Actions for invoices").await;
        browser.navigate_menu().await;
        browser.press(Key::Enter).await;
        browser.wait_for_url("#synchronize").await;

        // The link target is past the header, so the button is next.
        browser.press(Key::Tab).await;
        browser.assert_focus_on("button \"Synchronize\"").await;
        browser.press(Key::Enter).await;
        browser.wait_for_text("The associated services are notified again").await;
        harness.object_storage().assert_callbacks(&key, 1);

        // Page updates keep the focus.
        for (control, status, minutes) in
            [("Last notification", "Attempt 2 failed", 2), ("What the statuses mean", "Attempt 3 failed", 10)]
        {
            browser.focus_on(control).await;
            let before = browser.focused().await;
            harness.advance_clock(Duration::from_mins(minutes)).await.unwrap();
            harness.redeliver().await.unwrap();
            browser.return_to_tab().await;
            browser.wait_for_text(&format!("{DATABASES} Retrying {status}")).await;
            assert_eq!(browser.focused().await, before);
        }
        browser.press(Key::Enter).await;
        browser.wait_for_text("The service reported that it acted.").await;
        harness.databases().behave(Behaviour::Act);
        harness.advance_clock(Duration::from_mins(20)).await.unwrap();
        harness.redeliver().await.unwrap();
        browser.return_to_tab().await;
        browser.wait_for_text(&format!("{DATABASES} Delivered")).await;
        browser.assert_shows("The service reported that it acted.").await;

        browser.focus_on("Log out").await;
        browser.press(Key::Enter).await;
        browser.wait_for_text("You are logged out").await;
    })
    .await;
}

impl Browser {
    /// Tabs to the control with this name and asserts that the focus is visible.
    async fn focus_on(&self, name: &str) {
        self.tab_to(name).await;
        self.assert_focus_visible().await;
    }

    /// Waits until this control has the focus and asserts that the focus is visible.
    async fn assert_focus_on(&self, control: &str) {
        self.wait_for_focus_on(control).await;
        self.assert_focus_visible().await;
    }

    /// Asserts that the skip link is the first control and moves the focus to the main part.
    async fn skip_to_main_part(&self) {
        self.reload().await;
        self.press(Key::Tab).await;
        self.assert_focus_on("link \"Skip to main content\"").await;
        self.press(Key::Enter).await;
        self.wait_for_url("#main").await;
        let within = "return document.querySelector('main').contains(document.activeElement)";
        assert_eq!(self.evaluate(within).await, true, "before Tab");
        self.press(Key::Tab).await;
        assert_eq!(self.evaluate(within).await, true, "after Tab");
        self.press_with_shift(Key::Tab).await;
    }

    /// Starting at the ⋮ button, opens the menu, moves through it and closes it, which
    /// returns to the button. Then opens it again and moves to Synchronize.
    async fn navigate_menu(&self) {
        let first = "link \"View associated resources\"";
        let second = "link \"Synchronize associated resources\"";
        self.press(Key::Enter).await;
        self.assert_focus_on(first).await;
        for (key, at) in [
            (Key::Down, second),
            (Key::Up, first),
            (Key::Up, "link \"Delete\""),
            (Key::Down, first),
            (Key::End, "link \"Delete\""),
            (Key::Home, first),
        ] {
            self.press(key).await;
            self.assert_focus_on(at).await;
        }
        self.press(Key::Escape).await;
        self.assert_focus_on("button \"Actions for invoices\"").await;
        assert!(!self.shows("View associated resources").await, "the menu is still open");
        self.press(Key::Down).await;
        self.assert_focus_on(first).await;
        self.press(Key::Down).await;
        self.assert_focus_on(second).await;
    }

    /// Asserts that the focused control shows its focus and is not covered.
    async fn assert_focus_visible(&self) {
        assert_eq!(self.evaluate(HIDDEN_FOCUS).await, "", "the focus is not visible");
    }
}
