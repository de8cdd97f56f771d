//! The options that describe a harness: those of `harness up` and `harness demo`.

use std::path::PathBuf;

use clap::Args;
use keysync_testkit::{
    Harness, HarnessBuilder,
    dynamodb::{Engine, TABLE},
    lambda::Mode,
};

/// The options that describe a harness.
#[derive(Args)]
pub(super) struct Parts {
    /// How the function runs: `process` (the real binary behind an emulated Lambda), `in-process`, or
    /// the URL of one that runs already.
    #[arg(long, default_value = "process", value_name = "process|in-process|URL")]
    function: Mode,
    /// One more service: an emulated one by its CRN service name, or one of your own with the address
    /// where it wants its callbacks. May be given more than once.
    #[arg(long, value_name = "NAME[=URL]")]
    service: Vec<String>,
    /// Keeps the table in this file, so that it is there the next time.
    #[arg(long, value_name = "FILE", conflicts_with = "dynamodb")]
    data: Option<PathBuf>,
    /// Lets requests pass that name this host, such as `host.docker.internal` for containers: otherwise only names of
    /// loopback do, so that no web page comes by another one. May be given more than once.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Uses another DynamoDB engine, such as DynamoDB Local at <http://127.0.0.1:8000>.
    #[arg(long, value_name = "URL")]
    dynamodb: Option<String>,
    /// The table; made if it is not there. One that a deployment's template made, or one of several in an engine.
    #[arg(long, value_name = "NAME", default_value = TABLE)]
    table: String,
}

impl Parts {
    /// The harness that these options describe.
    pub(super) fn builder(self) -> HarnessBuilder {
        let engine = match (self.data, self.dynamodb) {
            (Some(file), _) => Engine::File(file),
            (None, Some(url)) => Engine::Url(url),
            (None, None) => Engine::Memory,
        };
        let builder = Harness::builder().engine(engine).table(&self.table).mode(self.function);
        let builder = self.allow_host.iter().fold(builder, |builder, host| builder.allow_host(host));
        self.service.iter().fold(builder, |builder, service| match service.split_once('=') {
            Some((name, url)) => builder.service_at(name, url),
            None => builder.service(service),
        })
    }
}
