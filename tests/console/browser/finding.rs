//! What there is to use on a page, by the names that assistive technology has for it.

use std::{collections::HashMap, fmt};

use serde_json::{Value, json};
use thirtyfour::{WebElement, cdp::BackendNodeId, error::WebDriverResult};

use super::{Browser, seeing::spaced};

/// What is there to be clicked, by its role; `DisclosureTriangle` is a `<summary>`.
const CLICKED: [&str; 10] = [
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

/// Something to use, as the accessibility tree has it. What nobody can see is not in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thing {
    /// Such as `button`, `link`, `textbox`, `combobox` (also a `<select>`), `checkbox`.
    pub(crate) role: String,
    /// Its accessible name: text, label, or what ARIA says.
    pub(crate) name: String,
    pub(crate) disabled: bool,
    node: BackendNodeId,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}{}", self.role, self.name, if self.disabled { " (disabled)" } else { "" })
    }
}

impl Thing {
    /// From a node of the tree; nothing where that is not to be used.
    fn from_node(node: &Value) -> Option<Self> {
        let flag = |name: &str| {
            let mut flags = node["properties"].as_array().into_iter().flatten();
            flags.any(|property| property["name"] == name && property["value"]["value"] == true)
        };
        let role = node["role"]["value"].as_str()?.to_owned();
        let (focusable, clicked) = (flag("focusable"), CLICKED.contains(&role.as_str()));
        if node["ignored"] == true || role == "RootWebArea" || !(focusable || clicked) {
            return None;
        }
        let name = spaced(node["name"]["value"].as_str().unwrap_or_default());
        Some(Self { role, name, disabled: flag("disabled"), node: node["backendDOMNodeId"].as_i64()?.into() })
    }

    /// Whether a click is what it is for.
    pub(super) fn is_clicked(&self) -> bool {
        CLICKED.contains(&self.role.as_str())
    }

    /// Whether it takes what is typed or chosen.
    pub(super) fn is_filled(&self) -> bool {
        !self.is_clicked()
    }
}

impl Browser {
    /// All that there is to use on the page, in its order.
    pub(crate) async fn things(&self) -> Vec<Thing> {
        self.things_now().await.unwrap()
    }

    async fn things_now(&self) -> WebDriverResult<Vec<Thing>> {
        let tree = self.web.cdp().send_raw("Accessibility.getFullAXTree", ()).await?;
        let nodes = tree["nodes"].as_array().into_iter().flatten();
        let by_id: HashMap<_, _> = nodes.clone().map(|node| (node["nodeId"].as_str(), node)).collect();
        let (mut things, mut ahead): (Vec<_>, Vec<_>) = (vec![], nodes.take(1).collect());
        while let Some(node) = ahead.pop() {
            things.extend(Thing::from_node(node));
            let children = node["childIds"].as_array().into_iter().flatten();
            ahead.extend(children.rev().filter_map(|id| by_id.get(&id.as_str())));
        }
        Ok(things)
    }

    /// What the keyboard is for at the moment, such as `button "Synchronize"`; nothing where that is the page.
    pub(crate) async fn focused(&self) -> Option<String> {
        let active = self.web.active_element().await.ok()?;
        let node = active.cdp_backend_node_id().await.unwrap();
        self.things().await.into_iter().find(|thing| thing.node == node).map(|thing| thing.to_string())
    }

    /// The first thing of this name that fits; a message that lists what is there where there is none.
    pub(super) async fn find(&self, name: &str, fits: fn(&Thing) -> bool) -> Result<WebElement, String> {
        let there = self.things_now().await.map_err(|error| error.to_string())?;
        let name = spaced(name);
        let Some(thing) = there.iter().find(|thing| thing.name == name && fits(thing)) else {
            let list: Vec<_> = there.iter().map(|thing| format!("  {thing}")).collect();
            return Err(format!("there is no {name:?}, but:\n{}", list.join("\n")));
        };
        if thing.disabled {
            return Err(format!("it is disabled: {thing}"));
        }
        self.element(thing).await.map_err(|error| format!("{thing} is gone: {error}"))
    }

    /// A thing as an element. The two protocols that a browser talks name elements differently; a script knows both.
    async fn element(&self, thing: &Thing) -> WebDriverResult<WebElement> {
        let tools = self.web.cdp();
        let found = tools.send_raw("DOM.resolveNode", json!({ "backendNodeId": thing.node })).await?;
        let keep = json!({
            "objectId": found["object"]["objectId"],
            "functionDeclaration": "function() { window.theTestFound = this }",
        });
        tools.send_raw("Runtime.callFunctionOn", keep).await?;
        let take = "const found = window.theTestFound; delete window.theTestFound; return found";
        self.web.execute(take, vec![]).await?.element()
    }
}
