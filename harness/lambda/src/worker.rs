//! A function that receives events, not requests: `lifecycle` and `redeliver`.

use std::{fmt, sync::Arc};

use keysync::{Clock, CommonConfig, LifecycleConfig, LifecycleHandler, RedeliverHandler, Table};
use lambda_http::{Context, LambdaEvent};
use parking_lot::RwLock;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    FunctionError, ProcessConfig, ProcessFunction, environment::Environment, in_process::Replaceable,
    process::Invoker, runtime_api::Outcome,
};

/// The function, in separate processes or in this process.
#[derive(Debug)]
pub struct Worker(Backend);

#[derive(Debug)]
enum Backend {
    /// The binary in separate processes.
    Process(ProcessFunction),
    /// The same handler in this process.
    InProcess(InProcessWorker),
}

/// A handler in this process.
#[derive(Clone, Debug)]
enum InProcessWorker {
    Lifecycle(Replaceable<LifecycleHandler>),
    Redeliver(Replaceable<RedeliverHandler>),
}

/// Invokes a worker while that exists.
#[derive(Clone, Debug)]
pub struct Handle(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Process(Invoker),
    InProcess(InProcessWorker),
}

/// A failed invocation: the function returned an error, or its process ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the invocation failed: {0}")]
pub struct InvocationFailed(pub String);

impl Worker {
    /// Creates the function as its binary; the first event starts the processes.
    pub async fn process(config: ProcessConfig) -> Result<Self, FunctionError> {
        Ok(Self(Backend::Process(ProcessFunction::idle(config).await?)))
    }

    /// Starts `lifecycle` in this process, with the environment `env`, on `clock`.
    pub async fn lifecycle(env: &[(String, String)], clock: Clock) -> Result<Self, FunctionError> {
        let handler = Arc::new(RwLock::new(lifecycle(env, clock).await?));
        Ok(Self(Backend::InProcess(InProcessWorker::Lifecycle(handler))))
    }

    /// Starts `redeliver` in this process, with the environment `env`, on `clock`.
    pub async fn redeliver(env: &[(String, String)], clock: Clock) -> Result<Self, FunctionError> {
        let handler = Arc::new(RwLock::new(redeliver(env, clock).await?));
        Ok(Self(Backend::InProcess(InProcessWorker::Redeliver(handler))))
    }

    /// Ends the function; the next event starts it with the environment `env`, in this process on
    /// `clock`.
    pub async fn restart_with(&self, env: &[(String, String)], clock: Clock) -> Result<(), FunctionError> {
        match &self.0 {
            Backend::Process(function) => function.restart_with(env.to_vec()).await,
            Backend::InProcess(InProcessWorker::Lifecycle(handler)) => {
                *handler.write() = lifecycle(env, clock).await?;
            }
            Backend::InProcess(InProcessWorker::Redeliver(handler)) => {
                *handler.write() = redeliver(env, clock).await?;
            }
        }
        Ok(())
    }

    /// Invokes the function with an event and returns its result.
    pub async fn invoke(&self, event: &Value) -> Result<Value, InvocationFailed> {
        self.handle().invoke(event).await
    }

    /// The function's processes; `None` if it runs in this process.
    #[must_use]
    pub fn processes(&self) -> Option<&ProcessFunction> {
        match &self.0 {
            Backend::Process(function) => Some(function),
            Backend::InProcess(_) => None,
        }
    }

    /// Invokes the function independently of this value's lifetime.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(match &self.0 {
            Backend::Process(function) => Inner::Process(function.invoker()),
            Backend::InProcess(worker) => Inner::InProcess(worker.clone()),
        })
    }
}

impl Handle {
    /// Invokes the function with an event and returns its result.
    pub async fn invoke(&self, event: &Value) -> Result<Value, InvocationFailed> {
        match &self.0 {
            Inner::Process(function) => match function.invoke(event).await {
                Outcome::Responded(body) => serde_json::from_slice(&body).map_err(failed),
                Outcome::Failed => Err(failed("see the function's log for the reason")),
            },
            Inner::InProcess(InProcessWorker::Lifecycle(app)) => {
                let app = app.read().clone();
                result(app.handle(parse(event)?).await)
            }
            Inner::InProcess(InProcessWorker::Redeliver(app)) => {
                let app = app.read().clone();
                result(app.handle(parse(event)?).await)
            }
        }
    }
}

async fn lifecycle(env: &[(String, String)], clock: Clock) -> Result<Arc<LifecycleHandler>, FunctionError> {
    let env = Environment(env);
    let config = LifecycleConfig::read(|name| env.get(name)).map_err(FunctionError::configuration)?;
    let aws = env.dynamodb();
    let keys = env.signing_keys(&config.common.signing_keys, &aws).await?;
    let table = Table::new(&config.common, &aws);
    Ok(Arc::new(LifecycleHandler::new(config, keys, table, &aws, clock)))
}

async fn redeliver(env: &[(String, String)], clock: Clock) -> Result<Arc<RedeliverHandler>, FunctionError> {
    let env = Environment(env);
    let config = CommonConfig::read(|name| env.get(name)).map_err(FunctionError::configuration)?;
    let aws = env.dynamodb();
    let keys = env.signing_keys(&config.signing_keys, &aws).await?;
    let table = Table::new(&config, &aws);
    Ok(Arc::new(RedeliverHandler::new(config, keys, table, clock)))
}

fn parse<T: DeserializeOwned>(event: &Value) -> Result<LambdaEvent<T>, InvocationFailed> {
    let payload = serde_json::from_value(event.clone()).map_err(failed)?;
    Ok(LambdaEvent::new(payload, Context::default()))
}

fn result<T: Serialize, E: fmt::Display>(result: Result<T, E>) -> Result<Value, InvocationFailed> {
    serde_json::to_value(result.map_err(failed)?).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(reason: impl ToString) -> InvocationFailed {
    InvocationFailed(reason.to_string())
}
