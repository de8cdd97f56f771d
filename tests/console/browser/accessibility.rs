//! Accessibility checks with axe-core.

use std::{env, fmt, fs};

use serde_json::Value;

use super::Browser;

/// Script: runs axe-core with the rules of WCAG 2.2, levels A and AA, and its best practices.
const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    const runOnly = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
    axe.run(document, { runOnly, resultTypes: ['violations'] })
        .then(result => done({ violations: result.violations }), error => done({ error: String(error) }))";

/// An accessibility violation.
#[derive(Debug)]
pub(crate) struct Violation {
    /// axe-core's rule, such as `image-alt`.
    pub(crate) id: String,
    /// `serious` or `critical`.
    pub(crate) impact: String,
    /// The remedy.
    pub(crate) help: String,
    /// The selector and the HTML of each affected element.
    pub(crate) nodes: Vec<String>,
}

impl Browser {
    /// The serious and critical accessibility violations of the page in its current state.
    pub(crate) async fn accessibility_violations(&self) -> Vec<Violation> {
        // axe-core uses timers, which are disabled together with the page's scripts.
        self.allow_script(true).await;
        if self.evaluate("return typeof axe").await == "undefined" {
            let axe = fs::read_to_string(env::var("KEYSYNC_TEST_AXE").unwrap()).unwrap();
            self.web.execute(axe, vec![]).await.unwrap();
        }
        let response = self.web.execute_async(RUN_AXE, vec![]).await.unwrap();
        self.allow_script(self.options().has_script()).await;
        let response = response.json();
        let found = response["violations"].as_array();
        let found = found.unwrap_or_else(|| panic!("axe-core failed: {}", response["error"]));
        let severe = found.iter().filter(|one| one["impact"] == "serious" || one["impact"] == "critical");
        severe.map(Violation::from_axe).collect()
    }

    /// Asserts that axe-core finds no serious or critical violation on the page in its current
    /// state.
    pub(crate) async fn assert_accessible(&self) {
        let found = self.accessibility_violations().await;
        let list: Vec<_> = found.iter().map(Violation::to_string).collect();
        assert!(list.is_empty(), "{} is not accessible:\n{}", self.url().await, list.join("\n"));
    }
}

impl Violation {
    fn from_axe(found: &Value) -> Self {
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        let nodes = found["nodes"].as_array().into_iter().flatten();
        let nodes =
            nodes.map(|node| format!("{}: {}", node["target"], node["html"].as_str().unwrap_or_default()));
        Self { id: text("id"), impact: text("impact"), help: text("help"), nodes: nodes.collect() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.id, self.impact, self.help)?;
        self.nodes.iter().try_for_each(|node| write!(f, "\n  {node}"))
    }
}
