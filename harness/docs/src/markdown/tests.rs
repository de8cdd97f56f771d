#![allow(clippy::unwrap_used, reason = "a failed setup step fails the test")]

use super::*;

fn html(text: &str) -> String {
    render("docs/how-to/page.md", text).html.into_string()
}

#[test]
fn headings_have_anchors_as_on_github() {
    let page = render("docs/page.md", "# `KEY_ERR`: what's it?\n\n## A b\n\n## A b\n");
    let ids: Vec<_> = page.sections.iter().map(|section| section.id.as_str()).collect();
    assert_eq!(ids, ["key_err-whats-it", "a-b", "a-b-1"]);
    let html = page.html.into_string();
    assert!(html.contains(r#"<h1 id="key_err-whats-it"><code>KEY_ERR</code>: what's it?</h1>"#), "{html}");
    assert!(
        html.contains(r##"<a class="docs-anchor" href="#a-b-1" aria-label="Link to “A b”">#</a>"##),
        "{html}"
    );
}

#[test]
fn relative_links_lead_to_pages() {
    for (link, expected) in [
        ("operate.md#alarms", "/docs/how-to/operate#alarms"),
        ("../README.md", "/docs"),
        ("../../README.md", "/docs/repository/README"),
        ("../../examples/node/README.md", "/docs/repository/examples/node"),
        ("../explanation/performance/growth.svg", "/docs/explanation/performance/growth.svg"),
        ("#here", "#here"),
        ("https://example.com/a.md", "https://example.com/a.md"),
        ("missing.md", "missing.md"),
        ("../../../outside.md", "../../../outside.md"),
    ] {
        assert_eq!(html(&format!("[x]({link})")), format!("<p><a href=\"{expected}\">x</a></p>\n"));
    }
}

#[test]
fn html_is_shown_as_text() {
    for text in ["<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "# <b>x</b>"] {
        let html = html(text);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>"), "{html}");
    }
}

#[test]
fn anchors_stay_anchors() {
    assert_eq!(html("<a id=\"a-1_b\"></a>x"), "<p><a id=\"a-1_b\"></a>x</p>\n");
    let other = html("<a id=\"x\" onclick=\"y\"></a>");
    assert!(!other.contains("<a"), "{other}");
}

#[test]
fn sections_have_text_without_markup() {
    let page =
        render("docs/page.md", "# T\n\nA **b**\n`c`.\n\n| x | y |\n| - | - |\n| 1 | 2 |\n\n```sh\nls\n```\n");
    assert_eq!(page.sections[0].text, "A b c. x y 1 2 ls");
}
