//! The lifecycle actions of the ⋮ menu: each describes its effect, asks for confirmation and
//! shows its result.

use std::time::Duration;

use keysync_testkit::{EpochMillis, HarnessClock, KeyState};

use crate::{
    browser::{Browser, Options, browser_test},
    support::{DATABASES, STORAGE, in_process, keys_url, protect_from_deletion},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn lifecycle_actions_work_from_menu() {
    browser_test("lifecycle_actions_work_from_menu", Options::wide(), async |browser| {
        let clock = HarnessClock::set_to(EpochMillis::new(1_800_000_000_000));
        let harness = in_process().clock(clock).start().await.unwrap();
        let key = harness
            .new_key("invoices")
            .with_registration(STORAGE, "bucket")
            .with_registration(DATABASES, "ledger");
        let key = key.create().await.unwrap();
        browser.log_in(&harness, harness.api_key()).await;
        let keys = keys_url(&harness);
        for (action, effect, event, tag, state) in [
            ("Rotate", "The key gets a new version.", "rotated", "Active", KeyState::Active),
            ("Disable", "Until the key is enabled again", "disabled", "Suspended", KeyState::Suspended),
            ("Enable", "Services can use the key again", "enabled", "Active", KeyState::Active),
            ("Delete", "The key can be restored for 30 days", "deleted", "Destroyed", KeyState::Destroyed),
            ("Restore", "The deleted key is active again", "restored", "Active", KeyState::Active),
        ] {
            // A key cannot be enabled or restored within 30 seconds of the previous action.
            harness.advance_clock(Duration::from_secs(31)).await.unwrap();
            let (before, callbacks) =
                (key.state().await.unwrap(), harness.object_storage().callbacks_of(&key).len());
            browser.go(&keys).await;
            browser.choose_action(action).await;
            browser.assert_shows(&format!("{action} invoices?")).await;
            browser.assert_shows(effect).await;
            browser.assert_shows("Every associated service is notified.").await;
            browser.assert_shows("2 resources").await;
            browser.assert_modal().await;
            browser.click("Cancel").await;
            browser.wait_until_gone(effect).await;
            assert_eq!(browser.focused().await.as_deref(), Some("button \"Actions for invoices\""));
            assert_eq!(key.state().await.unwrap(), before);
            harness.object_storage().assert_callbacks(&key, callbacks);

            browser.choose_action(action).await;
            if action == "Delete" {
                browser.click(action).await;
                // The browser requires the checkbox and does not submit the form.
                assert_eq!(
                    browser
                        .evaluate("return document.querySelector(':invalid [type=checkbox]').checked")
                        .await,
                    false
                );
                assert_eq!(key.state().await.unwrap(), before);
                browser.click("Delete the key although it protects 2 resources").await;
            }
            browser.click(action).await;
            browser.wait_for_text(&format!("The key is {event}")).await;
            browser.assert_shows(&format!("invoices {tag}")).await;
            browser.assert_shows(&format!("Key {event} just now")).await;
            browser.assert_shows(&format!("{STORAGE} Delivered Received just now")).await;
            assert_eq!(key.state().await.unwrap(), state);
            harness.object_storage().assert_callbacks(&key, callbacks + 1);
            browser.go(&keys).await;
            browser.assert_shows(&format!("Root {tag} default")).await;
        }

        // A second rotation within the hour, and a key that must not be deleted.
        browser.choose_action("Rotate").await;
        browser.click("Rotate").await;
        browser.wait_for_text("The key was not rotated").await;
        browser.assert_shows("It can be rotated once an hour.").await;
        protect_from_deletion(&harness, &key, "archive").await;
        browser.go(&keys).await;
        browser.choose_action("Delete").await;
        browser.click("Delete the key although it protects 3 resources").await;
        browser.click("Delete").await;
        browser.wait_for_text("The key was not deleted").await;
        browser
            .assert_shows("The retention policy of a resource that the key protects prevents its deletion.")
            .await;
        browser
            .assert_shows(
                "archive kept for the auditors cloud-object-storage bucket us-south Prevents deletion",
            )
            .await;
        assert_eq!(key.state().await.unwrap(), KeyState::Active);
    })
    .await;
}

impl Browser {
    /// Asserts that a dialog is open that has the focus and is accessible, and that the rest of the
    /// page cannot be used.
    async fn assert_modal(&self) {
        let focused = "return document.querySelector('dialog:modal').contains(document.activeElement)";
        assert_eq!(self.evaluate(focused).await, true);
        let controls = self.controls().await;
        assert!(
            controls.iter().all(|control| control.name != "Log out"),
            "the page behind can be used: {controls:?}"
        );
        self.assert_accessible().await;
    }

    /// Chooses an action from the ⋮ menu.
    async fn choose_action(&self, action: &str) {
        self.click("Actions for invoices").await;
        self.click(action).await;
        self.wait_for_text(&format!("{action} invoices?")).await;
    }
}
