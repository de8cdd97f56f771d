//! Tests of the browser helpers: they find what a page contains, and each assertion can fail.

use std::{
    fs,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header},
    response::Html,
};
use futures_util::FutureExt;
use thirtyfour::Key;
use tokio::net::TcpListener;

use crate::browser::{Options, browser_test};

/// Serves this page for every path while the test runs. Returns its URL.
async fn page(html: &'static str) -> String {
    page_with_policy("", html).await
}

async fn page_with_policy(policy: &'static str, html: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let policy = HeaderMap::from_iter([(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))]);
    let whole = format!(
        "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><title>A page</title>{html}"
    );
    let router = Router::new().fallback(async move || (policy, Html(whole)));
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

const SCRIPTED: &str = "<main><h1>Title</h1><p id=p>static text</p><noscript>no scripts here</noscript>
    <p><button onclick=\"p.textContent = 'clicked'\">Click</button></main>
    <script>p.textContent = 'scripted text'</script>";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn page_scripts_run() {
    browser_test("page_scripts_run", Options::wide(), async |browser| {
        browser.go(&page(SCRIPTED).await).await;
        browser.wait_for_text("scripted text").await;
        assert!(!browser.shows("no scripts here").await);
        browser.click("Click").await;
        browser.wait_for_text("clicked").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn page_works_with_disabled_scripts() {
    let name = "page_works_with_disabled_scripts";
    browser_test(name, Options::wide().without_script(), async |browser| {
        browser.go(&page(SCRIPTED).await).await;
        browser.click("Click").await;
        browser.assert_accessible().await;
        browser.click("Click").await;
        assert!(browser.shows("static text").await, "{}", browser.text().await);
        assert!(browser.shows("no scripts here").await);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn user_preferences_are_emulated() {
    let asked = "return [matchMedia('(prefers-color-scheme: dark)').matches, matchMedia('(prefers-reduced-motion)').matches,
        innerWidth, Intl.DateTimeFormat().resolvedOptions().timeZone]";
    browser_test("user_preferences_are_emulated", Options::wide(), async |browser| {
        let url = page("<p>Something</p>").await;
        browser.go(&url).await;
        assert_eq!(browser.evaluate(asked).await, serde_json::json!([false, false, 1280, "UTC"]));
        browser.adjust(Options::narrow().dark().reduced_motion().in_time_zone("Asia/Tokyo")).await;
        browser.reload().await;
        assert_eq!(browser.evaluate(asked).await, serde_json::json!([true, true, 375, "Asia/Tokyo"]));
    })
    .await;
}

const FORM: &str = "<main><h1>Form</h1><form action=/sent>
    <p><label>Name <input name=name value=before></label>
    <p><label for=kind>Kind</label> <select id=kind name=kind><option>one<option>another one</select>
    <p><label><input type=checkbox name=sure> Sure</label>
    <p><button type=button aria-label='Look it up'>?</button> <button disabled>Never</button> <button>Send</button>
    </form><p><a href=/elsewhere>Elsewhere</a> <a href=/hidden hidden>Hidden</a></main>";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn form_is_filled_and_submitted() {
    browser_test("form_is_filled_and_submitted", Options::narrow(), async |browser| {
        browser.go(&page(FORM).await).await;
        browser.fill("Name", "after").await;
        browser.choose("Kind", "another one").await;
        browser.click("Sure").await;
        browser.click("Send").await;
        browser.wait_for_url("/sent?name=after&kind=another+one&sure=on").await;
        browser.click("Elsewhere").await;
        browser.wait_for_url("/elsewhere").await;
        browser.back().await;
        browser.assert_fits().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn keyboard_fills_form() {
    browser_test("keyboard_fills_form", Options::wide(), async |browser| {
        browser.go(&page(FORM).await).await;
        assert_eq!(browser.focused().await, None);
        browser.press(Key::Tab).await;
        assert_eq!(browser.focused().await.as_deref(), Some("textbox \"Name\""));
        browser.type_text("typed").await;
        browser.tab_to("Look it up").await;
        assert_eq!(browser.focused().await.as_deref(), Some("button \"Look it up\""));
        browser.press_with_shift(Key::Tab).await;
        assert_eq!(browser.focused().await.as_deref(), Some("checkbox \"Sure\""));
        browser.press(Key::Space).await;
        browser.tab_to("Send").await;
        browser.press(Key::Enter).await;
        browser.wait_for_url("/sent?name=typed&kind=one&sure=on").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn controls_are_listed_by_role_and_name() {
    browser_test("controls_are_listed_by_role_and_name", Options::wide(), async |browser| {
        browser.go(&page(FORM).await).await;
        let controls: Vec<_> = browser.controls().await.iter().map(ToString::to_string).collect();
        let expected = [
            "textbox \"Name\"",
            "combobox \"Kind\"",
            "checkbox \"Sure\"",
            "button \"Look it up\"",
            "button \"Never\" (disabled)",
            "button \"Send\"",
            "link \"Elsewhere\"",
        ];
        let controls: Vec<_> = controls.iter().filter(|control| !control.contains("option")).collect();
        assert_eq!(controls, expected);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn accessibility_violations_are_found() {
    browser_test("accessibility_violations_are_found", Options::wide(), async |browser| {
        browser.go(&page("<main><h1>Title</h1><img src=data:,><button></button></main>").await).await;
        let found = browser.accessibility_violations().await;
        let mut ids: Vec<_> = found.iter().map(|violation| violation.id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["button-name", "image-alt"], "{found:?}");
        let message = found[0].to_string();
        assert!(message.contains("(critical)") && message.contains("<button></button>"), "{message}");
        browser
            .go(&page("<main><h1>Title</h1><img src=data:, alt=''><button>Do</button></main>").await)
            .await;
        browser.assert_accessible().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn browser_errors_are_found() {
    browser_test("browser_errors_are_found", Options::wide(), async |browser| {
        let html = "<p style='color: red'>Red</p><script>document.title = 'scripted'</script>";
        browser.go(&page_with_policy("default-src 'self'", html).await).await;
        assert_eq!(browser.title().await, "A page");
        let errors = browser.console_errors().await;
        let of_policy = errors.iter().filter(|error| error.contains("Content Security Policy"));
        assert_eq!(of_policy.count(), 2, "{errors:?}");
        browser.go(&page("<script>undefinedName()</script>").await).await;
        let errors = browser.console_errors().await;
        assert!(errors.iter().any(|error| error.contains("undefinedName is not defined")), "{errors:?}");
        browser.reload().await;
        failure(browser.assert_no_console_errors()).await;
        // The page's policy does not apply to axe-core and the test's own scripts.
        browser.go(&page_with_policy("default-src 'none'", "<main><h1>Title</h1></main>").await).await;
        browser.assert_accessible().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn horizontal_overflow_is_found() {
    browser_test("horizontal_overflow_is_found", Options::narrow(), async |browser| {
        browser.go(&page("<div><p id=long style='width: 400px'>Long</p></div>").await).await;
        let overflowing = browser.horizontal_overflow().await;
        assert!(overflowing.last().is_some_and(|one| one.contains("id=\"long\"")), "{overflowing:?}");
        browser.adjust(Options::wide()).await;
        browser.assert_fits().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn missing_controls_are_reported() {
    let impatient = Options::wide().with_timeout(Duration::from_millis(500));
    browser_test("missing_controls_are_reported", impatient, async |browser| {
        browser.go(&page(FORM).await).await;
        let message = failure(browser.click("Nothing")).await;
        assert!(
            message.contains("no control \"Nothing\"") && message.contains("button \"Send\""),
            "{message}"
        );
        // A hidden link is not a control, and a text field cannot be clicked.
        failure(browser.click("Hidden")).await;
        failure(browser.click("Name")).await;
        let message = failure(browser.click("Never")).await;
        assert!(message.contains("the control is disabled: button \"Never\""), "{message}");
        failure(browser.choose("Kind", "none of these")).await;
        failure(browser.tab_to("Never")).await;
        failure(browser.wait_for_url("/elsewhere")).await;
        let message = failure(browser.wait_for_text("Something else")).await;
        assert!(message.contains("Elsewhere"), "{message}");
        failure(browser.wait_until_gone("Elsewhere")).await;
        browser.wait_until_gone("Something else").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn screenshots_cover_window_or_full_page() {
    browser_test("screenshots_cover_window_or_full_page", Options::narrow(), async |browser| {
        browser.go(&page("<p style='height: 2000px'>Long</p>").await).await;
        browser.screenshot("window_screenshot").await;
        browser.full_page_screenshot("full_screenshot").await;
        let [window, all] = ["window_screenshot", "full_screenshot"].map(|name| {
            let file = screenshot_folder().join(format!("{name}.png"));
            let png = fs::read(&file).unwrap();
            fs::remove_file(file).unwrap();
            let size = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
            (size(16), size(20))
        });
        assert_eq!(window, (375, 812));
        assert!(all.0 == 375 && all.1 > 2000, "{all:?}");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn failing_test_leaves_only_screenshot_and_source() {
    let mut folder = None;
    let failing = browser_test("intentional_failure", Options::wide(), async |browser| {
        folder = Some(browser.folder());
        browser.go(&page("<p>Page content</p>").await).await;
        assert!(browser.shows("missing text").await);
    });
    let outcome = AssertUnwindSafe(failing).catch_unwind().await;
    let Some(folder) = folder else { return };
    assert!(outcome.is_err(), "the test succeeded");
    assert!(!folder.exists(), "{} was not removed", folder.display());
    let [picture, source] =
        ["png", "html"].map(|kind| screenshot_folder().join(format!("failed-intentional_failure.{kind}")));
    assert!(fs::read_to_string(&source).unwrap().contains("Page content"));
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    fs::remove_file(picture).unwrap();
    fs::remove_file(source).unwrap();
}

fn screenshot_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("console")
}

/// The panic message of an operation that must fail.
async fn failure(failing: impl Future<Output = ()>) -> String {
    let panic = AssertUnwindSafe(failing).catch_unwind().await.expect_err("the operation succeeded");
    *panic.downcast().unwrap()
}
