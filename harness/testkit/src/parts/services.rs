//! The associated services: emulated ones, `httpmock` servers, and a test author's own.

use std::collections::BTreeMap;

use httpmock::MockServer;
use keysync::delivery::SigningKey;
use serde_json::{Map, json};

use crate::{
    HarnessBuilder, HarnessError,
    builder::Receiver,
    events::EventBus,
    journal::Part,
    services::{self, Acknowledger, AssociatedService, CallbackKeys},
    world::World,
};
use keysync_emulator_support::{context::Context, server::Server};

/// The associated services. Dropping it ends their servers.
pub(crate) struct ServiceFleet {
    pub(crate) emulated: Vec<AssociatedService>,
    pub(crate) mocks: BTreeMap<String, MockServer>,
    /// The keys that verify callbacks: `whpk_…`.
    pub(crate) keys: CallbackKeys,
    /// The registry of the services, as in the functions' configuration.
    pub(crate) registry: String,
    /// The server of the emulated services.
    server: Server,
}

impl ServiceFleet {
    pub(crate) async fn start(
        builder: &HarnessBuilder,
        world: &World,
        context: &Context,
    ) -> Result<Self, HarnessError> {
        let Context { journal, secrets, guard, clock } = context;
        let key: SigningKey = world.signing_key.parse().map_err(HarnessError::world)?;
        let keys = CallbackKeys::new(key.public());
        let emulated: Vec<_> = names(builder, &Receiver::Emulated)
            .map(|name| AssociatedService::new(name, journal.clone()))
            .collect();
        let router = services::router(&emulated, keys.clone(), clock.clock());
        let router = secrets.scan_callbacks(router);
        let server = Server::start(journal.around(Part::Services, router), guard).await?;
        let mocks = mocks(builder).await?;
        let registry = registry(builder, &server, &mocks);
        Ok(Self { emulated, mocks, keys, registry, server })
    }

    /// The URL of the emulated services.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// The emulated service with this name.
    pub(crate) fn find(&self, name: &str) -> Result<&AssociatedService, HarnessError> {
        let found = self.emulated.iter().find(|service| service.name() == name);
        found.ok_or_else(|| HarnessError::NoService(name.to_owned()))
    }

    pub(crate) fn mock(&self, name: &str) -> Result<&MockServer, HarnessError> {
        self.mocks.get(name).ok_or_else(|| HarnessError::NoService(name.to_owned()))
    }

    /// Makes the emulated services publish acknowledgements as the key-management service does.
    pub(crate) fn acknowledge_to(&self, events: &EventBus) {
        for service in &self.emulated {
            service.acknowledge_with(acknowledger(events.clone()));
        }
    }

    pub(crate) fn reset(&self) {
        for service in &self.emulated {
            service.reset();
        }
        for mock in self.mocks.values() {
            mock.reset(); // does not block: the mock is in this process
        }
    }
}

/// The names of the services with this kind of receiver.
fn names<'a>(builder: &'a HarnessBuilder, receiver: &'a Receiver) -> impl Iterator<Item = &'a str> {
    let services = builder.services.iter().filter(move |(_, other)| other == receiver);
    services.map(|(name, _)| name.as_str())
}

/// Publishes each acknowledgement. A notification of a real function has a valid CRN.
fn acknowledger(events: EventBus) -> Acknowledger {
    Acknowledger::new(move |acknowledgement| {
        if let Ok(key) = acknowledgement.key_crn.parse() {
            drop(events.acknowledgement(
                &key,
                &acknowledgement.event_id,
                acknowledgement.key_state,
                None,
                acknowledgement.at,
            ));
        }
    })
}

async fn mocks(builder: &HarnessBuilder) -> Result<BTreeMap<String, MockServer>, HarnessError> {
    let mut mocks = BTreeMap::new();
    for name in names(builder, &Receiver::Mock) {
        // Not `start_async`: its future is not `Send`, so a task could not start a harness.
        let mock = tokio::task::spawn_blocking(MockServer::start).await.map_err(std::io::Error::other)?;
        mocks.insert(name.to_owned(), mock);
    }
    Ok(mocks)
}

/// The registry of all services: their URLs, and what the builder sets.
fn registry(builder: &HarnessBuilder, server: &Server, mocks: &BTreeMap<String, MockServer>) -> String {
    let url = |(name, receiver): &(String, Receiver)| match receiver {
        Receiver::Emulated => format!("{}/{name}/callbacks", server.url()),
        Receiver::Mock => mocks[name].url("/callbacks"),
        Receiver::At(url) => url.clone(),
    };
    let entry = |service: &(String, Receiver)| {
        let mut settings = Map::from_iter([("url".to_owned(), url(service).into())]);
        if builder.acknowledging && service.1 == Receiver::Emulated {
            settings.insert("acknowledges".to_owned(), true.into());
        }
        if builder.symmetric_secrets.iter().any(|(name, _)| *name == service.0) {
            settings.insert("symmetricSignature".to_owned(), true.into());
        }
        let given = builder.service_settings.iter().filter(|(name, _, _)| *name == service.0);
        settings.extend(given.map(|(_, field, value)| (field.clone(), value.clone())));
        (service.0.clone(), settings)
    };
    json!(builder.services.iter().map(entry).collect::<BTreeMap<_, _>>()).to_string()
}
