//! The wheel: built by maturin, tested in a new virtual environment.

use std::path::{Path, PathBuf};

use super::{built, delete_packages, folder::Folder, output};
use crate::{
    command::{Context, path_with},
    error::{Error, Result},
    tools::pypi,
};

const MATURIN: &str = "maturin==1.16.0";
const MYPY: &str = "mypy==2.4.1";
/// The package's folder.
const PACKAGE: &str = "harness/python";
/// The versions of what the guide installs.
const VERSIONS: &str = "examples/pytest/requirements.txt";

/// Builds the wheel.
pub(super) fn build(context: &Context, is_release: bool) -> Result<PathBuf> {
    let tool = pypi::tool(context, "maturin", MATURIN)?;
    // maturin runs cargo with the features of this package alone, which are those of the
    // workspace: it uses an existing build.
    super::harness(context, is_release)?;
    let output = output(context)?;
    delete_packages(&output, "whl")?;
    let profile = if is_release { "release" } else { "dev" };
    let mut maturin = context.command(tool.join("maturin"));
    maturin.args(["build", "--quiet", "--locked", "--profile", profile, "--out"]).arg(&output);
    // A debug build is large, and is compressed once to be installed once.
    maturin.args(["--compression-level", if is_release { "9" } else { "1" }]);
    context.run(maturin.current_dir(context.root.join(PACKAGE)).env("PATH", path_with(&tool)?))?;
    let wheels = built(context, &output, "whl")?;
    wheels.into_iter().next().ok_or_else(|| Error::failed("maturin built no wheel"))
}

/// Follows the guide, which installs the wheel, and runs the package's tests and the examples.
pub(super) fn test(context: &Context, wheel: &Path) -> Result {
    let python = pypi::python(context)?;
    context
        .capture(context.command(&python.program).args(["-c", "import ensurepip"]))
        .map_err(|_| Error::missing("Python has no module ensurepip", "apt-get install python3-venv"))?;
    let folder = Folder::new(context, "python", &[wheel.to_owned()])?
        .with("PIP_CONSTRAINT", context.root.join(VERSIONS))
        .with("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .with("PYTHONDONTWRITEBYTECODE", "1")
        .with("PYTEST_ADDOPTS", "-p no:cacheprovider");
    folder.follow(context, "docs/how-to/test-in-python.md")?;
    folder.copy(context, &format!("{PACKAGE}/tests"), "tests")?;
    folder.run(context, ".venv/bin/pytest --quiet tests")?;
    folder.copy(context, "examples/pytest", "examples/pytest")?;
    folder.run_documented(context, "examples/pytest/README.md", "-m pytest")?;
    types(context, &python, &folder)
}

/// Checks the types of the installed package, as strict users do.
fn types(context: &Context, python: &pypi::Python, folder: &Folder) -> Result {
    let packages = python.packages(context, "packages-mypy", &[MYPY])?;
    let mut mypy = context.command(&python.program);
    mypy.args(["-m", "mypy", "--strict", "--cache-dir", "/dev/null", "--package", "keysync_harness"]);
    mypy.arg("--python-executable").arg(folder.path().join(".venv/bin/python"));
    context.run(mypy.env("PYTHONPATH", packages))
}
