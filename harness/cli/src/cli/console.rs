//! `harness console`: the web console alone, for any endpoint with the API.

use std::{error::Error, net::Ipv4Addr};

use clap::Args;
use keysync_console::{Address, Addresses, BASE, Console};
use tokio::net::TcpListener;

use super::{output, shutdown::Shutdown};

/// Arguments of `harness console`.
#[derive(Args)]
pub(super) struct ConsoleArgs {
    /// Endpoint; `{instance}` and `{region}` are replaced by the id and region of the instance. For
    /// Hyper Protect Crypto Services: `https://{instance}.api.{region}.hs-crypto.appdomain.cloud`.
    #[arg(long, default_value = "https://{region}.kms.cloud.ibm.com", value_name = "URL")]
    endpoint: Address,
    /// IAM, which issues an access token for an API key.
    #[arg(long, default_value = "https://iam.cloud.ibm.com", value_name = "URL")]
    iam: Address,
    /// The resource controller, which lists instances.
    #[arg(long, default_value = "https://resource-controller.cloud.ibm.com", value_name = "URL")]
    resource_controller: Address,
    /// Port of the console on this machine; 0 for any free one.
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// Exit at the end of standard input, too.
    #[arg(long)]
    until_eof: bool,
}

/// Serves the console on loopback until SIGINT or SIGTERM, or until the end of standard input on
/// request.
pub(super) async fn run(args: ConsoleArgs) -> Result<(), Box<dyn Error>> {
    let shutdown = Shutdown::listen()?;
    let ConsoleArgs { endpoint, iam, resource_controller, port, until_eof } = args;
    let backends = format!("for {endpoint}, with IAM at {iam}");
    let console = Console::new(Addresses { endpoint, iam, resource_controller })?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| format!("cannot listen on port {port}: {error}; choose another one with --port"))?;
    let url = format!("http://{}{BASE}", listener.local_addr()?);
    output::line(format!("The console is at {url}, {backends}. Press Ctrl-C to stop."))?;
    tokio::select! {
        served = axum::serve(listener, console.router()).into_future() => served?,
        () = shutdown.wait(until_eof) => {}
    }
    Ok(())
}
