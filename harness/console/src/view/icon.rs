//! Small line drawings on a 16 × 16 grid. They are hidden from screen readers; the text next to
//! them has their meaning.

use maud::{Markup, html};

/// An icon next to a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    Menu,
    Overflow,
    Copy,
    Check,
    CheckTwice,
    CheckFilled,
    ErrorFilled,
    WarningFilled,
    Search,
    Plus,
    Rotate,
    Sync,
    Pause,
    Play,
    Trash,
    Undo,
    Clock,
    Circle,
    Minus,
    Cross,
    Slash,
    Alert,
    ChevronDown,
    Previous,
    Next,
    LogOut,
    User,
    List,
    Book,
    Empty,
    Sort,
    SortedUp,
    SortedDown,
}

/// The drawing, in the colour of the text around it, hidden from screen readers.
pub(crate) fn icon(icon: Icon) -> Markup {
    let (lines, solid) = icon.paths();
    html! {
        svg.icon width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" focusable="false" fill="none" {
            @if !solid.is_empty() {
                path d=(solid) fill="currentColor" fill-rule="evenodd" {}
            }
            @if !lines.is_empty() {
                path d=(lines) stroke="currentColor" stroke-width="1.25" {}
            }
        }
    }
}

impl Icon {
    /// What is drawn as lines, and what is filled.
    const fn paths(self) -> (&'static str, &'static str) {
        match self {
            Self::Menu => ("M2 4.5h12M2 8h12M2 11.5h12", ""),
            Self::Overflow => ("", "M6.75 2h2.5v2.5h-2.5zM6.75 6.75h2.5v2.5h-2.5zM6.75 11.5h2.5v2.5h-2.5z"),
            Self::Cross => ("M3.5 3.5l9 9M12.5 3.5l-9 9", ""),
            Self::Copy => ("M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1", ""),
            Self::Check => ("M2.5 8.5l3.5 3.5l7.5-8", ""),
            Self::CheckTwice => ("M1 8.5l3 3.5l6-8M7 11l1 1l6.5-8", ""),
            Self::CheckFilled => {
                ("", "M8 1a7 7 0 1 1 0 14a7 7 0 1 1 0-14zM7 11.3l5-5l-.95-.95l-4.05 4.05l-2-2l-.95.95z")
            }
            Self::ErrorFilled => ("", "M8 1a7 7 0 1 1 0 14a7 7 0 1 1 0-14zM4.6 5.5l5.9 5.9l.9-.9l-5.9-5.9z"),
            Self::WarningFilled => ("", "M8 1.2l7 13.3h-14zM7.35 5.8v4.4h1.3v-4.4zM7.2 11.3v1.6h1.6v-1.6z"),
            Self::Search => ("M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9zM10.3 10.3l3.7 3.7", ""),
            Self::Plus => ("M8 2.5v11M2.5 8h11", ""),
            Self::Rotate => ("M13 8a5 5 0 1 1-1.6-3.7M11.5 1.5v3h-3", ""),
            Self::Sync => (
                "M2.8 7a5.3 5.3 0 0 1 9.8-1.8M12.8 2v3.4h-3.4M13.2 9a5.3 5.3 0 0 1-9.8 1.8M3.2 14v-3.4h3.4",
                "",
            ),
            Self::Pause => ("", "M4.5 3h2.25v10h-2.25zM9.25 3h2.25v10h-2.25z"),
            Self::Play => ("", "M4.5 2.5l9 5.5l-9 5.5z"),
            Self::Trash => ("M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.5 9h7l.5-9M6.7 7v4.5M9.3 7v4.5", ""),
            Self::Undo => ("M3 5.5h6.5a3.75 3.75 0 0 1 0 7.5h-4M6 2.5l-3 3l3 3", ""),
            Self::Clock => ("M8 2a6 6 0 1 1 0 12a6 6 0 1 1 0-12zM8 4.5v3.8l2.5 1.7", ""),
            Self::Circle => ("M8 3a5 5 0 1 1 0 10a5 5 0 1 1 0-10z", ""),
            Self::Minus => ("M3 8h10", ""),
            Self::Slash => ("M8 2a6 6 0 1 1 0 12a6 6 0 1 1 0-12zM3.8 3.8l8.4 8.4", ""),
            Self::Alert => ("M8 2l6.2 11.5h-12.4zM8 6.3v3.5M8 11v1.2", ""),
            Self::Sort => ("M5 13v-10M2.5 5.5l2.5-2.5l2.5 2.5M11 3v10M8.5 10.5l2.5 2.5l2.5-2.5", ""),
            Self::SortedUp => ("M8 13v-10M4.5 6.5l3.5-3.5l3.5 3.5", ""),
            Self::SortedDown => ("M8 3v10M4.5 9.5l3.5 3.5l3.5-3.5", ""),
            Self::ChevronDown => ("M3.5 6l4.5 4.5l4.5-4.5", ""),
            Self::Previous => ("", "M10.5 3.5v9l-5.5-4.5z"),
            Self::Next => ("", "M5.5 3.5v9l5.5-4.5z"),
            Self::LogOut => ("M6.5 2.5h-4v11h4M6 8h8M11 5l3 3l-3 3", ""),
            Self::User => (
                "M8 2.2a2.9 2.9 0 1 1 0 5.8a2.9 2.9 0 1 1 0-5.8zM2.8 14v-.8a3 3 0 0 1 3-3h4.4a3 3 0 0 1 3 3v.8",
                "",
            ),
            Self::List => ("M6 4h8M6 8h8M6 12h8M2 4h1.5M2 8h1.5M2 12h1.5", ""),
            Self::Book => (
                "M8 4c-1.5-1-3.5-1.5-6-1.5v10c2.5 0 4.5 .5 6 1.5c1.5-1 3.5-1.5 6-1.5v-10c-2.5 0-4.5 .5-6 1.5zM8 4v10",
                "",
            ),
            Self::Empty => ("M2 9.5l2-6.5h8l2 6.5v4h-12zM2 9.5h3.5l1 1.8h3l1-1.8h3.5", ""),
        }
    }
}
