//! System packages, which are installed with `--install` only.

use std::process::Stdio;

use crate::{
    command::{Context, find_program},
    error::{Error, Result},
};

/// Ensures that all `programs` are on the `PATH`. If one is missing and `--install` is given,
/// installs the Debian `packages`.
pub(crate) fn ensure(context: &Context, programs: &[&str], packages: &[&str]) -> Result {
    let Some(missing) = first_missing(programs) else { return Ok(()) };
    let how = format!("apt-get install {}", packages.join(" "));
    if !context.install {
        return Err(Error::missing(
            format!("{missing} is not on the PATH"),
            format!("{how} (as root), or pass --install"),
        ));
    }
    if find_program("apt-get").is_none() {
        return Err(Error::missing(format!("{missing} is not on the PATH, and neither is apt-get"), how));
    }
    context.say(format!("installing {}", packages.join(", ")));
    apt_get(context, &["update", "-qq"])?;
    let arguments = ["install", "-y", "-qq", "--no-install-recommends"];
    apt_get(context, &[&arguments[..], packages].concat())?;
    first_missing(programs)
        .map_or(Ok(()), |missing| Err(Error::failed(format!("{missing} is not on the PATH after `{how}`"))))
}

fn first_missing<'a>(programs: &[&'a str]) -> Option<&'a str> {
    programs.iter().find(|program| find_program(program).is_none()).copied()
}

/// Runs apt-get as root, with sudo if necessary. Shows only its errors.
fn apt_get(context: &Context, arguments: &[&str]) -> Result {
    let is_root = context.capture(context.command("id").arg("-u"))?.trim() == "0";
    let mut command = context.command(if is_root { "apt-get" } else { "sudo" });
    if !is_root {
        command.args(["--non-interactive", "--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments).stdin(Stdio::null());
    // Its output is shown only if it fails.
    context.capture(&mut command).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_program_names_its_package() {
        let error = ensure(&Context::new(false), &["sh", "no-such-program"], &["some-package"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-program is not on the PATH; \
             to install it, run: apt-get install some-package (as root), or pass --install"
        );
    }

    #[test]
    fn present_program_needs_no_installation() {
        ensure(&Context::new(true), &["sh"], &["no-such-package"]).unwrap();
    }
}
