//! A report as `JUnit` XML, which CI systems show. (The crates for it bring a second time crate.)

use std::fmt::Write;

use crate::{Failure, Report, RuleReport, Verdict};

impl Report {
    /// The report as `JUnit` XML: a test suite with a test case for each rule.
    #[must_use]
    pub fn junit(&self) -> String {
        let (failed, skipped) = (self.count(Verdict::Failed), self.count(Verdict::NotChecked));
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        // Writing to a string cannot fail.
        let _ = writeln!(
            xml,
            "  <testsuite name=\"keysync receiver\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\">\n    \
             <properties>\n      <property name=\"url\" value=\"{}\"/>\n      <property name=\"service\" value=\"{}\"/>\n    </properties>",
            self.rules.len(),
            escaped(&self.url),
            escaped(&self.service),
        );
        for rule in &self.rules {
            xml.push_str(&case(rule));
        }
        xml.push_str("  </testsuite>\n</testsuites>\n");
        xml
    }
}

fn case(report: &RuleReport) -> String {
    let RuleReport { rule, description, result, failures, reason, .. } = report;
    let mut xml = format!("    <testcase classname=\"receiver\" name=\"{}\"", rule.name());
    match result {
        Verdict::Passed => xml.push_str("/>\n"),
        Verdict::NotChecked => {
            let reason = escaped(reason.as_deref().unwrap_or_default());
            let _ = write!(xml, ">\n      <skipped message=\"{reason}\"/>\n    </testcase>\n");
        }
        Verdict::Failed => {
            let mut details = String::new();
            for Failure { check, sent, expected, received } in failures {
                let _ = writeln!(details, "{check}: {sent}\n  expected: {expected}\n  received: {received}");
            }
            let message =
                escaped(&format!("a receiver must {description}: {} checks failed", failures.len()));
            let _ = write!(
                xml,
                ">\n      <failure type=\"{}\" message=\"{message}\">{}</failure>\n    </testcase>\n",
                rule.name(),
                escaped(&details)
            );
        }
    }
    xml
}

/// Text as content or attribute of XML 1.0. Characters that XML cannot contain become U+FFFD.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' => xml.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rule;

    #[test]
    fn junit_has_a_test_case_for_each_rule() {
        let rule = |rule: Rule, result| RuleReport {
            rule,
            description: rule.description(),
            result,
            checks: 1,
            failures: Vec::new(),
            reason: None,
        };
        let failure = Failure {
            check: "old".into(),
            sent: "<a & b>".into(),
            expected: "a 4xx".into(),
            received: "status 204\0".into(),
        };
        let report = Report {
            url: "http://127.0.0.1/?a=\"b\"".into(),
            service: "databases".into(),
            rules: vec![
                rule(Rule::AuthenticAccepted, Verdict::Passed),
                RuleReport { failures: vec![failure], ..rule(Rule::TimestampChecked, Verdict::Failed) },
                RuleReport {
                    reason: Some("no <URL>".into()),
                    ..rule(Rule::RepeatWithoutEffect, Verdict::NotChecked)
                },
            ],
        };
        let xml = report.junit();
        for part in [
            r#"tests="3" failures="1" errors="0" skipped="1""#,
            r#"value="http://127.0.0.1/?a=&quot;b&quot;""#,
            "name=\"authentic-accepted\"/>",
            "old: &lt;a &amp; b&gt;\n  expected: a 4xx\n  received: status 204\u{fffd}\n</failure>",
            r#"<skipped message="no &lt;URL&gt;"/>"#,
        ] {
            assert!(xml.contains(part), "{part}: {xml}");
        }
    }
}
