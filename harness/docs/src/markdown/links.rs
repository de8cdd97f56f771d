//! Links of pages.

use crate::source;

/// The URL of a link in the file `name`. Links to other hosts and within the page stay as they are;
/// so does a link to a file that is not embedded.
pub(super) fn resolve(name: &str, link: &str) -> String {
    let (path, fragment) = link.find('#').map_or((link, ""), |at| link.split_at(at));
    let is_relative = !path.is_empty() && !path.contains(':') && !path.starts_with('/');
    let url = if is_relative { join(name, path).and_then(|name| source::url(&name)) } else { None };
    url.map_or_else(|| link.to_owned(), |url| url + fragment)
}

/// The name of the file at a path relative to the file `name`; `None` above the root.
fn join(name: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
