//! Rotation of the key that signs callbacks, in the two steps of a deployment.

use keysync::{config, delivery::SigningKey};

use super::Parts;
use crate::{
    HarnessError,
    lambda::{DYNAMODB_URL, FunctionError},
    world,
};

impl Parts {
    /// The keys that verify callbacks, newest last.
    pub(crate) fn public_keys(&self) -> Vec<String> {
        self.services.keys.all()
    }

    /// The newest of them.
    pub(crate) fn public_key(&self) -> String {
        self.public_keys().pop().unwrap_or_default()
    }

    /// Signs with a new key as well, and serves both. Of two keys, the older one is withdrawn.
    pub(crate) async fn rotate_signing_key(&self) -> Result<Vec<String>, HarnessError> {
        let mut keys = self.lambda.signing_keys.lock().await;
        let newest = keys.last().cloned().into_iter();
        let next = newest.chain([world::signing_key()]).collect();
        self.sign_with(&mut keys, next).await
    }

    /// Signs with the newest key only.
    pub(crate) async fn withdraw_old_signing_key(&self) -> Result<Vec<String>, HarnessError> {
        let mut keys = self.lambda.signing_keys.lock().await;
        let next = keys.last().cloned().into_iter().collect();
        self.sign_with(&mut keys, next).await
    }

    /// Signs with the key of the start again, if it was rotated.
    pub(super) async fn reset_signing_key(&self) -> Result<(), HarnessError> {
        let mut keys = self.lambda.signing_keys.lock().await;
        let first = vec![self.world.signing_key.clone()];
        if *keys != first {
            self.sign_with(&mut keys, first).await?;
        }
        Ok(())
    }

    /// Restarts the functions with the private keys `next`.
    async fn sign_with(
        &self,
        keys: &mut Vec<String>,
        next: Vec<String>,
    ) -> Result<Vec<String>, HarnessError> {
        let parsed = next.iter().map(|key| key.parse::<SigningKey>().map_err(HarnessError::world));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
        let public: Vec<String> = parsed.iter().map(SigningKey::public).collect();
        let value = next.join(" ");
        self.context.secrets.add_signing_keys(&value);
        let (clock, mut env) = (self.context.clock.clock(), self.lambda.env.clone());
        match env.iter().rfind(|(name, _)| name == config::SIGNING_KEY_SECRET) {
            Some((_, secret)) => self.lambda.secrets.put(secret, &value),
            None => env.push((config::SIGNING_KEY.to_owned(), value)),
        }
        // Before a callback is signed with the new key, and until none is signed with the old one.
        let known = self.services.keys.all().into_iter().chain(public.clone()).collect();
        self.services.keys.set(known);
        let restarted = async {
            self.lambda.sync.restart_with(&env, clock.clone()).await?;
            for (worker, proxy) in [
                (&self.lambda.lifecycle, self.dynamo.lifecycle_proxy()),
                (&self.lambda.redeliver, self.dynamo.redeliver_proxy()),
            ] {
                env.push((DYNAMODB_URL.to_owned(), proxy.url()));
                worker.restart_with(&env, clock.clone()).await?;
            }
            Ok::<_, FunctionError>(())
        };
        restarted.await?;
        self.services.keys.set(public.clone());
        *keys = next;
        Ok(public)
    }
}
