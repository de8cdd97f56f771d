//! The documentation in the style of the console: accessible in all sizes and colour schemes, found
//! from the console, and searched without JavaScript.

use keysync_documentation::Docs;
use keysync_testkit::{Harness, control_api_document};
use thirtyfour::Key;

use crate::{
    browser::{Options, browser_test},
    support::in_process,
};

async fn with_docs() -> Harness {
    let docs = Docs::new().with_control_api(control_api_document());
    in_process().documentation(docs.router()).start().await.unwrap()
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn documentation_is_accessible_in_all_sizes() {
    browser_test("documentation_is_accessible_in_all_sizes", Options::wide(), async |browser| {
        let harness = with_docs().await;
        let docs = format!("{}/docs", harness.endpoint_url());
        for (name, path, text) in [
            ("overview", "", "By purpose: tutorials to learn by doing"),
            ("page", "/reference/console", "From login to Synchronize"),
            ("wide-tables", "/reference/limits", "keysync: ten per second"),
            ("operations", "/reference/sync-api-operations", "Example of a response 409"),
            ("search", "/search?q=retry-after", "retry-after"),
            ("search-none", "/search?q=zzzz", "No section has all of these words"),
        ] {
            browser.go(&format!("{docs}{path}")).await;
            browser.assert_page_accessible(&format!("docs-{name}"), text).await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn console_links_to_searchable_documentation() {
    let options = Options::narrow().without_script();
    browser_test("console_links_to_searchable_documentation", options, async |browser| {
        let harness = with_docs().await;
        browser.go(&harness.console_url()).await;
        browser.click("documentation").await;
        browser.wait_for_url("/docs").await;
        browser.click("Pages").await;
        browser.click("Glossary").await;
        browser.wait_for_url("/docs/glossary").await;
        browser.fill("Search the documentation", "rotate the signing key").await;
        browser.press(Key::Enter).await;
        browser.wait_for_url("/docs/search?q=rotate+the+signing+key").await;
        browser.assert_shows("Search: rotate the signing key").await;
        browser.assert_no_console_errors().await;
    })
    .await;
}
