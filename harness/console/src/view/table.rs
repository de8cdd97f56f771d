//! Tables: heading, toolbar, rows, and a replacement for no rows.

use maud::{Markup, html};

use super::{Icon, icon};

/// Order of the rows by a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// A column by which the rows can be sorted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sortable<'a> {
    /// URL of the table sorted by this column, or in reverse if it already is.
    pub(crate) href: &'a str,
    /// Present order by this column.
    pub(crate) order: Option<Order>,
}

/// A column.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Column<'a> {
    /// Heading.
    pub(crate) label: &'a str,
    /// Whether only screen readers see the heading, as for the column of ⋮ menus.
    pub(crate) hidden: bool,
    /// Whether and how the rows can be sorted by it.
    pub(crate) sortable: Option<Sortable<'a>>,
}

/// A table; the first cell of a row names the row.
#[derive(Default)]
pub(crate) struct DataTable<'a> {
    /// The id of the table; others are derived from it.
    pub(crate) id: &'a str,
    /// The caption.
    pub(crate) title: &'a str,
    /// A sentence below the caption.
    pub(crate) description: Option<&'a str>,
    /// A form for searching or filtering, buttons.
    pub(crate) toolbar: Option<Markup>,
    /// The headings.
    pub(crate) columns: &'a [Column<'a>],
    /// The rows, each with a cell for each column.
    pub(crate) rows: Vec<Vec<Markup>>,
    /// Replacement for no rows.
    pub(crate) empty: Option<Markup>,
    /// Content below the rows, such as the paging bar.
    pub(crate) below: Option<Markup>,
}

/// A table of data. On narrow screens each row becomes a card, its cells named by their columns.
pub(crate) fn data_table(table: DataTable<'_>) -> Markup {
    let empty = table.rows.is_empty();
    html! {
        .data-table {
            .data-table__heading {
                h2 id={ (table.id) "-title" } { (table.title) }
                @if let Some(text) = table.description { p { (text) } }
            }
            @if let Some(toolbar) = table.toolbar { .data-table__toolbar { (toolbar) } }
            @if empty {
                @if let Some(nothing) = table.empty { (nothing) } @else { p.data-table__none { "Nothing to show." } }
            } @else {
                .data-table__scroll role="region" tabindex="0" aria-labelledby={ (table.id) "-title" } {
                    // The explicit roles repeat those of the elements: a browser may drop them if
                    // the stylesheet turns rows into cards.
                    table id=(table.id) role="table" {
                        caption.visually-hidden { (table.title) }
                        thead role="rowgroup" {
                            tr role="row" {
                                @for column in table.columns {
                                    (heading(*column))
                                }
                            }
                        }
                        tbody role="rowgroup" {
                            @for row in table.rows {
                                tr role="row" {
                                    @for (at, cell) in row.into_iter().enumerate() {
                                        (table_cell(at, table.columns.get(at).copied().unwrap_or_default(), cell))
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if let Some(below) = table.below { (below) }
        }
    }
}

/// The heading of a column. Its text stays if the stylesheet hides the link, as on narrow screens.
fn heading(column: Column<'_>) -> Markup {
    let order = column.sortable.and_then(|sortable| sortable.order);
    let (sorted, drawing) = match order {
        Some(Order::Ascending) => (Some("ascending"), Icon::SortedUp),
        Some(Order::Descending) => (Some("descending"), Icon::SortedDown),
        None => (None, Icon::Sort),
    };
    html! {
        th scope="col" role="columnheader" aria-sort=[sorted] {
            span.visually-hidden[column.hidden] { (column.label) }
            @if let Some(sortable) = column.sortable {
                a.sort href=(sortable.href) aria-label={ "Sort by " (column.label) } { (icon(drawing)) }
            }
        }
    }
}

/// A cell. Its content is one element, next to the label if the stylesheet turns rows into cards.
fn table_cell(at: usize, column: Column<'_>, cell: Markup) -> Markup {
    html! {
        @if at == 0 {
            th scope="row" role="rowheader" { div { (cell) } }
        } @else {
            td role="cell" class=[column.hidden.then_some("actions")] data-label=[(!column.hidden).then_some(column.label)] { div { (cell) } }
        }
    }
}
