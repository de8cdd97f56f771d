//! Form fields with label, help and error.

use maud::{Markup, html};

use super::{Icon, icon};

/// Attributes of all fields. The element's id is `field-<id>`, or `field-<name>` without an id.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Field<'a> {
    /// Name in the form.
    pub(crate) name: &'a str,
    /// Id, if the name is not unique on the page.
    pub(crate) id: &'a str,
    /// Label.
    pub(crate) label: &'a str,
    /// Value.
    pub(crate) value: &'a str,
    /// Help text.
    pub(crate) help: Option<&'a str>,
    /// Error message.
    pub(crate) error: Option<&'a str>,
    /// Whether the field is required.
    pub(crate) required: bool,
    /// The `autocomplete` attribute, such as `username` or `off`.
    pub(crate) autocomplete: Option<&'a str>,
    /// Placeholder of the empty field.
    pub(crate) placeholder: Option<&'a str>,
    /// Whether the field has the focus when the page opens.
    pub(crate) autofocus: bool,
}

/// The hidden field that proves a form came from this console.
pub(crate) fn csrf_field(token: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(token); }
}

/// A password field; its value is never sent back.
pub(crate) fn password_field(field: Field<'_>) -> Markup {
    framed(field, input(field, "password", ""))
}

/// A text field.
pub(crate) fn text_field(field: Field<'_>) -> Markup {
    framed(field, input(field, "text", field.value))
}

/// A checkbox in the row of a table, for the form with the id `form`. `label` is for screen
/// readers.
pub(crate) fn row_checkbox(form: &str, name: &str, label: &str) -> Markup {
    html! { input.row-checkbox type="checkbox" form=(form) name=(name) value="true" aria-label=(label); }
}

/// A search box; the label is visible to screen readers only.
pub(crate) fn search_field(field: Field<'_>) -> Markup {
    html! {
        .field.field--search {
            label.visually-hidden for=(id(field)) { (field.label) }
            .search { (icon(Icon::Search)) (input(field, "search", field.value)) }
            (under(field))
        }
    }
}

/// A selection; `options` are value and label.
pub(crate) fn select_field(field: Field<'_>, options: &[(&str, &str)]) -> Markup {
    framed(
        field,
        html! {
            .select {
                select id=(id(field)) name=(field.name) required[field.required]
                    aria-describedby=[described_by(field)] aria-invalid=[field.error.map(|_| "true")] {
                    @for (value, label) in options {
                        option value=(value) selected[*value == field.value] { (label) }
                    }
                }
                (icon(Icon::ChevronDown))
            }
        },
    )
}

/// A checkbox; `value` is sent if it is checked.
pub(crate) fn checkbox(field: Field<'_>, checked: bool) -> Markup {
    html! {
        .field.field--checkbox {
            input id=(id(field)) type="checkbox" name=(field.name) value=(field.value) checked[checked]
                required[field.required]
                aria-describedby=[described_by(field)] aria-invalid=[field.error.map(|_| "true")];
            label for=(id(field)) { (field.label) }
            (under(field))
        }
    }
}

fn framed(field: Field<'_>, control: Markup) -> Markup {
    html! {
        div class={ "field" @if field.error.is_some() { " field--invalid" } } {
            label for=(id(field)) { (field.label) }
            .field__control {
                (control)
                @if field.error.is_some() { (icon(Icon::ErrorFilled)) }
            }
            (under(field))
        }
    }
}

fn input(field: Field<'_>, kind: &str, value: &str) -> Markup {
    html! {
        input id=(id(field)) type=(kind) name=(field.name) value=[(!value.is_empty()).then_some(value)]
            required[field.required] autocomplete=[field.autocomplete] placeholder=[field.placeholder]
            spellcheck="false" autocapitalize="none" autofocus[field.autofocus] dir=[(kind != "password").then_some("auto")]
            aria-describedby=[described_by(field)] aria-invalid=[field.error.map(|_| "true")];
    }
}

fn under(field: Field<'_>) -> Markup {
    html! {
        @if let Some(help) = field.help { p.field__help id={ (id(field)) "-help" } { (help) } }
        @if let Some(error) = field.error {
            p.field__error id={ (id(field)) "-error" } { span.visually-hidden { "Error: " } (error) }
        }
    }
}

fn id(field: Field<'_>) -> String {
    format!("field-{}", if field.id.is_empty() { field.name } else { field.id })
}

fn described_by(field: Field<'_>) -> Option<String> {
    let parts = [field.error.map(|_| "error"), field.help.map(|_| "help")];
    let ids: Vec<_> = parts.into_iter().flatten().map(|part| format!("{}-{part}", id(field))).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}
