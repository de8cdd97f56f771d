//! The other items of the ⋮ menu: each says what it does, asks once more, and shows what came of it.

use std::time::Duration;

use keysync_testkit::{EpochMillis, HarnessClock, KeyState};

use crate::{
    browser::{Browser, Options, browser_test},
    support::{DATABASES, STORAGE, in_process, keys_url, protect_from_deletion},
};

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn a_keys_life_from_the_menu() {
    browser_test("a_keys_life_from_the_menu", Options::wide(), async |browser| {
        let clock = HarnessClock::set_to(EpochMillis::new(1_800_000_000_000));
        let harness = in_process().clock(clock).start().await.unwrap();
        let key = harness
            .new_key("invoices")
            .with_registration(STORAGE, "bucket")
            .with_registration(DATABASES, "ledger");
        let key = key.create().await.unwrap();
        browser.logs_in(&harness, harness.api_key()).await;
        let keys = keys_url(&harness);
        for (action, effect, event, tag, state) in [
            ("Rotate", "The key gets a new version.", "rotated", "Active", KeyState::Active),
            ("Disable", "Until somebody enables the key again", "disabled", "Suspended", KeyState::Suspended),
            ("Enable", "Services can use the key again", "enabled", "Active", KeyState::Active),
            ("Delete", "For 30 days the key can be restored", "deleted", "Destroyed", KeyState::Destroyed),
            ("Restore", "The deleted key is active again", "restored", "Active", KeyState::Active),
        ] {
            // A key settles for half a minute before it can be enabled or restored.
            harness.advance_clock(Duration::from_secs(31)).await.unwrap();
            let (before, told) =
                (key.state().await.unwrap(), harness.object_storage().callbacks_of(&key).len());
            browser.go(&keys).await;
            browser.chooses(action).await;
            browser.assert_sees(&format!("{action} invoices?")).await;
            browser.assert_sees(effect).await;
            browser.assert_sees("Every associated service is told.").await;
            browser.assert_sees("2 resources").await;
            browser.click("Cancel").await;
            browser.arrives_at("/keys").await;
            assert_eq!(key.state().await.unwrap(), before);
            harness.object_storage().assert_callbacks(&key, told);

            browser.chooses(action).await;
            if action == "Delete" {
                browser.click(action).await;
                // The browser says that the box has to be ticked, and sends nothing.
                assert_eq!(
                    browser.asks("return document.querySelector(':invalid [type=checkbox]').checked").await,
                    false
                );
                assert_eq!(key.state().await.unwrap(), before);
                browser.click("Delete it although it protects 2 resources").await;
            }
            browser.click(action).await;
            browser.waits_for(&format!("The key is {event}")).await;
            browser.assert_sees(&format!("invoices {tag}")).await;
            browser.assert_sees(&format!("Key {event} just now")).await;
            browser.assert_sees(&format!("{STORAGE} Delivered Received just now")).await;
            assert_eq!(key.state().await.unwrap(), state);
            harness.object_storage().assert_callbacks(&key, told + 1);
            browser.go(&keys).await;
            browser.assert_sees(&format!("Root {tag} default")).await;
        }

        // Twice within the hour, and a key that has to stay.
        browser.chooses("Rotate").await;
        browser.click("Rotate").await;
        browser.waits_for("The key was not rotated").await;
        browser.assert_sees("It can be rotated once an hour.").await;
        protect_from_deletion(&harness, &key, "archive").await;
        browser.go(&keys).await;
        browser.chooses("Delete").await;
        browser.click("Delete it although it protects 3 resources").await;
        browser.click("Delete").await;
        browser.waits_for("The key was not deleted").await;
        browser
            .assert_sees("The retention policy of a resource that the key protects prevents its deletion.")
            .await;
        browser
            .assert_sees(
                "archive kept for the auditors cloud-object-storage bucket us-south Prevents deletion",
            )
            .await;
        assert_eq!(key.state().await.unwrap(), KeyState::Active);
    })
    .await;
}

impl Browser {
    /// Chooses from the ⋮ menu.
    async fn chooses(&self, action: &str) {
        self.click("Actions for invoices").await;
        self.click(action).await;
        self.waits_for(&format!("{action} key")).await;
    }
}
