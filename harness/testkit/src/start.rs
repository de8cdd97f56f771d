//! The start of a harness: first the emulators, then the functions, then the endpoint.

use std::sync::Arc;

use jiff::Timestamp;
use keysync::config;
use keysync_browser_guard::Guard;
use keysync_console::{Address, Addresses, Console};

use crate::{
    Harness, HarnessBuilder, HarnessClock, HarnessError,
    dynamodb::Dynamo,
    journal::Part,
    parts::{IamEmulator, KmsEmulator, LambdaStack, Parts, ServiceFleet},
    world::World,
};
use keysync_emulator_support::{
    context::Context,
    server::{Server, local_url},
};

pub(crate) async fn start(builder: HarnessBuilder) -> Result<Harness, HarnessError> {
    let context = Context::with_wait_timeout(builder.clock.clone(), guard(&builder)?, builder.wait_timeout);
    let listener = Server::listen(builder.address, builder.port).await?;
    let url = local_url(listener.local_addr()?);

    let dynamo = Dynamo::start(builder.engine.clone(), &builder.table, &context).await?;
    let world = World::load(&dynamo).await?;
    let iam = IamEmulator::start(&builder, &world, &context).await?;
    let services = ServiceFleet::start(&builder, &world, &context).await?;
    let settings = [(config::IAM_URL, iam.url()), (config::SERVICES, services.registry.clone())];
    let lambda = LambdaStack::start(&builder, &settings, &world, &dynamo, &context).await?;
    if builder.acknowledging {
        services.acknowledge_to(&lambda.events);
    }
    let kms = KmsEmulator::new(url, &world, &dynamo, &iam, &lambda, &context)?;

    let guard = context.guard.clone().with_api_hosts();
    let console = console(&kms.url, &iam.url(), &context.clock)?.with_guard(guard.clone());
    let console = if builder.documentation.is_some() { console.with_documentation() } else { console };
    let router = context.journal.around(Part::Endpoint, kms.endpoint.router()).merge(console.router());
    let router = router.merge(builder.documentation.unwrap_or_default());
    let parts = Arc::new(Parts {
        context,
        world,
        dynamo,
        iam,
        services,
        lambda,
        kms,
        #[cfg(feature = "control-api")]
        snapshots: parking_lot::Mutex::default(),
    });
    // A weak reference, so that the parts end with the harness.
    #[cfg(feature = "control-api")]
    let router = router.merge(crate::control::router(Arc::downgrade(&parts)));
    Ok(Harness { parts, _endpoint: Server::serve(listener, router, &guard)? })
}

/// The guard of every port.
fn guard(builder: &HarnessBuilder) -> Result<Guard, HarnessError> {
    let guard = builder.allowed_hosts.iter().map(|host| host.parse());
    Ok(guard.collect::<Result<Vec<_>, _>>()?.into_iter().fold(Guard::default(), Guard::allowing))
}

/// The console for this endpoint and IAM, with the harness's clock.
fn console(endpoint: &str, iam: &str, clock: &HarnessClock) -> Result<Console, HarnessError> {
    let address = |url: &str| url.parse().map_err(HarnessError::world);
    let (endpoint, iam): (Address, Address) = (address(endpoint)?, address(iam)?);
    let addresses = Addresses { endpoint: endpoint.clone(), iam: iam.clone(), resource_controller: iam };
    let clock = clock.clone();
    let instant = |millis: u64| Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok();
    let now = move || instant(clock.now().get()).unwrap_or(Timestamp::MAX);
    let console = Console::new(addresses)?.with_clock(now);
    #[cfg(feature = "control-api")]
    let console = console.with_control_api(endpoint);
    Ok(console)
}
