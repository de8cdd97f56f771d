//! What refusals mean, in plain words.

use http::StatusCode;

use crate::api::{ApiError, ErrorResponse};

const UNREADABLE: &str = "The service's answer cannot be read. Does this console call the right address?";

/// Why a call brought nothing, for whoever asked for it.
pub(crate) fn why(error: &ApiError) -> String {
    match error {
        ApiError::Refused(refusal) => refused(refusal),
        ApiError::Unreachable(reason) => {
            format!("The service does not answer ({reason}). Try again in a moment.")
        }
        ApiError::Unreadable(_) => UNREADABLE.to_owned(),
    }
}

fn refused(refusal: &ErrorResponse) -> String {
    let code = match (refusal.code.as_str(), refusal.status) {
        // The answer to HEAD has no body to say so.
        ("", StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => "UNAUTHORIZED_ERR",
        (code, _) => code,
    };
    let known = match code {
        "UNAUTHORIZED_ERR" => {
            "You may not do this, or your login is worth nothing any more. Seeing keys takes the role Reader in this \
             instance; synchronizing and rotating takes Writer; disabling, enabling, deleting and restoring takes Manager."
        }
        "KEY_NOT_FOUND_ERR" => "There is no such key in this instance. It may have been purged.",
        "KEY_ACTION_INVALID_STATE_ERR" => {
            "The key's state does not allow it. Somebody may have changed the key since you opened the page."
        }
        "KEY_ROTATION_NOT_PERMITTED" => {
            "The key was rotated within the past hour. It can be rotated once an hour."
        }
        "PROTECTED_RESOURCE_ERR" => {
            "The key protects resources. To delete it all the same, tick the box that says so."
        }
        "PREV_KEY_DEL_ERR" => {
            "The retention policy of a resource that the key protects prevents its deletion. The associated resources \
             below show which one."
        }
        "AUTHORIZATIONS_NOT_MET" => {
            "Two people have to agree to this key's deletion: one sets it for deletion, another one deletes it."
        }
        "KEY_DELETED_ERR" => "The key is deleted already.",
        "KEY_RESTORE_EXPIRED" => "The key was deleted more than 30 days ago and cannot be restored any more.",
        "KEY_ROOT_REQ_ERR" => "This is a standard key. Only root keys protect resources.",
        "KEY_PAYLOAD_REQ_ERR" => {
            "The key was imported, so its next version has to be imported, too. Use the API or the command line."
        }
        "TOO_MANY_REQUESTS_ERR" => "The service has too much to do. Try again in a moment.",
        "SERVICE_UNAVAILABLE_ERR" => {
            "Something that the service needs does not answer. Try again in a moment."
        }
        "BXNIM0415E" => "There is no such API key. Copy it once more; it is shown only when it is made.",
        _ => "",
    };
    match (known, refusal.message.as_str()) {
        ("", "") if refusal.status.is_redirection() => UNREADABLE.to_owned(),
        ("", "") if refusal.status.is_server_error() => {
            format!(
                "The service does not work just now (status {}). Try again in a moment.",
                refusal.status.as_u16()
            )
        }
        ("", "") => format!("The service refused it with status {}.", refusal.status.as_u16()),
        ("", message) => format!("The service says: {message}"),
        (known, _) => known.to_owned(),
    }
}
