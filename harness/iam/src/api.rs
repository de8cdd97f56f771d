//! HTTP API of IAM: access tokens, public keys (JWKS), access decisions, service instances.

use std::time::Duration;

use axum::{
    Form, Json, Router,
    extract::{Request, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use keysync::domain::{InstanceCrn, KeyCrn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Health, ISSUER, Iam, Principal,
    error::{error_response, json_errors},
    token::LIFETIME,
};

const GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";

pub(super) fn router(iam: Iam) -> Router {
    Router::new()
        .route("/identity/token", post(token))
        // The login path of the Go client and of `keyprotect` 2.x.
        .route("/oidc/token", post(token))
        .route("/identity/keys", get(keys))
        .route("/identity/.well-known/openid-configuration", get(discovery))
        .route("/v2/authz", post(authorize))
        .route("/v2/resource_instances", get(instances))
        .layer(middleware::from_fn_with_state(iam.clone(), health))
        .layer(middleware::from_fn(json_errors))
        .with_state(iam)
}

async fn health(State(iam): State<Iam>, request: Request, next: Next) -> Response {
    let health = iam.state().health;
    match health {
        Health::Up => {}
        Health::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Health::Slow { millis } => tokio::time::sleep(Duration::from_millis(millis)).await,
    }
    next.run(request).await
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    #[serde(default)]
    apikey: String,
}

async fn token(State(iam): State<Iam>, form: Result<Form<TokenRequest>, FormRejection>) -> Response {
    let TokenRequest { grant_type, apikey } = match form {
        Ok(Form(request)) => request,
        Err(rejection) => {
            return error_response(StatusCode::BAD_REQUEST, "BXNIM0109E", &rejection.body_text());
        }
    };
    if grant_type != GRANT {
        let message = format!("Property missing or wrong: grant_type must be {GRANT}.");
        return error_response(StatusCode::BAD_REQUEST, "BXNIM0109E", &message);
    }
    let Some(iam_id) = iam.state().directory.by_api_key(&apikey).map(|identity| identity.iam_id.clone())
    else {
        return error_response(StatusCode::BAD_REQUEST, "BXNIM0415E", "Provided API key could not be found.");
    };
    match iam.token(&iam_id).build() {
        Ok(token) => Json(json!({
            "access_token": token,
            "refresh_token": "not_supported",
            "token_type": "Bearer",
            "expires_in": LIFETIME.as_secs(),
            "expiration": iam.0.clock.now().plus(LIFETIME).secs(),
            "scope": "ibm openid",
        }))
        .into_response(),
        Err(error) => error_response(StatusCode::INTERNAL_SERVER_ERROR, "BXNIM0500E", &error.to_string()),
    }
}

async fn keys(State(iam): State<Iam>) -> Json<Value> {
    Json(iam.state().keys.jwks())
}

async fn discovery() -> Json<Value> {
    Json(json!({
        "issuer": ISSUER,
        "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": format!("{ISSUER}/keys"),
        "grant_types_supported": [GRANT],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

#[derive(Deserialize)]
struct AccessRequest {
    subject: Subject,
    action: String,
    resource: Resource,
}

#[derive(Deserialize)]
struct Subject {
    attributes: SubjectAttributes,
}

#[derive(Deserialize)]
struct SubjectAttributes {
    id: String,
}

#[derive(Deserialize)]
struct Resource {
    crn: String,
}

async fn authorize(
    State(iam): State<Iam>,
    headers: HeaderMap,
    Json(requests): Json<Vec<AccessRequest>>,
) -> Response {
    let Some(caller) = authenticated(&iam, &headers) else { return unauthenticated() };
    let decisions: Vec<Value> = requests.iter().map(|request| decide(&iam, &caller, request)).collect();
    Json(json!({"responses": decisions})).into_response()
}

/// Decides on an access request. A request for another subject than the caller is denied. Policies
/// are matched against the attributes of the CRN: IAM does not know which instances and keys exist,
/// or which account owns them.
fn decide(iam: &Iam, caller: &Principal, request: &AccessRequest) -> Value {
    let subject = &request.subject.attributes.id;
    let permitted = *subject == caller.iam_id
        && instance_of(&request.resource.crn)
            .is_some_and(|crn| iam.state().directory.permits(caller, &request.action, &crn));
    let age = {
        let state = iam.state();
        if permitted { state.permit_age } else { state.denial_age }
    };
    json!({
        "status": "200",
        "authorizationDecision": {
            "permitted": permitted,
            "obligation": {
                "actions": [request.action],
                "environment": {},
                "maxCacheAgeSeconds": age.as_secs(),
                "subject": {"attributes": {"id": subject}},
            },
        },
    })
}

/// Parses the instance's attributes from the CRN of a key or of an instance.
fn instance_of(crn: &str) -> Option<InstanceCrn> {
    if let Ok(KeyCrn { instance, .. }) = crn.parse() {
        return Some(instance);
    }
    let ["crn", "v1", _, _, service, region, scope, instance, "", ""] =
        crn.split(':').collect::<Vec<_>>()[..]
    else {
        return None;
    };
    Some(InstanceCrn {
        service: service.to_owned(),
        region: region.to_owned(),
        account: scope.strip_prefix("a/")?.to_owned(),
        instance: instance.parse().ok()?,
    })
}

async fn instances(State(iam): State<Iam>, headers: HeaderMap) -> Response {
    let Some(caller) = authenticated(&iam, &headers) else { return unauthenticated() };
    let instances = iam.state().directory.instances_of(&caller.account);
    let resources: Vec<Value> = instances
        .iter()
        .map(|instance| {
            json!({
                "id": instance.crn(),
                "guid": instance.id,
                "crn": instance.crn(),
                "name": instance.name,
                "region_id": instance.region,
                "account_id": instance.account,
                "type": "service_instance",
                "sub_type": "kms",
                "state": "active",
            })
        })
        .collect();
    Json(json!({"rows_count": resources.len(), "next_url": null, "resources": resources})).into_response()
}

fn authenticated(iam: &Iam, headers: &HeaderMap) -> Option<Principal> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| iam.authenticate(token).ok())?
}

fn unauthenticated() -> Response {
    error_response(StatusCode::UNAUTHORIZED, "BXNIM0408E", "Provided token is invalid or has expired.")
}
