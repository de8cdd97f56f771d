//! Order of a list: the query parameter `sort`, and the links of the columns' headings.

use maud::{Markup, html};

use crate::view::{Column, Field, Order, Sortable, select_field};

/// A property by which a list can be sorted.
#[derive(Clone, Copy)]
pub(super) struct Property {
    /// Value of the parameter `sort`; a prefix `-` means descending order.
    pub(super) name: &'static str,
    /// Label of its column.
    pub(super) label: &'static str,
}

/// The requested order.
pub(super) struct Sorting {
    properties: &'static [Property],
    parameter: String,
}

impl Sorting {
    /// The order by `parameter`, or by `default` if that is no property.
    pub(super) fn parse(parameter: &str, properties: &'static [Property], default: &str) -> Self {
        let name = parameter.strip_prefix('-').unwrap_or(parameter);
        let known = properties.iter().any(|property| property.name == name);
        Self { properties, parameter: if known { parameter } else { default }.to_owned() }
    }

    /// The value of the parameter `sort`.
    pub(super) fn parameter(&self) -> &str {
        &self.parameter
    }

    /// The property, without the order.
    pub(super) fn property(&self) -> &str {
        self.parameter.strip_prefix('-').unwrap_or(&self.parameter)
    }

    pub(super) fn is_descending(&self) -> bool {
        self.parameter.starts_with('-')
    }

    /// The links of all properties: `path` with the other query parameters.
    pub(super) fn links(&self, path: &str, keep: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        let link = |property: &Property| {
            let reverse = self.parameter == property.name;
            let sort = if reverse { format!("-{}", property.name) } else { property.name.to_owned() };
            let others = keep.iter().filter(|(name, _)| *name != "sort");
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            (
                property.label,
                format!("{path}?{}", query.extend_pairs(others).append_pair("sort", &sort).finish()),
            )
        };
        self.properties.iter().map(link).collect()
    }

    /// The column with this label, with its link if it is one of `links`.
    pub(super) fn column<'a>(&self, label: &'a str, links: &'a [(&'static str, String)]) -> Column<'a> {
        let name = self.properties.iter().find(|property| property.label == label).map(|found| found.name);
        let order = (name == Some(self.property()))
            .then(|| if self.is_descending() { Order::Descending } else { Order::Ascending });
        let link = links.iter().find(|(of, _)| *of == label);
        let sortable = link.map(|(_, href)| Sortable { href, order });
        Column { label, sortable, ..Column::default() }
    }

    /// A selection for narrow screens, where columns have no headings.
    pub(super) fn field(&self) -> Markup {
        let descending: Vec<_> = self
            .properties
            .iter()
            .map(|property| (format!("-{}", property.name), format!("{}, descending", property.label)))
            .collect();
        let ascending = self.properties.iter().map(|property| (property.name, property.label));
        let mut options: Vec<_> = ascending.collect();
        options.extend(descending.iter().map(|(name, label)| (name.as_str(), label.as_str())));
        let field = Field { name: "sort", label: "Sort by", value: &self.parameter, ..Field::default() };
        html! { .narrow-only { (select_field(field, &options)) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPERTIES: &[Property] =
        &[Property { name: "state", label: "State" }, Property { name: "id", label: "ID" }];

    #[test]
    fn link_of_sorted_column_reverses_order() {
        let links = |parameter: &str| {
            let keep = [("search", "a b"), ("sort", "ignored")];
            Sorting::parse(parameter, PROPERTIES, "id").links("/keys", &keep)
        };
        assert_eq!(links("state")[0].1, "/keys?search=a+b&sort=-state");
        assert_eq!(links("-state")[0].1, "/keys?search=a+b&sort=state");
        assert_eq!(links("state")[1].1, "/keys?search=a+b&sort=id");
    }

    #[test]
    fn unknown_property_means_default_order() {
        for unknown in ["", "-", "name", "--state", "state,id", "-unknown"] {
            assert_eq!(Sorting::parse(unknown, PROPERTIES, "-id").parameter(), "-id", "{unknown}");
        }
        let sorting = Sorting::parse("-state", PROPERTIES, "id");
        assert_eq!((sorting.property(), sorting.is_descending()), ("state", true));
    }
}
