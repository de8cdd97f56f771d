//! Names that are long, or written from right to left, on a phone.

use serde_json::json;

use crate::{
    browser::{Options, browser_test},
    support::{STORAGE, in_process, keys_url},
};

/// Script: the names that are wider than the window, or in an element that leaves it.
const STRAYS: &str = "
    const out = [...document.querySelectorAll('main bdi')].filter(name => {
        const box = (name.closest('h1, h2, li, th, td, dd, p') ?? name).getBoundingClientRect();
        return box.right > innerWidth + 0.5 || box.left < -0.5 || name.scrollWidth > innerWidth;
    });
    return out.map(name => name.outerHTML)";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn long_and_bidirectional_names_wrap_and_fit() {
    browser_test("long_and_bidirectional_names_wrap_and_fit", Options::phone_390(), async |browser| {
        let harness = in_process().start().await.unwrap();
        let names = [
            "long".repeat(22),
            "مفاتيح-الفواتير-".repeat(5),
            "חשבוניות \u{202e}gnp.exe (2026)".to_owned(),
        ];
        browser.log_in(&harness, harness.api_key()).await;
        for name in &names {
            let key = harness.new_key(name).with_registration(STORAGE, &"bucket".repeat(12)).create().await.unwrap();
            for page in ["resources", "actions/delete", "sync"] {
                browser.go(&format!("{}/{}/{page}", keys_url(&harness), key.id())).await;
                browser.assert_fits().await;
                assert_eq!(browser.evaluate(STRAYS).await, json!([]), "{page} of {name}");
            }
            assert_eq!(browser.evaluate("return document.querySelector('h1').innerText").await, name.as_str());
        }
        browser.go(&keys_url(&harness)).await;
        browser.assert_fits().await;
        assert_eq!(browser.evaluate(STRAYS).await, json!([]));
        browser.full_page_screenshot("names").await;
        // An override in a name does not reverse the text after it.
        let last = "const item = document.querySelector('tbody th'); return getComputedStyle(item.querySelector('bdi')).unicodeBidi";
        assert_eq!(browser.evaluate(last).await, "isolate");
    })
    .await;
}

/// Script: the words for an instant so many seconds from now, as a live page counts it.
const IN_WORDS: &str = "
    const at = document.createElement('time');
    at.dataset.age = -SECONDS;
    document.querySelector('main').append(at);
    enhance(at.parentElement);
    return at.textContent";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn script_words_times_as_server_does() {
    browser_test("script_words_times_as_server_does", Options::wide(), async |browser| {
        let harness = in_process().start().await.unwrap();
        browser.go(&harness.console_url()).await;
        assert_eq!(browser.evaluate("return typeof enhance").await, "function");
        for (seconds, words) in [
            ("3541", "in 1 hour"),
            ("3601", "in 1 hour"),
            ("3700", "in 1 hour 2 minutes"),
            ("14400", "in 4 hours"),
            ("86401", "in 1 day"),
            ("100000", "in 1 day 4 hours"),
        ] {
            let shown = browser.evaluate(&IN_WORDS.replace("SECONDS", seconds)).await;
            assert_eq!(shown, words, "{seconds}");
        }
    })
    .await;
}
