//! The responses that every operation of the `OpenAPI` document has.

use utoipa::openapi::{
    OpenApi, Ref, RefOr, ResponseBuilder,
    content::ContentBuilder,
    path::{Operation, PathItem},
};

const REJECTED: &str = "The request is invalid";
const FOREIGN: &str = "The request is from a web page of another site";
const TOO_LARGE: &str = "The body is larger than 2 MB, or 64 MB with a snapshot or a recording";
const DEFECT: &str = "A defect of the harness";
const UNAVAILABLE: &str = "IAM or DynamoDB of the harness is unavailable because of an injected fault, or the harness is \
                   ending";

/// Adds the common responses to each operation that does not define them.
pub(super) fn complete(document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        add(operation, "403", FOREIGN);
        add(operation, "500", DEFECT);
        add(operation, "503", UNAVAILABLE);
        if operation.request_body.is_some() || operation.parameters.is_some() {
            add(operation, "400", REJECTED);
        }
        if operation.request_body.is_some() {
            add(operation, "413", TOO_LARGE);
        }
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, .. } = path;
    [get, put, post, delete].into_iter().flatten()
}

fn add(operation: &mut Operation, status: &str, description: &str) {
    let problem = || ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response =
        || ResponseBuilder::new().description(description).content("application/json", problem()).build();
    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(response()));
}
