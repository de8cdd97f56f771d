//! `harness verify-receiver`: checks a running receiver of callbacks against the rules for
//! receivers.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{ExitCode, Stdio},
    time::Duration,
};

use clap::Args;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use keysync_receiver_conformance::{Conformance, Failure, KEY_SET_PORT, Options, Report, Rule, Verdict};
use serde_json::json;
use tokio::process::{Child, Command};
use url::Url;

use super::output;

/// The exit code when the receiver could not be checked.
const NOT_CHECKED: u8 = 2;

/// Arguments of `harness verify-receiver`.
#[derive(Args)]
pub(super) struct VerifyReceiverArgs {
    /// The receiver's URL for callbacks: `http` or `https`. `{port}` is replaced by a free port for
    /// the receiver that --exec starts.
    #[arg(required_unless_present = "list_rules")]
    url: Option<String>,
    /// For `https`: a file with the certificates (PEM) of the authorities to trust in place of
    /// Mozilla's, such as a private one.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The service that the receiver is configured as.
    #[arg(long, default_value = "cloud-object-storage", value_name = "NAME")]
    service: String,
    /// Where the receiver says what it did: a GET that returns a JSON array of the events that it
    /// acted on, or their number. Without it, rules about effects are not checked.
    #[arg(long, value_name = "URL")]
    effects_url: Option<String>,
    /// Address at which the public key set is served to the receiver; port 0 for any free one.
    #[arg(long, default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, KEY_SET_PORT)), value_name = "ADDRESS")]
    key_set: SocketAddr,
    /// Start the receiver with this shell command, and stop it at the end. `{port}`, `{key_set}` (a
    /// URL), `{public_key}` and `{service}` are replaced.
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Check only these rules. Repeatable.
    #[arg(long = "rule", value_name = "RULE", value_parser = rule, value_delimiter = ',')]
    rules: Vec<Rule>,
    /// Do not check these rules. Repeatable.
    #[arg(long, value_name = "RULE", value_parser = rule, value_delimiter = ',')]
    skip: Vec<Rule>,
    /// Seconds that the receiver has for a response; keysync waits 5 s by default.
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    response_within: u64,
    /// Seconds after which the receiver must have disconnected a slow client.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    slow_within: u64,
    /// Seconds after which the receiver must know a new key of the key set.
    #[arg(long, default_value_t = 40, value_name = "SECONDS")]
    new_key_within: u64,
    /// Seconds to wait until the receiver accepts connections.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    start_within: u64,
    /// Write the result as `JUnit` XML to this file, too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// List the rules, and exit.
    #[arg(long)]
    list_rules: bool,
}

/// Checks the receiver and prints the result. The exit code is 0 if no rule failed, 1 if one did,
/// and 2 if the receiver could not be checked.
pub(super) async fn run(args: VerifyReceiverArgs) -> Result<ExitCode, Box<dyn Error>> {
    if args.list_rules {
        list_rules(args.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = match check(&args).await {
        Ok(report) => report,
        Err(error) => {
            output::failed(error.as_ref());
            return Ok(ExitCode::from(NOT_CHECKED));
        }
    };
    if let Some(path) = &args.junit {
        fs::write(path, report.junit())
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    if args.json {
        output::line(serde_json::to_string_pretty(&report)?)?;
    } else {
        output::write(text(&report))?;
    }
    Ok(if report.count(Verdict::Failed) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn check(args: &VerifyReceiverArgs) -> Result<Report, Box<dyn Error>> {
    let conformance = Conformance::start(args.key_set).await?;
    let port = free_port()?;
    let (key_set, public_key) = (conformance.key_set_url(), conformance.public_key().to_owned());
    let filled = |text: &str| {
        text.replace("{port}", &port.to_string())
            .replace("{key_set}", &key_set)
            .replace("{public_key}", &public_key)
            .replace("{service}", &args.service)
    };
    let options = options(args, filled)?;
    let bar = spinner();
    let progress = |rule: Rule| {
        bar.set_message(rule.name());
        bar.tick();
    };
    let check = conformance.check(&options, &progress);
    let report = if let Some(command) = &args.exec {
        let mut receiver = start(&filled(command))?;
        tokio::select! {
            report = check => report?,
            ended = receiver.wait() => {
                return Err(format!("the receiver ended before it was checked: {}", ended?).into());
            }
        }
    } else {
        let service = &args.service;
        // On standard error, because of --json. A closed one is no error.
        let _ = writeln!(
            io::stderr(),
            "The receiver must be the service `{service}`, and know the public key {public_key}\n\
             or, to check a key rotation, the key set at {key_set}."
        );
        check.await?
    };
    bar.finish_and_clear();
    Ok(report)
}

fn options(args: &VerifyReceiverArgs, filled: impl Fn(&str) -> String) -> Result<Options, Box<dyn Error>> {
    let url = |text: &str| {
        let text = filled(text);
        text.parse::<Url>().map_err(|error| {
            format!(
                "invalid URL `{text}`: {error}; write http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH"
            )
        })
    };
    let rules = if args.rules.is_empty() { Rule::ALL.to_vec() } else { args.rules.clone() };
    let rules = rules.into_iter().filter(|rule| !args.skip.contains(rule)).collect();
    let ca = args.ca.as_ref().map(|path| {
        fs::read(path).map_err(|error| format!("cannot read {}, given by --ca: {error}", path.display()))
    });
    Ok(Options {
        rules,
        ca: ca.transpose()?,
        effects_url: args.effects_url.as_deref().map(url).transpose()?,
        response_within: Duration::from_secs(args.response_within),
        slow_within: Duration::from_secs(args.slow_within),
        new_key_within: Duration::from_secs(args.new_key_within),
        start_within: Duration::from_secs(args.start_within),
        ..Options::new(url(args.url.as_deref().unwrap_or_default())?, &*args.service)
    })
}

/// Starts the receiver, which is killed when it is dropped. Its output goes to standard error.
fn start(command: &str) -> Result<Child, String> {
    let mut shell = Command::new("sh");
    // The shell becomes the receiver, so that killing it kills the receiver.
    shell.args(["-c", &format!("exec {command}")]).kill_on_drop(true);
    shell.stdin(Stdio::null()).stdout(io::stderr());
    shell.spawn().map_err(|error| format!("cannot start `{command}`: {error}"))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Nothing is drawn if standard error is not a terminal.
fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed}  {msg}") {
        bar.set_style(style);
    }
    bar.set_message("waiting for the receiver");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The report as a table, with the details of what failed.
fn text(report: &Report) -> String {
    let mut table = table(&["rule", "result", "checks", "a receiver must"]);
    for rule in &report.rules {
        table.add_row([
            rule.rule.name(),
            rule.result.as_str(),
            &rule.checks.to_string(),
            rule.reason.as_deref().unwrap_or(rule.description),
        ]);
    }
    let mut text = format!("{table}\n");
    for rule in report.rules.iter().filter(|rule| rule.result == Verdict::Failed) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}: a receiver must {}", rule.rule.name(), rule.description);
        for Failure { check, sent, expected, received } in &rule.failures {
            let _ = writeln!(
                text,
                "  {check}\n    sent:     {sent}\n    expected: {expected}\n    received: {received}"
            );
        }
    }
    let [passed, failed, not_checked] =
        [Verdict::Passed, Verdict::Failed, Verdict::NotChecked].map(|verdict| report.count(verdict));
    let _ = writeln!(text, "\n{passed} passed, {failed} failed, {not_checked} not checked");
    text
}

fn list_rules(as_json: bool) -> Result<(), Box<dyn Error>> {
    if as_json {
        let rules: Vec<_> = Rule::ALL
            .iter()
            .map(|rule| json!({"rule": rule.name(), "description": rule.description()}))
            .collect();
        return Ok(output::line(serde_json::to_string_pretty(&rules)?)?);
    }
    let mut table = table(&["rule", "a receiver must"]);
    for rule in Rule::ALL {
        table.add_row([rule.name(), rule.description()]);
    }
    Ok(output::line(table)?)
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header);
    table
}

/// Parses the name of a rule.
fn rule(name: &str) -> Result<Rule, String> {
    Rule::named(name)
        .ok_or_else(|| "unknown rule; `harness verify-receiver --list-rules` lists them".to_owned())
}
