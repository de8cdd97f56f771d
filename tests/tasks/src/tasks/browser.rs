//! `cargo task browser`: the console's tests in Chromium, and some in Firefox.

use std::{env, path::PathBuf, process::Command};

use crate::{
    command::{Context, find_program},
    error::{Error, Result},
    names::CONSOLE,
    tools::{cargo_install, debian, npm, version},
};

const AXE: &str = "4.14.1";
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// The tests measure text, which has no width without a font.
const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-dejavu-core"];

/// Firefox of Debian, or another one on the `PATH`.
const FIREFOX: [&str; 2] = ["firefox-esr", "firefox"];
/// The driver of Firefox, which Debian does not have.
const GECKODRIVER: &str = "0.37.1";
/// The tests in Firefox, by a part of their names.
const IN_FIREFOX: &str = "in_firefox::";

/// Chromium, its driver, and axe-core, which finds accessibility problems.
pub(crate) struct Browser {
    chromium: PathBuf,
    driver: PathBuf,
    axe: PathBuf,
}

/// Runs the console's tests in a browser: all of them, or those with one of the names.
pub(crate) fn run(context: &Context, names: &[String]) -> Result {
    let browser = install(context)?;
    let firefox = firefox(context);
    let mut tests = context.cargo("test", ["--workspace", "--test", CONSOLE.0, "--", "--ignored"]);
    browser.set(&mut tests).args(["--skip", CONSOLE.1]).args(names);
    match firefox {
        Ok((firefox, driver)) => {
            tests.env("KEYSYNC_TEST_FIREFOX", firefox).env("KEYSYNC_TEST_GECKODRIVER", driver);
        }
        Err(error) => {
            context.say(format!("skipping the tests in Firefox: {error}"));
            tests.args(["--skip", IN_FIREFOX]);
        }
    }
    context.run(&mut tests)
}

/// Finds Firefox and its driver, or installs them: a Debian package, and a crate of Mozilla, which
/// takes about two minutes to build.
fn firefox(context: &Context) -> Result<(PathBuf, PathBuf)> {
    let found = FIREFOX.into_iter().find(|name| find_program(name).is_some()).unwrap_or(FIREFOX[0]);
    debian::ensure(context, &[found], &FIREFOX[..1])?;
    let driver = match named("GECKODRIVER")?.or_else(|| find_program("geckodriver")) {
        Some(driver) => driver,
        None => cargo_install::program(context, "browser", "geckodriver", GECKODRIVER)?,
    };
    Ok((find_program(found).unwrap_or_else(|| found.into()), driver))
}

/// Finds Chromium and its driver or installs their Debian packages, and installs axe-core.
pub(crate) fn install(context: &Context) -> Result<Browser> {
    let (chromium, driver) = match (named("CHROMIUM")?, named("CHROMEDRIVER")?) {
        (Some(chromium), Some(driver)) => (chromium, driver),
        (chromium, driver) => {
            let found = CHROMIUM.into_iter().find(|name| find_program(name).is_some()).unwrap_or(CHROMIUM[0]);
            debian::ensure(context, &[found, "chromedriver"], &PACKAGES)?;
            let here = |name| find_program(name).unwrap_or_else(|| name.into());
            (chromium.unwrap_or_else(|| here(found)), driver.unwrap_or_else(|| here("chromedriver")))
        }
    };
    let major = |program: &PathBuf| {
        let numbers = version(context, program);
        numbers
            .and_then(|numbers| numbers.first().copied())
            .ok_or_else(|| Error::missing(format!("{} does not start", program.display()), apt_get()))
    };
    let (browsers, drivers) = (major(&chromium)?, major(&driver)?);
    if browsers != drivers {
        let (chromium, driver) = (chromium.display(), driver.display());
        let what = format!("{chromium} has version {browsers}, but {driver} is for version {drivers}");
        return Err(Error::missing(
            what,
            format!("{}; or name both in CHROMIUM and CHROMEDRIVER", apt_get()),
        ));
    }
    let axe = context.target.join("browser").join(format!("axe-core-{AXE}"));
    npm::unpack(context, &format!("axe-core@{AXE}"), &axe)?;
    Ok(Browser { chromium, driver, axe: axe.join("axe.min.js") })
}

impl Browser {
    /// Sets the environment variables by which the tests find the browser.
    pub(crate) fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("KEYSYNC_TEST_BROWSER", "1")
            .env("KEYSYNC_TEST_CHROMIUM", &self.chromium)
            .env("KEYSYNC_TEST_CHROMEDRIVER", &self.driver)
            .env("KEYSYNC_TEST_AXE", &self.axe)
    }
}

fn apt_get() -> String {
    format!("apt-get install {}", PACKAGES.join(" "))
}

/// The program that an environment variable names.
fn named(variable: &str) -> Result<Option<PathBuf>> {
    let Ok(name) = env::var(variable) else { return Ok(None) };
    let program = find_program(&name)
        .ok_or_else(|| Error::missing(format!("{variable} names {name}, which does not exist"), apt_get()))?;
    Ok(Some(program))
}
