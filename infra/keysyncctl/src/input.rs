//! Files that a command reads.

use std::path::Path;

use crate::failure::Failure;

/// The content of the file at `path`, or of standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))
}
