//! The connector over real sockets.

use std::{collections::HashMap, time::Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// The response of the connector to one whose server writes `response` and then closes the
/// connection, and the request that the server received.
async fn call(response: Vec<u8>) -> (Result<HttpResponse, ConnectorError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut received = vec![0; 4096];
        let length = connection.read(&mut received).await.unwrap();
        // A client that has stopped reading is no error here.
        let _ = connection.write_all(&response).await;
        String::from_utf8_lossy(&received[..length]).into_owned()
    });
    let connector = Connector { client: Pool::new(CONNECT_TIMEOUT).build(), timeout: None };
    let result = connector.call(post(&url)).await;
    (result, server.await.unwrap())
}

fn post(url: &str) -> HttpRequest {
    http::Request::post(url).header("x-test", "1").body(SdkBody::from("{}")).unwrap().try_into().unwrap()
}

#[tokio::test]
async fn response_is_complete() {
    let (response, request) =
        call(b"HTTP/1.1 400 Bad Request\r\nx-a: b\r\ncontent-length: 2\r\n\r\nhi".to_vec()).await;
    let response = response.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("x-a")), (400, Some("b")));
    assert_eq!(response.body().bytes(), Some(&b"hi"[..]));
    assert!(request.starts_with("POST / HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{}"), "{request}");
    assert!(request.contains("x-test: 1\r\n") && request.contains("content-length: 2\r\n"), "{request}");
}

#[tokio::test]
async fn response_over_the_limit_is_an_error() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", MAX_RESPONSE + 1);
    let (response, _) = call([head.into_bytes(), vec![b' '; MAX_RESPONSE + 1]].concat()).await;
    assert!(response.unwrap_err().is_io());
}

#[tokio::test]
async fn cut_response_is_an_io_error() {
    for response in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi", "no HTTP\r\n\r\n"] {
        let (result, _) = call(response.as_bytes().to_vec()).await;
        assert!(result.unwrap_err().is_io(), "{response}");
    }
}

#[tokio::test]
async fn slow_connection_times_out() {
    // A socket that accepts no connection: its queue is full.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let _listener = socket.listen(1).unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(connection)) =
        tokio::time::timeout(Duration::from_millis(100), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(connection);
    }
    let connector = Connector { client: Pool::new(Duration::from_millis(50)).build(), timeout: None };
    let started = Instant::now();
    assert!(connector.call(post(&format!("http://{address}/"))).await.unwrap_err().is_io());
    assert!(started.elapsed() < CONNECT_TIMEOUT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn read_timeout_of_the_sdk_applies() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let timeout = Some(Duration::from_millis(10));
    let connector = Connector { client: Pool::new(CONNECT_TIMEOUT).build(), timeout };
    assert!(connector.call(post(&url)).await.unwrap_err().is_timeout());
}

#[test]
fn variables_make_default_chains_unnecessary() {
    let ready = |variables: &[(&str, &str)]| {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        ReadyMade::of(|name| variables.get(name).map(ToString::to_string))
    };
    let all = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "eu-west-1")];
    assert_eq!(ready(&all), ReadyMade { credentials: true, region: true });
    assert_eq!(ready(&all[..2]), ReadyMade { credentials: true, region: false });
    assert_eq!(ready(&[all[0], all[2]]), ReadyMade { credentials: false, region: true });
    assert_eq!(ready(&all[1..]), ReadyMade { credentials: false, region: true });
    let blank = all.map(|(name, _)| (name, " "));
    assert_eq!(ready(&blank), ReadyMade { credentials: false, region: false });
}
