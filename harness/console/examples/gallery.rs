//! Every component in every state, to look at: `cargo run -p keysync-console --example gallery`, then open the
//! address it prints. It is served with the console's Content-Security-Policy.

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use jiff::{SignedDuration, Timestamp};
use keysync_console::view::{
    Button, Column, Crumb, DataTable, Entry, Event, Field, Icon, MenuItem, Notice, NoticeKind, Page,
    Pagination, SignedIn, Standing, Tag, assets, button, checkbox, copy_id, countdown, data_table,
    definition_list, empty_state, error_page, icon_link, link_button, live, notice, overflow_menu,
    pagination, panel, password_field, post_button, relative, search_field, select_field, standings, stat,
    tag, text_field, time, timeline, window_meter,
};
use maud::{Markup, html};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const KEY: &str = "05f5bf07-5dcb-4d0c-8b1f-3d1f3f9a7c41";

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let pages = Router::new()
        .route("/console/", get(async || policed(keys())))
        .route("/console/key", get(async || policed(key())))
        .route("/console/parts", get(async || policed(parts())))
        .route("/console/login", get(async || policed(login())))
        .route("/console/error", get(async || policed(error())))
        .route("/console/resources", get(async || policed(nothing())))
        .route("/console/gone", get(async || Redirect::to("/console/login")))
        .route("/console/logout", post(async || Redirect::to("/console/login")))
        .route("/console/assets/{name}", get(asset));
    let port = std::env::args().nth(1).unwrap_or_else(|| "0".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://{}/console/parts", listener.local_addr()?);
    axum::serve(listener, pages).await
}

fn policed(page: Markup) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], page).into_response()
}

async fn asset(Path(name): Path<String>) -> Response {
    match assets::find(&name) {
        Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn now() -> Timestamp {
    Timestamp::constant(1_795_615_509, 0)
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn signed_in() -> SignedIn<'static> {
    SignedIn { name: "Ada Lovelace (ada.lovelace@example.com)", csrf: "token" }
}

const CRUMBS: &[Crumb<'_>] = &[
    Crumb { label: "Resource list", href: "/console/resources" },
    Crumb { label: "hpcs-production", href: "/console/" },
];

fn keys() -> Markup {
    let states = [
        ("payroll", "Root key", Tag::Active, "Active", 12),
        ("backups-of-the-customer-records-in-frankfurt-2026", "Root key", Tag::Destroyed, "Destroyed", 3),
        ("archive", "Root key", Tag::Suspended, "Suspended", 0),
        ("imported", "Standard key", Tag::PreActive, "Pre-active", 0),
        ("old-ledger", "Root key", Tag::Deactivated, "Deactivated", 1207),
    ];
    let rows = states.iter().enumerate().map(|(at, (name, kind, state, word, resources))| {
        vec![
            html! { a href="/console/key" { (name) } },
            copy_id(KEY, "key ID"),
            html! { (kind) },
            tag(*state, word),
            html! { (resources) },
            relative(ago(3 + i64::try_from(at).unwrap_or(0) * 700), now()),
            overflow_menu(
                &format!("menu-{at}"),
                &format!("Actions for {name}"),
                &[
                    MenuItem { label: "View details", href: "/console/key", danger: false },
                    MenuItem {
                        label: "Synchronize associated resources",
                        href: "/console/key",
                        danger: false,
                    },
                    MenuItem { label: "Delete key", href: "/console/error", danger: true },
                ],
            ),
        ]
    });
    let label = |label| Column { label, ..Column::default() };
    let table = DataTable {
        id: "keys",
        title: "Keys",
        description: Some(
            "Root keys protect the resources of other services; standard keys are for applications.",
        ),
        toolbar: Some(html! {
            form method="get" action="/console/" role="search" {
                (search_field(Field { name: "search", label: "Search keys by name or ID", placeholder: Some("Search keys by name or ID"), ..Field::default() }))
                (select_field(Field { name: "state", label: "State", value: "", ..Field::default() }, &[("", "All states"), ("1", "Active"), ("2", "Suspended")]))
                (button(Button::Primary, "Filter"))
            }
        }),
        columns: &[
            label("Name"),
            label("ID"),
            label("Type"),
            label("State"),
            Column { label: "Resources", numeric: true, ..Column::default() },
            label("Last event"),
            Column { label: "Actions", hidden: true, ..Column::default() },
        ],
        rows: rows.collect(),
        pagination: Some(pagination(Pagination {
            items: "keys",
            from: 1,
            to: 5,
            total: Some(37),
            next: Some("/console/?offset=5"),
            per_page: 10,
            sizes: &[10, 25, 50, 100],
            action: "/console/",
            ..Pagination::default()
        })),
        ..DataTable::default()
    };
    Page {
        title: "KMS keys",
        signed_in: Some(signed_in()),
        crumbs: &CRUMBS[..1],
        lead: Some(html! { "hpcs-production · us-south" }),
        content: live("keys-live", "/console/", 5000, data_table(table)),
        ..Page::default()
    }
    .render()
}

fn key() -> Markup {
    let services = [
        Standing {
            service: "Cloud Object Storage",
            tag: Tag::Acknowledged,
            text: "Acknowledged",
            note: Some(html! { "2 minutes after the event" }),
        },
        Standing {
            service: "Databases for PostgreSQL",
            tag: Tag::Retrying,
            text: "Retrying",
            note: Some(html! { "Attempt 4; the next " (relative(ago(-2), now())) }),
        },
        Standing { service: "Event Streams", tag: Tag::Delivered, text: "Delivered", note: None },
    ];
    let entry = |event, title, minutes, detail| Entry {
        event,
        title,
        at: ago(minutes),
        who: Some("IBMid-50ABC"),
        detail,
    };
    let events = vec![
        entry(Event::Synchronized, "Associated resources synchronized", 18, Some(standings(&services))),
        entry(Event::Deleted, "Key deleted", 300, None),
        entry(Event::Disabled, "Key disabled", 1500, None),
        entry(Event::Enabled, "Key enabled", 1560, None),
        entry(Event::Rotated, "Key rotated", 9000, None),
        entry(Event::Restored, "Key restored", 9060, None),
        entry(Event::Created, "Key created", 50_000, None),
    ];
    let window = html! {
        p { "The next sync is possible " (countdown(42 * 60 + 10)) "." }
        (window_meter(18 * 60, 3600))
        p { "18 of 60 minutes have passed since the last event." }
        .row.row--buttons {
            (post_button("/console/logout", "token", &[("key", KEY)], Button::Primary, "Synchronize"))
            (link_button(Button::Secondary, "/console/", "Back to keys"))
        }
    };
    Page {
        title: "View associated resources",
        signed_in: Some(signed_in()),
        crumbs: CRUMBS,
        notice: Some(Notice {
            kind: NoticeKind::Error,
            title: "The key was not synchronized",
            body: html! { p { "It was updated within the past hour. A sync works again " (countdown(2530)) ", " (time(ago(-42))) "." } },
            action: None,
        }),
        lead: Some(html! { "payroll " (tag(Tag::Destroyed, "Destroyed")) " " (copy_id(KEY, "key ID")) }),
        content: html! {
            .stats {
                (stat("Resources", html! { "12" }))
                (stat("Services", html! { "3" }))
                (stat("Acknowledged", html! { "1 of 3" }))
                (stat("Last event", relative(ago(18), now())))
            }
            .columns {
                (live("events", "/console/key", 5000, panel("What happened", timeline(events, now()))))
                .stack {
                    (live("window", "/console/key", 5000, panel("Next sync", window)))
                    (panel("Facts", definition_list(vec![
                        ("Name", html! { "payroll" }),
                        ("ID", copy_id(KEY, "key ID")),
                        ("CRN", copy_id("crn:v1:bluemix:public:hs-crypto:us-south:a/1f2e3d4c5b6a:05f5bf07-5dcb-4d0c-8b1f-3d1f3f9a7c41:key:05f5bf07", "CRN")),
                        ("Created", time(ago(50_000))),
                    ])))
                }
            }
        },
        ..Page::default()
    }
    .render()
}

fn parts() -> Markup {
    let kinds = [NoticeKind::Success, NoticeKind::Info, NoticeKind::Warning, NoticeKind::Error];
    let tags = [
        (Tag::PreActive, "Pre-active"),
        (Tag::Active, "Active"),
        (Tag::Suspended, "Suspended"),
        (Tag::Deactivated, "Deactivated"),
        (Tag::Destroyed, "Destroyed"),
        (Tag::Delivered, "Delivered"),
        (Tag::Acknowledged, "Acknowledged"),
        (Tag::Retrying, "Retrying"),
        (Tag::Pending, "Pending"),
        (Tag::Refused, "Refused"),
        (Tag::Failed, "Failed"),
        (Tag::NotNotified, "Not notified"),
        (Tag::Plain, "us-south"),
    ];
    let buttons = [
        (Button::Primary, "Primary"),
        (Button::Secondary, "Secondary"),
        (Button::Tertiary, "Tertiary"),
        (Button::Danger, "Danger"),
        (Button::Ghost, "Ghost"),
    ];
    let field = Field {
        name: "name",
        label: "Name",
        value: "payroll",
        help: Some("Letters and digits."),
        ..Field::default()
    };
    Page {
        title: "Parts",
        signed_in: Some(signed_in()),
        content: html! {
            @for kind in kinds {
                (notice(Notice { kind, title: "A title of few words", body: html! { p { "What it means, and what to do about it." } }, action: Some(link_button(Button::Ghost, "/console/", "See keys")) }))
            }
            form.row.row--buttons action="/console/parts" { @for (kind, label) in buttons { (button(kind, label)) } }
            .row.row--buttons { @for (kind, label) in buttons { (link_button(kind, "/console/", label)) } }
            .row { @for (kind, text) in tags { (tag(kind, text)) } }
            .row { (icon_link(Icon::Sync, "/console/key", "Synchronize")) (time(ago(0))) (relative(ago(0), now())) (relative(ago(61), now())) (relative(ago(-12), now())) (copy_id(KEY, "key ID")) }
            .columns {
                (panel("A form", html! { .form {
                    (text_field(field))
                    (text_field(Field { id: Some("wrong"), error: Some("This name is taken: choose another."), ..field }))
                    (select_field(Field { id: Some("chosen"), ..field }, &[("payroll", "Payroll"), ("other", "Other")]))
                    (select_field(Field { id: Some("misfit"), error: Some("Not this one."), ..field }, &[("payroll", "Payroll")]))
                    (checkbox(Field { id: Some("sure"), label: "I understand that this cannot be undone", ..field }, true))
                    (button(Button::Primary, "Save"))
                } }))
                (empty_state("No keys yet", html! { p { "Create one with the API or the command line." } }, Some(link_button(Button::Tertiary, "/console/", "Reload"))))
            }
            (live("ended", "/console/gone", 2000, html! { p { "A live section whose session has ended." } }))
            (live("lost", "/console/nowhere", 2000, html! { p { "A live section whose server is lost." } }))
        },
        ..Page::default()
    }
    .render()
}

fn login() -> Markup {
    Page {
        title: "Log in",
        lead: Some(html! { "Use an IAM API key of your account." }),
        content: html! {
            form.form method="post" action="/console/logout" {
                (password_field(Field { name: "apikey", label: "API key", help: Some("It is exchanged for an access token and not kept."), required: true, autocomplete: Some("off"), ..Field::default() }))
                (button(Button::Primary, "Log in"))
            }
        },
        ..Page::default()
    }
    .render()
}

fn error() -> Markup {
    Page {
        title: "The service is not available",
        content: error_page(
            html! { p { "IAM did not answer, so nothing was changed." } },
            html! { p { "Try again in a minute." } (link_button(Button::Primary, "/console/", "Back to keys")) },
        ),
        ..Page::default()
    }
    .render()
}

fn nothing() -> Markup {
    let table = DataTable {
        id: "resources",
        title: "Resources",
        empty: Some(empty_state(
            "No instances",
            html! { p { "Your account has no instance of the service." } },
            None,
        )),
        ..DataTable::default()
    };
    Page {
        title: "Resource list",
        signed_in: Some(signed_in()),
        content: data_table(table),
        ..Page::default()
    }
    .render()
}
