//! The controls of a page, by their accessible names.

use std::{collections::HashMap, fmt};

use serde_json::{Value, json};
use thirtyfour::{WebElement, cdp::BackendNodeId, error::WebDriverResult};

use super::{Browser, page::normalize_spaces};

/// The roles of clickable controls; `DisclosureTriangle` is a `<summary>`.
const CLICKABLE_ROLES: [&str; 10] = [
    "button",
    "checkbox",
    "DisclosureTriangle",
    "DisclosureTriangleGrouped",
    "link",
    "menuitem",
    "option",
    "radio",
    "switch",
    "tab",
];

/// A control in the accessibility tree, which does not include hidden elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// The role, such as `button`, `link`, `textbox`, `combobox` (also a `<select>`), `checkbox`.
    pub(crate) role: String,
    /// The accessible name: text, label, or ARIA attribute.
    pub(crate) name: String,
    pub(crate) disabled: bool,
    node: BackendNodeId,
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}{}", self.role, self.name, if self.disabled { " (disabled)" } else { "" })
    }
}

impl Control {
    /// Creates a control from a node of the tree, or `None` if the node is not a control.
    fn from_node(node: &Value) -> Option<Self> {
        let flag = |name: &str| {
            let mut flags = node["properties"].as_array().into_iter().flatten();
            flags.any(|property| property["name"] == name && property["value"]["value"] == true)
        };
        let role = node["role"]["value"].as_str()?.to_owned();
        let (focusable, clicked) = (flag("focusable"), CLICKABLE_ROLES.contains(&role.as_str()));
        if node["ignored"] == true || role == "RootWebArea" || !(focusable || clicked) {
            return None;
        }
        let name = normalize_spaces(node["name"]["value"].as_str().unwrap_or_default());
        Some(Self { role, name, disabled: flag("disabled"), node: node["backendDOMNodeId"].as_i64()?.into() })
    }

    /// Whether the control is meant to be clicked.
    pub(super) fn is_clickable(&self) -> bool {
        CLICKABLE_ROLES.contains(&self.role.as_str())
    }

    /// Whether the control takes text or a choice.
    pub(super) fn is_input(&self) -> bool {
        !self.is_clickable()
    }
}

impl Browser {
    /// All controls of the page, in order.
    pub(crate) async fn controls(&self) -> Vec<Control> {
        self.current_controls().await.unwrap()
    }

    async fn current_controls(&self) -> WebDriverResult<Vec<Control>> {
        let tree = self.web.cdp().send_raw("Accessibility.getFullAXTree", ()).await?;
        let nodes = tree["nodes"].as_array().into_iter().flatten();
        let by_id: HashMap<_, _> = nodes.clone().map(|node| (node["nodeId"].as_str(), node)).collect();
        let (mut controls, mut ahead): (Vec<_>, Vec<_>) = (vec![], nodes.take(1).collect());
        while let Some(node) = ahead.pop() {
            controls.extend(Control::from_node(node));
            let children = node["childIds"].as_array().into_iter().flatten();
            ahead.extend(children.rev().filter_map(|id| by_id.get(&id.as_str())));
        }
        Ok(controls)
    }

    /// The focused control, such as `button "Synchronize"`, or `None` if no control has the focus.
    pub(crate) async fn focused(&self) -> Option<String> {
        let active = self.web.active_element().await.ok()?;
        let node = active.cdp_backend_node_id().await.unwrap();
        self.controls()
            .await
            .into_iter()
            .find(|control| control.node == node)
            .map(|control| control.to_string())
    }

    /// The element of the first control with this name that `fits`. The error lists the existing
    /// controls.
    pub(super) async fn find(&self, name: &str, fits: fn(&Control) -> bool) -> Result<WebElement, String> {
        let controls = self.current_controls().await.map_err(|error| error.to_string())?;
        let name = normalize_spaces(name);
        let Some(control) = controls.iter().find(|control| control.name == name && fits(control)) else {
            let list: Vec<_> = controls.iter().map(|control| format!("  {control}")).collect();
            return Err(format!("no control {name:?}, only:\n{}", list.join("\n")));
        };
        if control.disabled {
            return Err(format!("the control is disabled: {control}"));
        }
        self.element(control).await.map_err(|error| format!("{control} no longer exists: {error}"))
    }

    /// The element of a control. `DevTools` and `WebDriver` identify elements differently; a script
    /// converts one into the other.
    async fn element(&self, control: &Control) -> WebDriverResult<WebElement> {
        let devtools = self.web.cdp();
        let found = devtools.send_raw("DOM.resolveNode", json!({ "backendNodeId": control.node })).await?;
        let keep = json!({
            "objectId": found["object"]["objectId"],
            "functionDeclaration": "function() { window.keysyncTestElement = this }",
        });
        devtools.send_raw("Runtime.callFunctionOn", keep).await?;
        let take = "const found = window.keysyncTestElement; delete window.keysyncTestElement; return found";
        self.web.execute(take, vec![]).await?.element()
    }
}
