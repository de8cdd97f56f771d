//! Arguments of `cargo task mutants`.

use clap::Args;

#[derive(Debug, Default, Args)]
pub(crate) struct MutantsArgs {
    /// Only check that every patch applies and that its test exists, and that every line of an
    /// explained survivor exists
    #[arg(long)]
    pub(crate) check: bool,
    /// Compare the code with the model, in place of the named tests: each patch with a line
    /// `traces: yes` has to be rejected
    #[arg(long, conflicts_with = "check")]
    pub(crate) traces: bool,
    /// Mutations that cargo-mutants generates in `ledger`, `domain`, `iam` and `delivery`, in place
    /// of the patches
    #[arg(long, conflicts_with_all = ["check", "traces", "names"])]
    pub(crate) generated: bool,
    #[command(flatten)]
    pub(crate) filters: GeneratedArgs,
    /// Only patches with one of these in their names, such as `07` or `lease`
    #[arg(value_name = "FILTER")]
    pub(crate) names: Vec<String>,
}

/// Which generated mutations run.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Generated mutations")]
pub(crate) struct GeneratedArgs {
    /// Only in these files
    #[arg(long, value_name = "GLOB", requires = "generated")]
    pub(crate) file: Vec<String>,
    /// Only in lines that differ between HEAD and its common ancestor with this commit
    #[arg(long, value_name = "COMMIT", requires = "generated")]
    pub(crate) changed: Option<String>,
    /// Only one part of N; K counts from 0
    #[arg(long, value_name = "K/N", requires = "generated", value_parser = shard)]
    pub(crate) shard: Option<String>,
}

fn shard(text: &str) -> Result<String, String> {
    let parts =
        text.split_once('/').and_then(|(k, n)| Some((k.parse::<u32>().ok()?, n.parse::<u32>().ok()?)));
    match parts {
        Some((k, n)) if k < n => Ok(text.to_owned()),
        _ => Err("must be `K/N` with K less than N, such as `0/8`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Task};

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["task", "mutants"].iter().chain(arguments))
    }

    #[test]
    fn shard_counts_from_zero() {
        let Task::Mutants(wanted) = parse(&["--generated", "--shard", "0/8"]).unwrap().task else {
            panic!("not the task `mutants`")
        };
        assert_eq!(wanted.filters.shard.as_deref(), Some("0/8"));
        for invalid in ["8/8", "8", "-1/8", "0/0", "a/b"] {
            let shard = format!("--shard={invalid}");
            assert!(parse(&["--generated", &shard]).is_err(), "{invalid}");
        }
    }

    #[test]
    fn filters_of_generated_mutations_need_generated() {
        assert!(parse(&["--file", "**/claim.rs"]).is_err());
        assert!(parse(&["--changed", "main"]).is_err());
        assert!(parse(&["--generated", "lease"]).is_err());
    }
}
