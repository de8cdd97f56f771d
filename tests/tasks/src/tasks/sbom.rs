//! `cargo task sbom`: a software bill of materials (CycloneDX 1.5) for each function.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::fuzz::host;
use crate::{
    command::{Context, find_program, path_with},
    error::{Error, Result},
    files,
    names::FUNCTION_BINARIES,
    tools::cargo_install,
};

const CARGO_CYCLONEDX: (&str, &str) = ("cargo-cyclonedx", "0.5.9");
const FUNCTIONS: &str = "functions";
/// Crates that every function contains.
const EXPECTED: [&str; 3] = ["keysync-functions", "aws-lc-rs", "aws-sdk-dynamodb"];

/// Writes `target/sbom/NAME.cdx.json` for each function: every crate that is compiled into it, with
/// version, checksum and licence, from `Cargo.lock`.
pub(crate) fn run(context: &Context, triple: Option<&str>) -> Result {
    let triple = triple.map_or_else(|| host(context), |triple| Ok(triple.to_owned()))?;
    let (name, version) = CARGO_CYCLONEDX;
    let path = if find_program(name).is_some() {
        std::env::var_os("PATH").unwrap_or_default()
    } else {
        let program = cargo_install::program(context, name, name, version)?;
        path_with(program.parent().unwrap_or(&program))?
    };
    // cargo-cyclonedx can only write next to the manifests of the workspace.
    if let Some(file) = written(context)?.first() {
        return Err(Error::failed(format!("{} is in the way; move or delete it", file.display())));
    }
    let _written = Written(context);
    let mut cyclonedx = context.command("cargo");
    cyclonedx.args([
        "cyclonedx",
        "--quiet",
        "--format",
        "json",
        "--describe",
        "binaries",
        "--spec-version",
        "1.5",
    ]);
    cyclonedx.args([
        "--manifest-path",
        &format!("{FUNCTIONS}/Cargo.toml"),
        "--target",
        &triple,
        "--no-build-deps",
    ]);
    context.run(cyclonedx.env("PATH", path))?;

    let folder = context.target.join("sbom");
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    for function in FUNCTION_BINARIES {
        let from = context.root.join(FUNCTIONS).join(format!("{function}_bin.cdx.json"));
        let text = fs::read_to_string(&from).map_err(Error::io("read", &from))?;
        let text = without_root(&text, &context.root);
        if let Some(missing) = EXPECTED.iter().find(|name| !names_crate(&text, name)) {
            return Err(Error::failed(format!("the bill of {function} does not name {missing}")));
        }
        let to = folder.join(format!("{function}.cdx.json"));
        fs::write(&to, &text).map_err(Error::io("write", &to))?;
        context.say(format!("{}: {} crates for {triple}", to.display(), crates(&text)));
    }
    Ok(())
}

/// Deletes the files that cargo-cyclonedx wrote, when dropped.
struct Written<'a>(&'a Context);

impl Drop for Written<'_> {
    fn drop(&mut self) {
        for file in written(self.0).unwrap_or_default() {
            // The next run reports a file that could not be deleted.
            let _ = fs::remove_file(file);
        }
    }
}

/// The bills of materials next to the manifests.
fn written(context: &Context) -> Result<Vec<PathBuf>> {
    let mut bills = Vec::new();
    for manifest in files::tracked(context)?.iter().filter(|file| file.ends_with("/Cargo.toml")) {
        let manifest = context.root.join(manifest);
        let folder = manifest.parent().unwrap_or(&context.root);
        for file in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let path = file.map_err(Error::io("read", folder))?.path();
            if path.to_string_lossy().ends_with("_bin.cdx.json") {
                bills.push(path);
            }
        }
    }
    Ok(bills)
}

/// The text without the path of the checkout, which must not be published.
fn without_root(text: &str, root: &Path) -> String {
    text.replace(&format!("file://{}", root.display()), "file://.")
}

fn names_crate(text: &str, name: &str) -> bool {
    text.contains(&format!("\"name\": \"{name}\"")) || text.contains(&format!("pkg:cargo/{name}@"))
}

/// The number of crates from a registry in a bill of materials.
fn crates(text: &str) -> usize {
    let is_crate = |line: &&str| line.contains("\"purl\": \"pkg:cargo/") && !line.contains('?');
    text.lines().filter(is_crate).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_checkout_is_removed() {
        let text =
            "\"purl\": \"pkg:cargo/keysync-functions@0.1.0?download_url=file:///home/me/keysync/functions\"";
        assert!(!without_root(text, Path::new("/home/me/keysync")).contains("/home"));
    }

    #[test]
    fn crates_of_registries_are_counted() {
        let text = "\"purl\": \"pkg:cargo/a@1\"\n\"purl\": \"pkg:cargo/b@1?download_url=file://.\"\n";
        assert_eq!(crates(text), 1);
        assert!(names_crate(text, "a"));
        assert!(!names_crate(text, "c"));
    }
}
