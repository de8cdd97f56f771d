//! The files that pages refer to, built into the program.

/// The content type and bytes of the file that is served as `/console/assets/<name>`.
pub(crate) fn find(name: &str) -> Option<(&'static str, &'static [u8])> {
    FILES.iter().find(|file| file.0 == name).map(|&(_, kind, bytes)| (kind, bytes))
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) const FILES: &[(&str, &str, &[u8])] = &[
    ("console.css", "text/css; charset=utf-8", include_bytes!("../../assets/console.css")),
    ("times.js", SCRIPT, include_bytes!("../../assets/times.js")),
    ("live.js", SCRIPT, include_bytes!("../../assets/live.js")),
    ("dialogs.js", SCRIPT, include_bytes!("../../assets/dialogs.js")),
    ("console.js", SCRIPT, include_bytes!("../../assets/console.js")),
    ("favicon.svg", "image/svg+xml", include_bytes!("../../assets/favicon.svg")),
    ("plex-sans-400.woff2", "font/woff2", include_bytes!("../../assets/fonts/plex-sans-400.woff2")),
    ("plex-sans-600.woff2", "font/woff2", include_bytes!("../../assets/fonts/plex-sans-600.woff2")),
    ("plex-mono-400.woff2", "font/woff2", include_bytes!("../../assets/fonts/plex-mono-400.woff2")),
    // The licence goes where the fonts go.
    ("OFL.txt", "text/plain; charset=utf-8", include_bytes!("../../assets/fonts/OFL.txt")),
];
