//! The console answers by names of this machine only: its cookies may go unencrypted, and a page whose site's name
//! was made to resolve to this machine would share an origin with it.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use crate::is_this_machine;

pub(crate) async fn check(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    if host.is_none_or(|host| host.to_str().is_ok_and(is_this_machine)) {
        return next.run(request).await;
    }
    let text = "This console is for browsers on its own machine: open it as http://127.0.0.1 or http://localhost, with its port.";
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}
