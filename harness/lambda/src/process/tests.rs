use keysync_browser_guard::Guard;
use keysync_emulator_support::{clock::HarnessClock, context::Context};
use serde_json::json;

use super::*;

/// A function in one environment, whose processes log a line, never poll, and end when killed.
async fn idle() -> ProcessFunction {
    let output = Output { quiet: true, context: Context::new(HarnessClock::running(), Guard::default()) };
    let config = ProcessConfig {
        name: "sync",
        command: ["/bin/sh", "-c", "echo started; exec sleep 600"].map(OsString::from).to_vec(),
        env: Vec::new(),
        environments: 1,
        concurrency: 1,
        timeout: Duration::from_mins(1),
        output,
    };
    ProcessFunction::idle(config).await.unwrap()
}

async fn wait_for_starts(function: &ProcessFunction, count: usize) {
    function.wait_for_log(|log| log.len() >= count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simultaneous_invocations_start_one_process() {
    let function = idle().await;
    let invocations: Vec<_> = (0..16)
        .map(|_| {
            let invoker = function.invoker();
            tokio::spawn(async move { invoker.response(&json!({})).await })
        })
        .collect();
    for starts in 1..=10 {
        wait_for_starts(&function, starts).await;
        assert_eq!(function.log().len(), starts, "one process at a time");
        function.kill().await;
    }
    invocations.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn kill_request_without_process_kills_no_later_one() {
    let function = idle().await;
    function.kill().await;
    let invoker = function.invoker();
    let invocation = tokio::spawn(async move { invoker.response(&json!({})).await });
    wait_for_starts(&function, 1).await;
    let first = function.process_ids();
    function.kill().await;
    wait_for_starts(&function, 2).await;
    assert_eq!((first.len(), function.log().len()), (1, 2), "the first kill request had no process");
    invocation.abort();
}

#[tokio::test]
async fn invocation_of_dropped_function_fails() {
    let function = idle().await;
    let invoker = function.invoker();
    let invocation = tokio::spawn({
        let invoker = invoker.clone();
        async move { invoker.response(&json!({})).await }
    });
    wait_for_starts(&function, 1).await;
    drop(function);
    assert_eq!(invocation.await.unwrap(), None);
    assert_eq!(invoker.response(&json!({})).await, None);
}
