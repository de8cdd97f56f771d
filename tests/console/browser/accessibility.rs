//! Whether everybody can use the page, as far as axe-core can tell.

use std::{env, fmt, fs};

use serde_json::Value;

use super::Browser;

/// WCAG 2.2, levels A and AA, and what axe-core's authors recommend beyond it.
const ASK: &str = "
    const done = arguments[arguments.length - 1];
    const runOnly = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
    axe.run(document, { runOnly, resultTypes: ['violations'] })
        .then(result => done({ violations: result.violations }), error => done({ error: String(error) }))";

/// Something that keeps somebody from using the page.
#[derive(Debug)]
pub(crate) struct Violation {
    /// axe-core's rule, such as `image-alt`.
    pub(crate) id: String,
    /// `serious` or `critical`.
    pub(crate) impact: String,
    /// What to do.
    pub(crate) help: String,
    /// Where: each element's selector and its HTML.
    pub(crate) nodes: Vec<String>,
}

impl Browser {
    /// What keeps somebody from using the page as it is now, seriously or altogether.
    pub(crate) async fn accessibility_violations(&self) -> Vec<Violation> {
        // It uses timers, which no script has where the page's may not run.
        self.allow_script(true).await;
        if self.asks("return typeof axe").await == "undefined" {
            let axe = fs::read_to_string(env::var("KEYSYNC_TEST_AXE").unwrap()).unwrap();
            self.web.execute(axe, vec![]).await.unwrap();
        }
        let answer = self.web.execute_async(ASK, vec![]).await.unwrap();
        self.allow_script(self.options().has_script()).await;
        let answer = answer.json();
        let found = answer["violations"].as_array();
        let found = found.unwrap_or_else(|| panic!("axe-core fails: {}", answer["error"]));
        let grave = found.iter().filter(|one| one["impact"] == "serious" || one["impact"] == "critical");
        grave.map(Violation::from_axe).collect()
    }

    /// Nothing keeps anybody from using the page as it is now, as far as can be told.
    pub(crate) async fn assert_accessible(&self) {
        let found = self.accessibility_violations().await;
        let list: Vec<_> = found.iter().map(Violation::to_string).collect();
        assert!(list.is_empty(), "{} is not for everybody:\n{}", self.url().await, list.join("\n"));
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
