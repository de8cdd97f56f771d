//! The keys of a run: all of an instance, those of a key ring, or those of a CSV file.

use std::{collections::HashSet, fmt, path::Path};

use keysync::domain::{InstanceId, KeyCrn, KeyRing};
use serde::Serialize;

use super::SyncArgs;
use crate::{
    cli::output,
    endpoint::{Endpoint, InvalidRow, KeyRow, Paging},
    failure::Failure,
    progress,
};

/// The column of a CSV file with the CRNs.
const COLUMN: &str = "crn";

/// Which keys are synchronized.
#[derive(Debug)]
pub(super) enum Selection {
    All(InstanceId),
    Ring(InstanceId, KeyRing),
    /// The name of the file and its CRNs, without duplicates.
    Csv(String, Vec<KeyCrn>),
}

/// The selected keys.
#[derive(Debug, Default)]
pub(super) struct Selected {
    pub(super) keys: Vec<SelectedKey>,
    /// Listed keys without a valid form.
    pub(super) invalid: Vec<InvalidRow>,
}

/// A selected key.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SelectedKey {
    pub(super) crn: KeyCrn,
    /// The name and state; unknown for a key from a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<u8>,
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(instance) => write!(f, "all keys of instance {instance}"),
            Self::Ring(instance, ring) => write!(f, "key ring {ring} of instance {instance}"),
            Self::Csv(file, _) => write!(f, "the CRNs in {file}"),
        }
    }
}

impl Selection {
    /// The selection of a command line. Reads the CSV file.
    pub(super) fn of(args: &SyncArgs) -> Result<Self, Failure> {
        match (&args.csv, &args.key_ring) {
            (Some(path), _) => {
                let crns = read_csv(path, args.endpoint.instance)?;
                Ok(Self::Csv(path.display().to_string(), crns))
            }
            (None, Some(ring)) => Ok(Self::Ring(args.endpoint.instance()?, ring.clone())),
            (None, None) => Ok(Self::All(args.endpoint.instance()?)),
        }
    }

    /// Lists the keys, those of a file without a request.
    pub(super) async fn load(&self, endpoint: &Endpoint, page: usize) -> Result<Selected, Failure> {
        let mut paging = match self {
            Self::Csv(_, crns) => {
                let keys = crns.iter().map(|crn| SelectedKey { crn: crn.clone(), name: None, state: None });
                return Ok(Selected { keys: keys.collect(), invalid: Vec::new() });
            }
            Self::All(instance) => Paging::keys(*instance, None, page),
            Self::Ring(instance, ring) => Paging::keys(*instance, Some(ring.clone()), page),
        };
        let (mut selected, mut seen) = (Selected::default(), HashSet::new());
        let progress = progress::counter("listing keys");
        while let Some(rows) = paging.next::<KeyRow>(endpoint).await? {
            for row in rows {
                progress.inc(1);
                match row {
                    // A standard key has no associated services.
                    Ok(key) if key.extractable || !seen.insert(key.id) => {}
                    Ok(KeyRow { crn, name, state, .. }) => {
                        selected.keys.push(SelectedKey { crn, name: Some(name), state: Some(state) });
                    }
                    Err(invalid) => selected.invalid.push(invalid),
                }
            }
        }
        progress.finish_and_clear();
        Ok(selected)
    }
}

impl Selected {
    /// Prints the keys, for `--dry-run`.
    pub(super) fn show(&self, as_json: bool) -> Result<(), Failure> {
        if as_json {
            return Ok(output::json(&self.keys)?);
        }
        let rows = self.keys.iter().map(|key| {
            let state = key.state.map_or("unknown", state_name);
            [key.crn.key.to_string(), key.name.clone().unwrap_or_default(), state.to_owned()]
        });
        output::table(["key", "name", "state"], rows)?;
        output::remark(format!("{} keys would be synchronized; nothing was sent", self.keys.len()));
        Ok(())
    }
}

fn state_name(state: u8) -> &'static str {
    match state {
        0 => "pre-active",
        1 => "active",
        2 => "suspended",
        3 => "deactivated",
        5 => "destroyed",
        _ => "unknown",
    }
}

/// The CRNs in a CSV file, with or without a header. All errors are reported at once.
fn read_csv(path: &Path, instance: Option<InstanceId>) -> Result<Vec<KeyCrn>, Failure> {
    let invalid = |problem: String| Failure::Usage(format!("{}: {problem}", path.display()));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_path(path)
        .map_err(|error| invalid(error.to_string()))?;
    let (mut crns, mut seen, mut errors, mut column) = (Vec::new(), HashSet::new(), Vec::new(), 0);
    for (n, record) in reader.records().enumerate() {
        let record = record.map_err(|error| invalid(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let is_header = |field: &str| field.trim_start_matches('\u{feff}').eq_ignore_ascii_case(COLUMN);
        if n == 0
            && let Some(position) = record.iter().position(is_header)
        {
            column = position;
            continue;
        }
        let field = record.get(column).unwrap_or_default().trim_start_matches('\u{feff}');
        match field.parse::<KeyCrn>() {
            Ok(crn) if instance.is_some_and(|instance| instance != crn.instance.instance) => {
                errors
                    .push(format!("line {line}: the key is not in the instance of --instance: got `{crn}`"));
            }
            Ok(crn) if seen.insert(crn.clone()) => crns.push(crn),
            Ok(_) => {}
            Err(error) => {
                let shown: String = field.chars().take(100).collect();
                errors.push(format!("line {line}: {error}: got `{shown}`"));
            }
        }
    }
    match errors.len() {
        0 => Ok(crns),
        count => {
            errors.truncate(10);
            Err(invalid(format!("{count} invalid lines: {}", errors.join("; "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRN: &str = "crn:v1:bluemix:public:kms:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d";

    fn read(name: &str, text: &str, instance: Option<InstanceId>) -> Result<usize, String> {
        let path = std::env::temp_dir().join(format!("keysyncctl-{}-{name}.csv", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let result = read_csv(&path, instance).map(|crns| crns.len()).map_err(|error| error.to_string());
        std::fs::remove_file(path).unwrap();
        result
    }

    #[test]
    fn accepts_file_with_or_without_header() {
        assert_eq!(read("bare", &format!("{CRN}\n{CRN}\n"), None), Ok(1), "duplicates count once");
        assert_eq!(read("named", &format!("\u{feff}name, CRN\n\"a, b\", {CRN}\n# note\n"), None), Ok(1));
        assert_eq!(read("first", &format!("{CRN},x,y\n"), None), Ok(1));
    }

    #[test]
    fn reports_each_invalid_line() {
        let other = InstanceId::new("11111111-1111-4111-8111-111111111111".parse().unwrap());
        let text = read("bad", &format!("crn\n{CRN}\nnot a crn\n"), Some(other)).unwrap_err();
        assert!(
            text.contains("2 invalid lines") && text.contains("line 2") && text.contains("line 3"),
            "{text}"
        );
    }
}
