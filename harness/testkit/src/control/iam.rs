//! Faults of IAM, and identities with any roles.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Running, problem::Problem, request::Body, response::Done};
use crate::{
    Client,
    iam::{Health, Role, Roles},
    limits,
};

#[derive(Deserialize, ToSchema)]
pub(super) struct HealthRequest {
    health: Health,
}

/// Sets the health of IAM: up, down or slow.
#[utoipa::path(
    put, operation_id = "set_iam_health", path = "/_harness/iam/health", tag = "faults", request_body = HealthRequest,
    responses(Done)
)]
pub(super) async fn set_health(
    Running(parts): Running,
    Body(HealthRequest { health }): Body<HealthRequest>,
) -> Done {
    parts.iam.emulator.set_health(health);
    Done
}

#[derive(Deserialize, ToSchema)]
pub(super) struct IssuerRequest {
    /// The claim `iss`.
    #[schema(example = "https://iam.example.com/identity")]
    issuer: String,
}

/// Sets the issuer (`iss`) of new tokens.
#[utoipa::path(
    put, operation_id = "set_iam_issuer", path = "/_harness/iam/issuer", tag = "faults", request_body = IssuerRequest,
    responses(Done)
)]
pub(super) async fn set_issuer(
    Running(parts): Running,
    Body(IssuerRequest { issuer }): Body<IssuerRequest>,
) -> Done {
    parts.iam.emulator.set_issuer(&issuer);
    Done
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ClockRequest {
    /// The offset of the clock, such as `5m`: from 0s to 366d.
    #[schema(example = "5m")]
    ahead: String,
}

/// Sets how far the clock of new tokens is ahead.
#[utoipa::path(
    put, operation_id = "set_iam_clock", path = "/_harness/iam/clock", tag = "faults", request_body = ClockRequest,
    responses(Done)
)]
pub(super) async fn set_clock(
    Running(parts): Running,
    Body(ClockRequest { ahead }): Body<ClockRequest>,
) -> Result<Done, Problem> {
    let ahead =
        limits::duration(&ahead, &limits::AHEAD).map_err(|error| Problem::bad(format!("`ahead` {error}")))?;
    parts.iam.emulator.set_clock_ahead(ahead);
    Ok(Done)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct Rotation {
    /// Whether the old keys are withdrawn, so that tokens signed with them become invalid.
    withdraw: bool,
}

/// Rotates the signing key: new tokens are signed with a new key.
#[utoipa::path(
    post, operation_id = "rotate_iam_key", path = "/_harness/iam/rotate", tag = "faults", request_body = Rotation,
    responses(Done)
)]
pub(super) async fn rotate(
    Running(parts): Running,
    Body(Rotation { withdraw }): Body<Rotation>,
) -> Result<Done, Problem> {
    parts.iam.emulator.rotate_key().map_err(crate::HarnessError::from)?;
    if withdraw {
        parts.iam.emulator.withdraw_old_keys();
    }
    Ok(Done)
}

#[derive(Deserialize, ToSchema)]
pub(super) struct TokenRequest {
    /// The roles of the identity. Roles add up; an empty list grants nothing.
    #[schema(example = json!(["manager", "key-purge"]))]
    roles: Option<Vec<Role>>,
    /// One role, instead of the list or in addition to it.
    role: Option<Role>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Token {
    /// The token, valid for an hour.
    access_token: String,
    /// The API key of the identity.
    api_key: String,
}

/// Creates an identity with roles in the instance.
#[utoipa::path(
    post, operation_id = "create_token", path = "/_harness/iam/tokens", tag = "harness", request_body = TokenRequest,
    responses((status = 201, body = Token, description = "The token, and the API key"))
)]
pub(super) async fn token(
    Running(parts): Running,
    Body(TokenRequest { roles, role }): Body<TokenRequest>,
) -> Result<(StatusCode, Json<Token>), Problem> {
    if roles.is_none() && role.is_none() {
        let problem = "`roles` is missing: send a list of roles, such as [\"manager\", \"key-purge\"], or one as `role`";
        return Err(Problem::bad(problem));
    }
    let roles: Roles = roles.into_iter().flatten().chain(role).collect();
    let api_key = parts.create_identity(roles);
    let access_token = Client::of(&parts, &api_key).await?.token();
    Ok((StatusCode::CREATED, Json(Token { access_token, api_key })))
}
