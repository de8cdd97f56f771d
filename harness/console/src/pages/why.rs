//! Explanations of errors in plain words.

use http::StatusCode;

use crate::api::{ApiError, ErrorResponse};

const UNREADABLE: &str = "The response of the service is invalid. Check the address that this console uses.";

/// Explains a failed call to the user.
pub(crate) fn explain(error: &ApiError) -> String {
    match error {
        ApiError::Rejected(response) => explain_response(response),
        ApiError::Unreachable(reason) => {
            format!("The service does not respond ({reason}). Try again in a moment.")
        }
        ApiError::Unreadable(_) => UNREADABLE.to_owned(),
    }
}

fn explain_response(response: &ErrorResponse) -> String {
    let code = match (response.code.as_str(), response.status) {
        // A response to HEAD has no body with a code.
        ("", StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => "UNAUTHORIZED_ERR",
        (code, _) => code,
    };
    let known = match code {
        "UNAUTHORIZED_ERR" => {
            "You lack the required role. In this instance, viewing keys takes Reader; \
             synchronizing and rotating takes Writer; disabling, enabling, deleting and restoring takes Manager."
        }
        "KEY_NOT_FOUND_ERR" => "There is no such key in this instance. It may have been purged.",
        "KEY_ACTION_INVALID_STATE_ERR" => {
            "The key's state does not allow this action. The key may have been changed since you opened the page."
        }
        "KEY_ROTATION_NOT_PERMITTED" => {
            "The key was rotated within the past hour. It can be rotated once an hour."
        }
        "PROTECTED_RESOURCE_ERR" => {
            "The key protects resources. To delete it anyway, tick the box on the confirmation page."
        }
        "PREV_KEY_DEL_ERR" => {
            "The retention policy of a resource that the key protects prevents its deletion. The associated resources \
             below show which one."
        }
        "AUTHORIZATIONS_NOT_MET" => {
            "The deletion of this key needs two users: one sets it for deletion, another one deletes it."
        }
        "KEY_DELETED_ERR" => "The key is already deleted.",
        "KEY_RESTORE_EXPIRED" => "The key was deleted more than 30 days ago and can no longer be restored.",
        "KEY_ROOT_REQ_ERR" => "This is a standard key. Only root keys protect resources.",
        "KEY_PAYLOAD_REQ_ERR" => {
            "The key was imported, so its next version must be imported, too. Use the API or the command line."
        }
        "TOO_MANY_REQUESTS_ERR" => "The service received too many requests. Try again in a moment.",
        "SERVICE_UNAVAILABLE_ERR" => {
            "A system that the service depends on is unavailable. Try again in a moment."
        }
        "BXNIM0415E" => "There is no such API key. Copy it again; it is shown only when it is created.",
        _ => "",
    };
    match (known, response.message.as_str()) {
        ("", "") if response.status.is_redirection() => UNREADABLE.to_owned(),
        ("", "") if response.status.is_server_error() => {
            format!(
                "The service is unavailable (status {}). Try again in a moment.",
                response.status.as_u16()
            )
        }
        ("", "") => format!("The service rejected the request with status {}.", response.status.as_u16()),
        ("", message) => format!("The service reported: {message}"),
        (known, _) => known.to_owned(),
    }
}
