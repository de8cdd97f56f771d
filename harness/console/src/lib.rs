//! A web console for the keys of a key-management service: the resources that they protect, the
//! delivery status of the last notification to each service, and a button that synchronizes them.
//!
//! It uses only the service's API, so it works with any endpoint that implements it. Users log in
//! with an API key and have the access that IAM grants them: the console makes no access decisions.
//! Access tokens stay in this process; a browser gets a random cookie that scripts cannot read.
//!
//! Pages are rendered on the server and work without JavaScript; a script adds live updates, local
//! times and copy buttons. The templates escape all text, and a Content-Security-Policy allows only
//! the console's own scripts and styles.
//!
//! ```no_run
//! use keysync_console::{Addresses, Console};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let console = Console::new(Addresses {
//!     endpoint: "https://{region}.kms.cloud.ibm.com".parse()?,
//!     iam: "https://iam.cloud.ibm.com".parse()?,
//!     resource_controller: "https://resource-controller.cloud.ibm.com".parse()?,
//! })?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
//! axum::serve(listener, console.router()).await?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod api;
mod bulk;
mod failure;
mod flash;
mod form;
mod headers;
mod pages;
mod session;
mod signed_in;
mod view;

use std::{fmt, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::Redirect,
    routing::{get, post},
};
use jiff::Timestamp;
use keysync_browser_guard::{CONSOLE, Guard};

pub use api::{Address, Addresses, InvalidAddress};
pub use headers::with_security_headers;
pub use view::Document;

use api::{Api, Control};
use session::Sessions;

/// Path of the console on its server.
pub const BASE: &str = CONSOLE;
pub use keysync_browser_guard::DOCS;

/// Maximum size of a form in bytes.
const MAX_FORM: usize = 64 * 1024;

/// A web console. Clones share its sessions.
#[derive(Clone)]
pub struct Console {
    api: Api,
    sessions: Sessions,
    /// The harness that serves this console, if any.
    control: Option<Control>,
    clock: Clock,
    guard: Guard,
}

/// Source of the current time.
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl Console {
    /// Creates a console for the services at `addresses`.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot be created.
    pub fn new(addresses: Addresses) -> Result<Self, reqwest::Error> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the machine's time, unless `with_clock` gives another"
        )]
        let clock = Arc::new(Timestamp::now);
        let (api, sessions) = (Api::new(addresses)?, Sessions::new());
        Ok(Self { api, sessions, control: None, clock, guard: Guard::default() })
    }

    /// Uses the clock of the service, if that is not the machine's.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Adds the page Harness, with the requests of the harness whose control API is at `url` and
    /// forms for faults. Each user who can log in can use it.
    #[must_use]
    pub fn with_control_api(self, url: Address) -> Self {
        let control = Some(self.api.control(url));
        Self { control, sessions: self.sessions.with_harness(), ..self }
    }

    /// Links to the documentation, which the same server has to serve at `/docs`.
    #[must_use]
    pub fn with_documentation(self) -> Self {
        Self { sessions: self.sessions.with_documentation(), ..self }
    }

    /// Uses another guard, for a machine with more names than `localhost`.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// The routes, all below [`BASE`]; do not nest them below another path. The [`Guard`] protects
    /// them.
    pub fn router(&self) -> Router {
        let key = "/console/instances/{instance}/keys/{key}";
        let of_key = |page: &str| format!("{key}/{page}");
        let router = Router::new()
            .route("/console", get(Redirect::to("/console/resources")))
            .route("/console/", get(Redirect::to("/console/resources")))
            .route("/console/login", get(pages::login::show).post(pages::login::log_in))
            .route("/console/logout", post(pages::login::log_out))
            .route("/console/resources", get(pages::resources::show))
            .route("/console/harness", get(pages::harness::show))
            .route("/console/harness/requests/{number}", get(pages::request::show))
            .route("/console/harness/{fault}", post(pages::harness_faults::inject))
            .route("/console/instances/{instance}/keys", get(pages::keys::show))
            .route("/console/instances/{instance}/not-acted", get(pages::not_acted::show))
            .route(
                "/console/instances/{instance}/new-key",
                get(pages::new_key::show).post(pages::new_key::create),
            )
            .route("/console/instances/{instance}/bulk-sync", post(pages::bulk_sync::start))
            .route("/console/instances/{instance}/bulk-sync/{task}", get(pages::bulk_sync::show))
            .route(&of_key("resources"), get(pages::associated::show))
            .route(&of_key("live"), get(pages::associated::live_parts))
            .route(&of_key("sync"), get(pages::sync::show).post(pages::sync::post))
            .route(&of_key("actions/{action}"), get(pages::action::confirm).post(pages::action::act))
            .route("/console/assets/{name}", get(pages::asset))
            .route("/console/{*path}", get(pages::unknown))
            .layer(DefaultBodyLimit::max(MAX_FORM))
            .layer(middleware::from_fn_with_state(self.clone(), failure::explain))
            .with_state(self.clone());
        with_security_headers(self.guard.around(router))
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("api", &self.api).finish_non_exhaustive()
    }
}
