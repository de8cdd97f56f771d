//! A web console for the keys of a key-management service: which resources they protect, what became of the last
//! notification to each service, and the button that has the services told again.
//!
//! It speaks the service's API and nothing else, so it runs against whatever answers it. Whoever logs in gives an API key
//! of their own, and may do here what IAM lets them do there: the console decides nothing. Their access token stays in
//! this process; a browser gets a random cookie, which no script can read.
//!
//! Pages are rendered here and work without JavaScript; a script adds comfort (live standings, local times, copying). Every text is escaped
//! by the templates, and a Content-Security-Policy allows no script and no style but the console's own files.
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

pub use api::{Address, Addresses, BadAddress};

use api::Api;
use session::Sessions;

/// Where the console is, on the server that has it.
pub const BASE: &str = CONSOLE;

/// How long a form may be, in bytes: an API key and where to go then.
const LONGEST_FORM: usize = 64 * 1024;

/// A web console; clones are the same one.
#[derive(Clone)]
pub struct Console {
    api: Api,
    sessions: Sessions,
    clock: Clock,
    guard: Guard,
}

/// What tells the time.
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl Console {
    /// A console for what is at `addresses`. It fails where no HTTP client can be made.
    pub fn new(addresses: Addresses) -> Result<Self, reqwest::Error> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the machine's time, unless `with_clock` gives another"
        )]
        let clock = Arc::new(Timestamp::now);
        Ok(Self { api: Api::new(addresses)?, sessions: Sessions::new(), clock, guard: Guard::default() })
    }

    /// The same console by the clock of the service that it is for, where that is not the machine's.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The same console behind another guard, where this machine has more names than `localhost`.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// Its routes, all of them below [`BASE`]. They must not be nested below anything else, and answer what its
    /// [`Guard`] lets pass.
    pub fn router(&self) -> Router {
        let key = "/console/instances/{instance}/keys/{key}";
        let of_key = |page: &str| format!("{key}/{page}");
        let router = Router::new()
            .route("/console", get(Redirect::to("/console/resources")))
            .route("/console/", get(Redirect::to("/console/resources")))
            .route("/console/login", get(pages::login::show).post(pages::login::log_in))
            .route("/console/logout", post(pages::login::log_out))
            .route("/console/resources", get(pages::resources::show))
            .route("/console/instances/{instance}/keys", get(pages::keys::show))
            .route(&of_key("resources"), get(pages::associated::show))
            .route(&of_key("live"), get(pages::associated::live_parts))
            .route(&of_key("sync"), post(pages::sync::post))
            .route(&of_key("actions/{action}"), get(pages::action::confirm).post(pages::action::act))
            .route("/console/assets/{name}", get(pages::asset))
            .route("/console/{*path}", get(pages::unknown))
            .layer(DefaultBodyLimit::max(LONGEST_FORM))
            .layer(middleware::from_fn_with_state(self.clone(), failure::explain))
            .with_state(self.clone());
        self.guard.around(router).layer(middleware::from_fn(headers::secure))
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
