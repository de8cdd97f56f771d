//! Properties of every component: text is escaped, and markup follows the Content-Security-Policy.

use jiff::Timestamp;
use maud::{Markup, html};

use super::*;

const HOSTILE: &str = r#""><script>alert(1)</script><b onclick='x' style="y">&amp;"#;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Every component, with `text` wherever it takes text.
fn every_component(text: &str) -> Vec<(&'static str, Markup)> {
    let field = Field {
        name: text,
        id: text,
        label: text,
        value: text,
        help: Some(text),
        error: Some(text),
        required: true,
        autocomplete: Some(text),
        placeholder: Some(text),
        autofocus: true,
    };
    let words = || html! { (text) };
    let notice_of = |kind| Notice { kind, title: text, body: words() };
    let status = ServiceStatus { service: text, tag: Tag::Failed, text };
    let entry = |detail| Entry { event: Event::Rotated, title: text, at: at(0), who: Some(text), detail };
    let item = MenuItem { label: text, href: text, danger: true, dialog: Some(Dialog::SidePanel) };
    let sortable = Some(Sortable { href: text, order: Some(Order::Ascending) });
    let column = Column { label: text, sortable, ..Column::default() };
    let table = || DataTable {
        id: text,
        title: text,
        description: Some(text),
        toolbar: Some(words()),
        columns: &[],
        ..DataTable::default()
    };
    let pages = Pagination {
        items: text,
        previous: Some(text),
        next: Some(text),
        sizes: &[10],
        action: text,
        keep: &[(text, text)],
        ..Pagination::default()
    };
    let page = Page {
        title: text,
        section: Some(text),
        signed_in: Some(SignedIn { name: text, csrf: text, harness: true, documentation: true }),
        crumbs: &[Crumb { label: text, href: text }],
        notice: Some(notice_of(NoticeKind::Success)),
        lead: Some(words()),
        content: words(),
    };
    vec![
        ("page", page.render()),
        ("notice", notice(notice_of(NoticeKind::Error))),
        ("button", button(Button::Primary, text)),
        ("button_described_by", button_described_by(Button::Primary, text, text)),
        ("disabled_button", disabled_button(text, text)),
        ("name", name(text)),
        ("dialog_content", dialog_content(text, words())),
        ("dialog_button", dialog_button(Button::Primary, text, text)),
        ("cancel", cancel(text)),
        ("progress", progress(text, 1, 2)),
        ("text_field", text_field(field)),
        ("row_checkbox", row_checkbox(text, text, text)),
        ("link_button", link_button(Button::Ghost, text, text)),
        ("csrf_field", csrf_field(text)),
        ("password_field", password_field(field)),
        ("search_field", search_field(field)),
        ("select_field", select_field(field, &[(text, text)])),
        ("checkbox", checkbox(field, true)),
        ("tag", tag(Tag::Active, text)),
        ("copy_id", copy_id(text, text)),
        ("data_table", data_table(DataTable { columns: &[column], rows: vec![vec![words(); 2]], ..table() })),
        ("data_table, empty", data_table(DataTable { empty: Some(words()), ..table() })),
        ("pagination", pagination(pages)),
        ("overflow_menu", overflow_menu(text, text, &[item])),
        ("time", time(at(0))),
        ("relative", relative(at(0), at(60))),
        ("countdown", countdown(60)),
        ("window_meter", window_meter(60, 3600)),
        ("timeline", timeline(vec![entry(Some(service_statuses(&[status]))), entry(None)], at(60))),
        ("panel", panel(text, words())),
        ("definition_list", definition_list(vec![(text, words())])),
        ("empty_state", empty_state(text, words(), Some(words()))),
        ("error_page", error_page(words(), words())),
        ("live", live(text, text, 1000, words())),
    ]
}

#[test]
fn components_escape_text() {
    for (name, markup) in every_component(HOSTILE) {
        let (hostile, harmless) = (markup.into_string(), every_component_named(name, "harmless"));
        for sign in ["<", ">", "\""] {
            let (count, expected) = (hostile.matches(sign).count(), harmless.matches(sign).count());
            assert_eq!(count, expected, "{name}: {sign} is not escaped: {hostile}");
        }
        assert!(!hostile.contains("&amp;\""), "{name}: an entity is not escaped: {hostile}");
    }
}

fn every_component_named(name: &str, text: &str) -> String {
    let mut all = every_component(text).into_iter();
    all.find(|component| component.0 == name).unwrap().1.into_string()
}

#[test]
fn markup_follows_content_security_policy() {
    for (name, markup) in every_component("harmless") {
        let markup = markup.into_string();
        for inline in
            [" style=", "<style", " onclick", " onsubmit", " onload", "javascript:", "data:", "http:"]
        {
            assert!(!markup.contains(inline), "{name} has {inline}: {markup}");
        }
        let scripts = markup.matches("<script").count();
        assert_eq!(scripts, markup.matches("<script src=\"/console/assets/").count(), "{name}: {markup}");
    }
}

#[test]
fn password_is_never_sent_back() {
    let field = Field { name: "apikey", label: "API key", value: "secret", ..Field::default() };
    assert!(!password_field(field).into_string().contains("secret"));
}

#[test]
fn field_descriptions_exist() {
    let field = Field { name: "a", label: "A", help: Some("how"), error: Some("wrong"), ..Field::default() };
    for markup in
        [password_field(field), search_field(field), select_field(field, &[]), checkbox(field, false)]
    {
        let markup = markup.into_string();
        assert!(markup.contains(r#"aria-describedby="field-a-error field-a-help""#), "{markup}");
        for id in ["field-a", "field-a-error", "field-a-help"] {
            assert_eq!(markup.matches(&format!("id=\"{id}\"")).count(), 1, "{id}: {markup}");
        }
    }
}

#[test]
fn page_has_one_heading_and_landmarks() {
    let page = Page { title: "KMS keys", ..Page::default() }.render().into_string();
    assert!(page.contains("<title>KMS keys – keysync</title>"));
    for part in ["<h1", "<header", "<main", "href=\"#main\"", "<html lang=\"en\""] {
        assert_eq!(page.matches(part).count(), 1, "{part}: {page}");
    }
    assert!(!page.contains("logout"), "logout without a session: {page}");
}

#[test]
fn referenced_assets_exist() {
    let page = Page::default().render().into_string();
    let css = text_of("console.css");
    let mut names = 0;
    for text in [&page, &css] {
        for reference in text.split("/console/assets/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(assets::find(name).is_some(), "{name} is referenced but not served");
            names += 1;
        }
    }
    assert_eq!(names, 9, "a stylesheet, four scripts, an icon and three fonts");
    assert!(assets::find("../Cargo.toml").is_none());
}

#[test]
fn assets_follow_content_security_policy() {
    let css = text_of("console.css");
    let js = layout::SCRIPTS.map(text_of).concat();
    for foreign in ["data:", "http:", "https:", "@import"] {
        assert!(!css.contains(foreign), "console.css has {foreign}");
    }
    for unsafe_way in [
        "eval(",
        "new Function",
        "setAttribute(\"style",
        "insertAdjacentHTML",
        "document.write",
        ".innerHTML =",
    ] {
        assert!(!js.contains(unsafe_way), "a script has {unsafe_way}");
    }
}

#[test]
fn every_class_has_a_css_rule() {
    const PLAIN: &[&str] = &["notice__body"];
    let css = text_of("console.css");
    for (name, markup) in every_component("harmless") {
        let markup = markup.into_string();
        for classes in markup.split(" class=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            for class in classes.split(' ').filter(|class| !PLAIN.contains(class)) {
                assert!(css.contains(&format!(".{class}")), "{name}: .{class} has no rule");
            }
        }
    }
}

fn text_of(name: &str) -> String {
    String::from_utf8(assets::find(name).unwrap().1.to_vec()).unwrap()
}
