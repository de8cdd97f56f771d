//! What the other tests look with: that it sees what is there, and that each check can fail.

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

/// Serves one page, whatever is asked for, for as long as the test runs.
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

const SCRIPTED: &str = "<main><h1>Title</h1><p id=p>as it was served</p><noscript>no scripts here</noscript>
    <p><button onclick=\"p.textContent = 'clicked'\">Click</button></main>
    <script>p.textContent = 'as a script has it'</script>";

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn scripts_run() {
    browser_test("scripts_run", Options::wide(), async |browser| {
        browser.go(&page(SCRIPTED).await).await;
        browser.waits_for("as a script has it").await;
        assert!(!browser.sees("no scripts here").await);
        browser.click("Click").await;
        browser.waits_for("clicked").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn scripts_that_are_off_do_not_run_and_the_rest_works() {
    let name = "scripts_that_are_off_do_not_run_and_the_rest_works";
    browser_test(name, Options::wide().without_script(), async |browser| {
        browser.go(&page(SCRIPTED).await).await;
        browser.click("Click").await;
        browser.assert_accessible().await;
        browser.click("Click").await;
        assert!(browser.sees("as it was served").await, "{}", browser.text().await);
        assert!(browser.sees("no scripts here").await);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn what_a_user_prefers() {
    let asked = "return [matchMedia('(prefers-color-scheme: dark)').matches, matchMedia('(prefers-reduced-motion)').matches,
        innerWidth, Intl.DateTimeFormat().resolvedOptions().timeZone]";
    browser_test("what_a_user_prefers", Options::wide(), async |browser| {
        let url = page("<p>Something</p>").await;
        browser.go(&url).await;
        assert_eq!(browser.asks(asked).await, serde_json::json!([false, false, 1280, "UTC"]));
        browser.adjust(Options::narrow().dark().reduced_motion().in_time_zone("Asia/Tokyo")).await;
        browser.reload().await;
        assert_eq!(browser.asks(asked).await, serde_json::json!([true, true, 375, "Asia/Tokyo"]));
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
async fn a_form_is_filled_in() {
    browser_test("a_form_is_filled_in", Options::narrow(), async |browser| {
        browser.go(&page(FORM).await).await;
        browser.fill("Name", "after").await;
        browser.choose("Kind", "another one").await;
        browser.click("Sure").await;
        browser.click("Send").await;
        browser.arrives_at("/sent?name=after&kind=another+one&sure=on").await;
        browser.click("Elsewhere").await;
        browser.arrives_at("/elsewhere").await;
        browser.back().await;
        browser.assert_fits().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn a_form_is_filled_in_by_keyboard_alone() {
    browser_test("a_form_is_filled_in_by_keyboard_alone", Options::wide(), async |browser| {
        browser.go(&page(FORM).await).await;
        assert_eq!(browser.focused().await, None);
        browser.press(Key::Tab).await;
        assert_eq!(browser.focused().await.as_deref(), Some("textbox \"Name\""));
        browser.types("typed").await;
        browser.tabs_to("Look it up").await;
        assert_eq!(browser.focused().await.as_deref(), Some("button \"Look it up\""));
        browser.press_with_shift(Key::Tab).await;
        assert_eq!(browser.focused().await.as_deref(), Some("checkbox \"Sure\""));
        browser.press(Key::Space).await;
        browser.tabs_to("Send").await;
        browser.press(Key::Enter).await;
        browser.arrives_at("/sent?name=typed&kind=one&sure=on").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn what_is_there_to_use() {
    browser_test("what_is_there_to_use", Options::wide(), async |browser| {
        browser.go(&page(FORM).await).await;
        let there: Vec<_> = browser.things().await.iter().map(ToString::to_string).collect();
        let expected = [
            "textbox \"Name\"",
            "combobox \"Kind\"",
            "checkbox \"Sure\"",
            "button \"Look it up\"",
            "button \"Never\" (disabled)",
            "button \"Send\"",
            "link \"Elsewhere\"",
        ];
        let there: Vec<_> = there.iter().filter(|thing| !thing.contains("option")).collect();
        assert_eq!(there, expected);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn what_keeps_somebody_out_is_found() {
    browser_test("what_keeps_somebody_out_is_found", Options::wide(), async |browser| {
        browser.go(&page("<main><h1>Title</h1><img src=data:,><button></button></main>").await).await;
        let found = browser.accessibility_violations().await;
        let mut ids: Vec<_> = found.iter().map(|violation| violation.id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["button-name", "image-alt"], "{found:?}");
        let said = found[0].to_string();
        assert!(said.contains("(critical)") && said.contains("<button></button>"), "{said}");
        browser
            .go(&page("<main><h1>Title</h1><img src=data:, alt=''><button>Do</button></main>").await)
            .await;
        browser.assert_accessible().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn what_the_browser_complains_about_is_found() {
    browser_test("what_the_browser_complains_about_is_found", Options::wide(), async |browser| {
        let html = "<p style='color: red'>Red</p><script>document.title = 'scripted'</script>";
        browser.go(&page_with_policy("default-src 'self'", html).await).await;
        assert_eq!(browser.title().await, "A page");
        let complaints = browser.console_errors().await;
        let of_policy = complaints.iter().filter(|error| error.contains("Content Security Policy"));
        assert_eq!(of_policy.count(), 2, "{complaints:?}");
        browser.go(&page("<script>nobody.knows()</script>").await).await;
        let complaints = browser.console_errors().await;
        assert!(complaints.iter().any(|error| error.contains("nobody is not defined")), "{complaints:?}");
        browser.reload().await;
        failure(browser.assert_no_complaints()).await;
        // axe-core and the test's own scripts are not the page's.
        browser.go(&page_with_policy("default-src 'none'", "<main><h1>Title</h1></main>").await).await;
        browser.assert_accessible().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn what_sticks_out_is_found() {
    browser_test("what_sticks_out_is_found", Options::narrow(), async |browser| {
        browser.go(&page("<div><p id=long style='width: 400px'>Long</p></div>").await).await;
        let out = browser.overflows_sideways().await;
        assert!(out.last().is_some_and(|one| one.contains("id=\"long\"")), "{out:?}");
        browser.adjust(Options::wide()).await;
        browser.assert_fits().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn what_is_not_there_is_told() {
    let impatient = Options::wide().waiting(Duration::from_millis(500));
    browser_test("what_is_not_there_is_told", impatient, async |browser| {
        browser.go(&page(FORM).await).await;
        let said = failure(browser.click("Nothing")).await;
        assert!(said.contains("there is no \"Nothing\"") && said.contains("button \"Send\""), "{said}");
        // A link that nobody can see is not there, and a field is not to be clicked.
        failure(browser.click("Hidden")).await;
        failure(browser.click("Name")).await;
        let said = failure(browser.click("Never")).await;
        assert!(said.contains("it is disabled: button \"Never\""), "{said}");
        failure(browser.choose("Kind", "none of these")).await;
        failure(browser.tabs_to("Never")).await;
        failure(browser.arrives_at("/elsewhere")).await;
        let said = failure(browser.waits_for("Something else")).await;
        assert!(said.contains("Elsewhere"), "{said}");
        failure(browser.waits_until_gone("Elsewhere")).await;
        browser.waits_until_gone("Something else").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: run `cargo task browser`"]
async fn pictures_are_of_the_window_or_of_all() {
    browser_test("pictures_are_of_the_window_or_of_all", Options::narrow(), async |browser| {
        browser.go(&page("<p style='height: 2000px'>Long</p>").await).await;
        browser.screenshot("picture_of_the_window").await;
        browser.screenshot_of_all("picture_of_all").await;
        let [window, all] = ["picture_of_the_window", "picture_of_all"].map(|name| {
            let file = pictures().join(format!("{name}.png"));
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
async fn a_test_that_fails_leaves_a_picture_and_nothing_else() {
    let mut folder = None;
    let failing = browser_test("on_purpose", Options::wide(), async |browser| {
        folder = Some(browser.folder());
        browser.go(&page("<p>What was there</p>").await).await;
        assert!(browser.sees("what was not").await);
    });
    let outcome = AssertUnwindSafe(failing).catch_unwind().await;
    let Some(folder) = folder else { return };
    assert!(outcome.is_err(), "it does not fail");
    assert!(!folder.exists(), "{} is left", folder.display());
    let [picture, source] = ["png", "html"].map(|kind| pictures().join(format!("failed-on_purpose.{kind}")));
    assert!(fs::read_to_string(&source).unwrap().contains("What was there"));
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    fs::remove_file(picture).unwrap();
    fs::remove_file(source).unwrap();
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("console")
}

/// What it says that fails.
async fn failure(failing: impl Future<Output = ()>) -> String {
    let panic = AssertUnwindSafe(failing).catch_unwind().await.expect_err("it does not fail");
    *panic.downcast().unwrap()
}
