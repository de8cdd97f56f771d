//! IAM, and the server of its API.

use crate::{HarnessBuilder, HarnessError, iam::Iam, journal::Part, world::World};
use keysync_emulator_support::{context::Context, server::Server};

/// IAM with the instance and the identities of the harness. Dropping it ends its server.
pub(crate) struct IamEmulator {
    pub(crate) emulator: Iam,
    server: Server,
}

impl IamEmulator {
    pub(crate) async fn start(
        builder: &HarnessBuilder,
        world: &World,
        context: &Context,
    ) -> Result<Self, HarnessError> {
        let listener = Server::listen(builder.address, builder.iam_port).await?;
        let emulator = Iam::new(context.clock.clock(), context.secrets.clone())?;
        world.register_in(&emulator);
        let router = context.journal.around(Part::Iam, emulator.router());
        Ok(Self { server: Server::serve(listener, router, &context.guard)?, emulator })
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Restores the instance and the identities, and removes all others.
    pub(crate) fn reset(&self, world: &World) {
        self.emulator.reset();
        world.register_in(&self.emulator);
    }
}
