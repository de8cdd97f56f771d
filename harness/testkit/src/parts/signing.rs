//! Rotation of the key that signs callbacks, in the two steps of a deployment.

use keysync::{config, delivery::SigningKey};

use super::Parts;
use crate::{
    HarnessError,
    lambda::{DYNAMODB_URL, FunctionError},
    world,
};

/// The private keys that sign callbacks.
pub(crate) struct SigningKeys {
    /// Those that sign now, newest last.
    current: Vec<String>,
    /// All since the start, so that a snapshot of an earlier state can be restored.
    all: Vec<String>,
}

impl SigningKeys {
    pub(crate) fn of(key: &str) -> Self {
        Self { current: vec![key.to_owned()], all: vec![key.to_owned()] }
    }
}

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
        let (newest, new) = (keys.current.last().cloned(), world::signing_key());
        keys.all.push(new.clone());
        let next = newest.into_iter().chain([new]).collect();
        self.sign_with(&mut keys, next).await
    }

    /// Signs with the newest key only.
    pub(crate) async fn withdraw_old_signing_key(&self) -> Result<Vec<String>, HarnessError> {
        let mut keys = self.lambda.signing_keys.lock().await;
        let next = keys.current.last().cloned().into_iter().collect();
        self.sign_with(&mut keys, next).await
    }

    /// Signs with the key of the start again, if it was rotated.
    pub(super) async fn reset_signing_key(&self) -> Result<(), HarnessError> {
        let mut keys = self.lambda.signing_keys.lock().await;
        let first = vec![self.world.signing_key.clone()];
        if keys.current != first {
            self.sign_with(&mut keys, first).await?;
        }
        Ok(())
    }

    /// Signs with the keys of these public ones. Changes nothing if one is not known here.
    pub(super) async fn restore_signing_keys(&self, public: &[String]) -> Result<(), HarnessError> {
        let mut keys = self.lambda.signing_keys.lock().await;
        let known = public_keys(&keys.all)?;
        let private =
            |public| known.iter().position(|known| known == public).map(|index| keys.all[index].clone());
        match public.iter().map(private).collect::<Option<Vec<_>>>() {
            Some(next) if !next.is_empty() && next != keys.current => {
                self.sign_with(&mut keys, next).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Restarts the functions with the private keys `next`.
    async fn sign_with(
        &self,
        keys: &mut SigningKeys,
        next: Vec<String>,
    ) -> Result<Vec<String>, HarnessError> {
        let public = public_keys(&next)?;
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
        keys.current = next;
        Ok(public)
    }
}

fn public_keys(private: &[String]) -> Result<Vec<String>, HarnessError> {
    let parsed = private.iter().map(|key| key.parse::<SigningKey>().map_err(HarnessError::world));
    parsed.map(|key| key.map(|key| key.public())).collect()
}
