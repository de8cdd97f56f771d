//! Sessions: a random id in a cookie, and the access token in the memory of this process only.

use std::{collections::HashMap, fmt, sync::Arc};

use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::{
    BASE,
    api::{AccessToken, Instance},
    bulk::Tasks,
    flash::{Fault, Flash},
};

/// Maximum number of sessions. A new one then replaces the one that would expire first.
const MAX_SESSIONS: usize = 1_000;

/// All sessions; clones share them.
#[derive(Clone)]
pub(crate) struct Sessions {
    by_id: Arc<Mutex<HashMap<SessionId, Session>>>,
    /// Whether the console has a page about its harness.
    harness: bool,
    /// Whether the console's server has the documentation.
    documentation: bool,
    /// Name of the cookie. It differs per console, because cookies are shared between ports: two
    /// consoles on one machine would log each other out.
    cookie: Arc<str>,
}

/// Value of the cookie: 244 random bits.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SessionId(String);

/// The session of a user; clones share it.
#[derive(Clone)]
pub(crate) struct Session(Arc<Inner>);

struct Inner {
    id: SessionId,
    token: AccessToken,
    owner: String,
    csrf: CsrfToken,
    harness: bool,
    documentation: bool,
    /// Result of a fault's form, for the page of the harness.
    fault: Mutex<Option<Fault>>,
    /// Notice for the next page of a key.
    flash: Mutex<Option<(Uuid, Flash)>>,
    /// Synchronizations of several keys.
    tasks: Tasks,
    /// The resource list as last read.
    instances: Mutex<Vec<Instance>>,
}

/// Token that proves that a form came from a page of this session.
#[derive(Clone)]
pub(crate) struct CsrfToken(String);

impl CsrfToken {
    pub(crate) fn random() -> Self {
        Self(random())
    }

    /// The token in the cookie of the login page.
    pub(crate) fn from_cookie(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl Sessions {
    pub(crate) fn new() -> Self {
        let cookie = format!("keysync-session-{}", &random()[..8]);
        Self { by_id: Arc::default(), harness: false, documentation: false, cookie: cookie.into() }
    }

    pub(crate) fn with_harness(self) -> Self {
        Self { harness: true, ..self }
    }

    pub(crate) fn with_documentation(self) -> Self {
        Self { documentation: true, ..self }
    }

    /// Whether the console's server has the documentation.
    pub(crate) fn has_documentation(&self) -> bool {
        self.documentation
    }

    /// Begins a session with a new cookie, in place of the session that the browser had.
    pub(crate) fn begin(&self, token: AccessToken, had: &CookieJar, now: Timestamp) -> Cookie<'static> {
        let inner = Inner {
            id: SessionId(random()),
            owner: token.owner(),
            token,
            csrf: CsrfToken::random(),
            harness: self.harness,
            documentation: self.documentation,
            fault: Mutex::default(),
            flash: Mutex::default(),
            tasks: Tasks::default(),
            instances: Mutex::default(),
        };
        let session = Session(Arc::new(inner));
        let cookie = self.cookie(session.0.id.0.clone());
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.is_valid(now));
        had.get(&self.cookie).map(|had| sessions.remove(&SessionId(had.value().to_owned())));
        if sessions.len() >= MAX_SESSIONS {
            let first = sessions.values().min_by_key(|session| session.0.token.expires_at).cloned();
            first.map(|first| sessions.remove(&first.0.id));
        }
        sessions.insert(session.0.id.clone(), session);
        cookie
    }

    /// The session of a request's cookie, unless its token has expired.
    pub(crate) fn find(&self, cookies: &CookieJar, now: Timestamp) -> Option<Session> {
        let id = SessionId(cookies.get(&self.cookie)?.value().to_owned());
        let mut sessions = self.lock();
        let session = sessions.get(&id)?.clone();
        if !session.is_valid(now) {
            sessions.remove(&id);
            return None;
        }
        Some(session)
    }

    /// Whether the browser has had a session, which has ended if it is not found.
    pub(crate) fn had(&self, cookies: &CookieJar) -> bool {
        cookies.get(&self.cookie).is_some()
    }

    /// Ends a session. Returns the cookie that makes the browser remove its own.
    pub(crate) fn end(&self, session: &Session) -> Cookie<'static> {
        self.lock().remove(&session.0.id);
        let mut cookie = self.cookie(String::new());
        cookie.make_removal();
        cookie
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.by_id.lock()
    }

    /// Scripts cannot read the cookie, forms of other sites do not send it, and it ends with the
    /// browser.
    fn cookie(&self, value: String) -> Cookie<'static> {
        let name = self.cookie.to_string();
        Cookie::build((name, value)).path(BASE).http_only(true).same_site(SameSite::Lax).build()
    }
}

impl Session {
    pub(crate) fn token(&self) -> &AccessToken {
        &self.0.token
    }

    /// Display name of the user.
    pub(crate) fn owner(&self) -> &str {
        &self.0.owner
    }

    pub(crate) fn csrf(&self) -> &CsrfToken {
        &self.0.csrf
    }

    /// Whether there is a page about the harness.
    pub(crate) fn has_harness(&self) -> bool {
        self.0.harness
    }

    /// Whether the console's server has the documentation.
    pub(crate) fn has_documentation(&self) -> bool {
        self.0.documentation
    }

    /// Stores the result of a fault's form.
    pub(crate) fn set_fault(&self, fault: Fault) {
        *self.0.fault.lock() = Some(fault);
    }

    pub(crate) fn take_fault(&self) -> Option<Fault> {
        self.0.fault.lock().take()
    }

    /// Stores a notice for the next page of `key`.
    pub(crate) fn set_flash(&self, key: Uuid, flash: Flash) {
        *self.0.flash.lock() = Some((key, flash));
    }

    /// Takes the notice for `key`; another tab may show another key.
    pub(crate) fn take_flash(&self, key: Uuid) -> Option<Flash> {
        let mut flash = self.0.flash.lock();
        flash.take_if(|(of, _)| *of == key).map(|(_, flash)| flash)
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    pub(crate) fn instance(&self, id: Uuid) -> Option<Instance> {
        let instances = self.0.instances.lock();
        instances.iter().find(|instance| instance.id == id).cloned()
    }

    pub(crate) fn remember(&self, instances: Vec<Instance>) {
        *self.0.instances.lock() = instances;
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        now < self.0.token.expires_at
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.0.owner)
    }
}

/// A version 4 UUID has 122 random bits.
fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
