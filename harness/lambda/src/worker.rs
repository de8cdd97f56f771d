//! A function that is given events rather than requests: `lifecycle` and `redeliver`.

use std::{fmt, sync::Arc};

use keysync::{Clock, CommonConfig, LifecycleConfig, LifecycleHandler, RedeliverHandler};
use lambda_http::{Context, LambdaEvent};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    FunctionError, ProcessConfig, ProcessFunction, environment::Environment, process::Invoker,
    runtime_api::Outcome,
};

/// The function, in one of two ways.
#[derive(Debug)]
pub struct Worker(Way);

#[derive(Debug)]
enum Way {
    /// The real binary in processes of its own.
    Process(ProcessFunction),
    /// The same handler in this process.
    InProcess(InProcessWorker),
}

/// A handler in this process.
#[derive(Clone, Debug)]
enum InProcessWorker {
    Lifecycle(Arc<LifecycleHandler>),
    Redeliver(Arc<RedeliverHandler>),
}

/// What invokes a worker, for as long as that is there.
#[derive(Clone, Debug)]
pub struct Handle(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Process(Invoker),
    InProcess(InProcessWorker),
}

/// An invocation failed: the function said so, or died.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the invocation failed: {0}")]
pub struct InvocationFailed(pub String);

impl Worker {
    /// The real binary; its processes start with the first event.
    pub async fn process(config: ProcessConfig) -> Result<Self, FunctionError> {
        Ok(Self(Way::Process(ProcessFunction::idle(config).await?)))
    }

    /// `lifecycle` in this process, with the environment `env`, on `clock`.
    pub async fn lifecycle(env: &[(String, String)], clock: Clock) -> Result<Self, FunctionError> {
        let env = Environment(env);
        let config = LifecycleConfig::read(|name| env.get(name)).map_err(FunctionError::configuration)?;
        let aws = env.dynamodb()?;
        let keys = env.signing_keys(&config.common.signing_keys, &aws).await?;
        let app = LifecycleHandler::new(config, keys, &aws, clock);
        let app = Arc::new(app.map_err(FunctionError::configuration)?);
        Ok(Self(Way::InProcess(InProcessWorker::Lifecycle(app))))
    }

    /// `redeliver` in this process, with the environment `env`, on `clock`.
    pub async fn redeliver(env: &[(String, String)], clock: Clock) -> Result<Self, FunctionError> {
        let env = Environment(env);
        let config = CommonConfig::read(|name| env.get(name)).map_err(FunctionError::configuration)?;
        let aws = env.dynamodb()?;
        let keys = env.signing_keys(&config.signing_keys, &aws).await?;
        let app = RedeliverHandler::new(config, keys, &aws, clock);
        let app = Arc::new(app.map_err(FunctionError::configuration)?);
        Ok(Self(Way::InProcess(InProcessWorker::Redeliver(app))))
    }

    /// Runs an event through the function.
    pub async fn invoke(&self, event: &Value) -> Result<Value, InvocationFailed> {
        self.handle().invoke(event).await
    }

    /// Its processes, where it has any.
    #[must_use]
    pub fn processes(&self) -> Option<&ProcessFunction> {
        match &self.0 {
            Way::Process(function) => Some(function),
            Way::InProcess(_) => None,
        }
    }

    /// Invokes the function independently of this value's lifetime.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(match &self.0 {
            Way::Process(function) => Inner::Process(function.invoker()),
            Way::InProcess(worker) => Inner::InProcess(worker.clone()),
        })
    }
}

impl Handle {
    /// Runs an event through the function.
    pub async fn invoke(&self, event: &Value) -> Result<Value, InvocationFailed> {
        match &self.0 {
            Inner::Process(function) => match function.invoke(event).await {
                Outcome::Answered(answer) => serde_json::from_slice(&answer).map_err(failed),
                Outcome::Failed => Err(failed("its processes say why in their log")),
            },
            Inner::InProcess(InProcessWorker::Lifecycle(app)) => {
                answer(app.clone().handle(read(event)?).await)
            }
            Inner::InProcess(InProcessWorker::Redeliver(app)) => {
                answer(app.clone().handle(read(event)?).await)
            }
        }
    }
}

fn read<T: DeserializeOwned>(event: &Value) -> Result<LambdaEvent<T>, InvocationFailed> {
    let payload = serde_json::from_value(event.clone()).map_err(failed)?;
    Ok(LambdaEvent::new(payload, Context::default()))
}

fn answer<T: Serialize, E: fmt::Display>(answer: Result<T, E>) -> Result<Value, InvocationFailed> {
    serde_json::to_value(answer.map_err(failed)?).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(why: impl ToString) -> InvocationFailed {
    InvocationFailed(why.to_string())
}
