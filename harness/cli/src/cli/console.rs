//! `harness console`: the web console alone, for whatever answers the API.

use std::{error::Error, net::Ipv4Addr};

use clap::Args;
use keysync_console::{Address, Addresses, BASE, Console};
use tokio::net::TcpListener;

use super::{end::End, output};

/// What `harness console` takes.
#[derive(Args)]
pub(super) struct ConsoleArgs {
    /// The endpoint of an instance, in which `{instance}` and `{region}` stand for the instance's:
    /// `https://{instance}.api.{region}.hs-crypto.appdomain.cloud` for Hyper Protect Crypto Services.
    #[arg(long, default_value = "https://{region}.kms.cloud.ibm.com", value_name = "URL")]
    endpoint: Address,
    /// IAM, which gives a token for an API key.
    #[arg(long, default_value = "https://iam.cloud.ibm.com", value_name = "URL")]
    iam: Address,
    /// The resource controller, which lists instances.
    #[arg(long, default_value = "https://resource-controller.cloud.ibm.com", value_name = "URL")]
    resource_controller: Address,
    /// The console's own port on this machine; 0 takes any free one.
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// Ends when standard input does, too.
    #[arg(long)]
    until_eof: bool,
}

/// Serves it on loopback until this process is told to end.
pub(super) async fn run(args: ConsoleArgs) -> Result<(), Box<dyn Error>> {
    let end = End::listen()?;
    let ConsoleArgs { endpoint, iam, resource_controller, port, until_eof } = args;
    let said = format!("for {endpoint}, with IAM at {iam}");
    let console = Console::new(Addresses { endpoint, iam, resource_controller })?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| format!("port {port} cannot be had: {error}; name another one with --port"))?;
    let url = format!("http://{}{BASE}", listener.local_addr()?);
    output::line(format!("The console is at {url}, {said}. Ctrl-C ends it."))?;
    tokio::select! {
        served = axum::serve(listener, console.router()).into_future() => served?,
        () = end.wait(until_eof) => {}
    }
    Ok(())
}
