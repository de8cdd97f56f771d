//! `cargo task mutants`: applies one mutation at a time and expects a test to fail.

mod difference;
mod generated;
mod patch;
mod report;
mod traces;
mod tree;

use std::{fs, path::PathBuf, time::Instant};

use patch::Target;

pub(super) use patch::Patch;
pub(super) use tree::Tree;

use crate::{
    cli::MutantsArgs,
    command::Context,
    error::{Error, Result},
    names::END_TO_END,
};

const FOLDER: &str = "tests/mutations";
/// The sources that contain the unit tests.
const UNIT_TESTS: &str = "functions/src";

/// Applies the selected patches one after the other and runs their tests; with `--check`, only
/// checks that they apply and that their tests exist. With `--generated`, runs generated mutations.
pub(crate) fn run(context: &Context, wanted: &MutantsArgs) -> Result {
    if wanted.generated {
        return generated::run(context, &wanted.filters);
    }
    let patches = selected(context, &wanted.names)?;
    let problems = patches.iter().map(|patch| problem(context, patch)).collect::<Result<Vec<_>>>()?;
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    if !problems.is_empty() {
        return Err(Error::failed(problems.join("\n")));
    }
    context.say(format!("{} patches apply, and their tests exist", patches.len()));
    match wanted {
        MutantsArgs { check: true, .. } => generated::check(context),
        MutantsArgs { traces: true, .. } => traces::run(context, patches, !wanted.names.is_empty()),
        MutantsArgs { .. } => test_all(context, &patches),
    }
}

/// The patches with one of these in their names; all of them without names.
pub(super) fn selected(context: &Context, names: &[String]) -> Result<Vec<Patch>> {
    let folder = context.root.join(FOLDER);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .and_then(|files| files.map(|file| Ok(file?.path())).collect())
        .map_err(Error::io("read", &folder))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    paths.sort();
    let is_selected = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(&**part));
    let mut patches = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if is_selected(&name) {
            let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
            patches.push(Patch::parse(name, path, &text)?);
        }
    }
    if patches.is_empty() {
        let names = names.join("`, `");
        return Err(Error::failed(format!("no patch in {FOLDER} has `{names}` in its name")));
    }
    Ok(patches)
}

/// Why a patch cannot be used.
fn problem(context: &Context, patch: &Patch) -> Result<Option<String>> {
    let mut apply = context.command("git");
    let applies = context.status(apply.args(["apply", "--check"]).arg(&patch.path))?.success();
    let problem = if !applies {
        "does not apply; re-create it, or delete it if its guard is gone".to_owned()
    } else if !test_exists(context, patch) {
        format!("names a test that does not exist: {}", patch.test)
    } else {
        return Ok(None);
    };
    Ok(Some(format!("{FOLDER}/{}.patch: {problem}", patch.name)))
}

/// Whether a file of the test's module has a function of its name.
fn test_exists(context: &Context, patch: &Patch) -> bool {
    let (module, function) = patch.test.rsplit_once("::").unwrap_or(("", &patch.test));
    let source = context.root.join(match patch.target {
        Target::Unit => UNIT_TESTS,
        Target::Functions | Target::E2e => END_TO_END.1,
    });
    let declaration = format!("fn {function}(");
    module_files(module).any(|file| {
        fs::read_to_string(source.join(file)).is_ok_and(|contents| contents.contains(&declaration))
    })
}

/// The files that may contain a module: its own, and for `mod tests` also that of its parent.
fn module_files(module: &str) -> impl Iterator<Item = String> {
    let path = module.replace("::", "/");
    let parent = path.strip_suffix("/tests").map(str::to_owned);
    [Some(path), parent]
        .into_iter()
        .flatten()
        .flat_map(|path| [format!("{path}.rs"), format!("{path}/mod.rs")])
}

fn test_all(context: &Context, patches: &[Patch]) -> Result {
    let tree = Tree::create(context)?;
    context.say("\n== Unmodified code: every test passes");
    for target in [Target::Unit, Target::Functions, Target::E2e] {
        let tests: Vec<&str> =
            patches.iter().filter(|patch| patch.target == target).map(|patch| &*patch.test).collect();
        if !tests.is_empty() {
            context.say(tree.passes_unmodified(target, &tests)?);
        }
    }
    let mut rows = Vec::new();
    for (index, patch) in patches.iter().enumerate() {
        let started = Instant::now();
        let outcome = tree.test(patch)?;
        let (position, name, seconds) = (index + 1, &patch.name, started.elapsed().as_secs());
        context.say(format!("{position}/{} {name} ({seconds} s): {}", patches.len(), outcome.text()));
        rows.push((patch, outcome));
    }
    let missed = rows.iter().filter(|(_, outcome)| !outcome.is_detected()).count();
    context.say(format!("\n== {} of {} mutations were detected", rows.len() - missed, rows.len()));
    context.say("| guarantee | mutation | failing test | failure |\n| --- | --- | --- | --- |");
    for (patch, outcome) in rows {
        let Patch { guarantee, description, test, .. } = patch;
        context.say(format!("| {guarantee} | {description} | `{test}` | {} |", outcome.text()));
    }
    if missed == 0 { Ok(()) } else { Err(Error::failed(format!("{missed} mutations were not detected"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_test_is_found_in_its_module_only() {
        let context = Context::new(false);
        let exists = |test: &str| {
            let text = format!("guarantee: G1\nmutation: x\ntarget: unit\ntest: {test}\ndiff \n");
            test_exists(&context, &Patch::parse("01-x".to_owned(), "01-x.patch".into(), &text).unwrap())
        };
        assert!(exists("delivery::adversarial::tls::client_rejects_unencrypted_http"));
        assert!(exists("ledger::confirm::tests::outbox_keeps_only_unsettled_services"));
        assert!(!exists("delivery::hostile::tls::client_rejects_unencrypted_http"));
    }
}
