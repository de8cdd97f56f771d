//! From logging in to logging out without a mouse, and always with a sight of where one is.

use std::time::Duration;

use keysync_testkit::services::Behaviour;
use thirtyfour::Key;

use crate::{
    browser::{Browser, Options, browser_test},
    support::{DATABASES, STORAGE, in_process},
};

/// What has the focus and does not show it: has neither an outline nor a line that is drawn as a shadow, which buttons have;
/// or lies below something else.
const HIDDEN: &str = r"
    const one = document.activeElement, look = getComputedStyle(one), box = one.getBoundingClientRect();
    const outlined = look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0
        && !/rgba\(.*, 0\)/.test(look.outlineColor);
    const top = document.elementFromPoint(box.left + Math.min(box.width / 2, 20), Math.max(box.top, 0) + 5);
    const covered = !(top && (one.contains(top) || top.contains(one)));
    return (outlined || look.boxShadow !== 'none') && !covered ? '' : `${one.outerHTML} below ${top?.outerHTML}`";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn a_key_is_synchronized_by_keyboard_alone() {
    browser_test("a_key_is_synchronized_by_keyboard_alone", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let key = harness
            .new_key("invoices")
            .with_registration(STORAGE, "bucket")
            .with_registration(DATABASES, "ledger");
        let key = key.create().await.unwrap();
        harness.databases().behave(Behaviour::respond(503));

        browser.go(&harness.console_url()).await;
        browser.skips_to_the_main_part().await;
        browser.gets_to("API key").await;
        browser.types(harness.api_key()).await;
        browser.press(Key::Enter).await;
        browser.arrives_at("/console/resources").await;

        browser.gets_to("Menu").await;
        browser.press(Key::Enter).await;
        browser.gets_to("Resource list").await;
        browser.press(Key::Escape).await;
        browser.is_at("button \"Menu\"").await;
        browser.press(Key::Enter).await;
        browser.gets_to("Resource list").await;
        browser.press(Key::Enter).await;
        browser.arrives_at("/console/resources").await;

        browser.skips_to_the_main_part().await;
        browser.gets_to("My key-management instance").await;
        browser.press(Key::Enter).await;
        browser.arrives_at("/keys").await;

        browser.gets_to("Actions for invoices").await;
        browser.goes_through_the_menu().await;
        browser.press(Key::Enter).await;
        browser.arrives_at("#synchronize").await;

        // The link led past the header: the button is the next thing.
        browser.press(Key::Tab).await;
        browser.is_at("button \"Synchronize\"").await;
        browser.press(Key::Enter).await;
        browser.waits_for("The associated services are told again").await;
        harness.object_storage().assert_callbacks(&key, 1);

        // What is replaced meanwhile leaves the keyboard where it is.
        for (place, status, travel) in [
            ("Last notification", "Attempt 2 failed", 2),
            ("What the standings mean", "Attempt 3 failed", 10),
        ] {
            browser.gets_to(place).await;
            let before = browser.focused().await;
            harness.advance_clock(Duration::from_mins(travel)).await.unwrap();
            harness.redeliver().await.unwrap();
            browser.comes_back().await;
            browser.waits_for(&format!("{DATABASES} Retrying {status}")).await;
            assert_eq!(browser.focused().await, before);
        }
        browser.press(Key::Enter).await;
        browser.waits_for("The service says that it acted.").await;
        harness.databases().behave(Behaviour::Act);
        harness.advance_clock(Duration::from_mins(20)).await.unwrap();
        harness.redeliver().await.unwrap();
        browser.comes_back().await;
        browser.waits_for(&format!("{DATABASES} Delivered")).await;
        browser.assert_sees("The service says that it acted.").await;

        browser.gets_to("Log out").await;
        browser.press(Key::Enter).await;
        browser.waits_for("You are logged out").await;
    })
    .await;
}

impl Browser {
    /// Tabs to the thing of this name. Wherever that passes, it is seen.
    async fn gets_to(&self, name: &str) {
        self.tabs_to(name).await;
        self.assert_focus_is_seen().await;
    }

    /// The keyboard is for this.
    async fn is_at(&self, thing: &str) {
        self.waits_for_focus_on(thing).await;
        self.assert_focus_is_seen().await;
    }

    /// The skip link is the first thing, and does what it says.
    async fn skips_to_the_main_part(&self) {
        self.reload().await;
        self.press(Key::Tab).await;
        self.is_at("link \"Skip to main content\"").await;
        self.press(Key::Enter).await;
        self.arrives_at("#main").await;
        let within = "return document.querySelector('main').contains(document.activeElement)";
        assert_eq!(self.asks(within).await, true, "before Tab");
        self.press(Key::Tab).await;
        assert_eq!(self.asks(within).await, true, "after Tab");
        self.press_with_shift(Key::Tab).await;
    }

    /// From the ⋮ button: opens the menu, moves in it, closes it and is back at the button; then opens it again, and stops at
    /// Synchronize.
    async fn goes_through_the_menu(&self) {
        let first = "link \"View associated resources\"";
        let second = "link \"Synchronize associated resources\"";
        self.press(Key::Enter).await;
        self.is_at(first).await;
        for (key, at) in [
            (Key::Down, second),
            (Key::Up, first),
            (Key::Up, "link \"Delete\""),
            (Key::Down, first),
            (Key::End, "link \"Delete\""),
            (Key::Home, first),
        ] {
            self.press(key).await;
            self.is_at(at).await;
        }
        self.press(Key::Escape).await;
        self.is_at("button \"Actions for invoices\"").await;
        assert!(!self.sees("View associated resources").await, "the menu is still open");
        self.press(Key::Down).await;
        self.is_at(first).await;
        self.press(Key::Down).await;
        self.is_at(second).await;
    }

    /// What the keyboard is for has a line around it, and nothing lies over it.
    async fn assert_focus_is_seen(&self) {
        assert_eq!(self.asks(HIDDEN).await, "", "nobody sees that the keyboard is there");
    }
}
