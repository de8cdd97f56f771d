//! Copies the body of a message while it passes, so that the journal has it and a stream stays a
//! stream.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Error,
    body::{Body, Bytes},
};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

/// The length to which a body is stored, in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// The copy of a body until now. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Copied(Arc<Mutex<Stored>>);

#[derive(Debug, Default)]
struct Stored {
    /// The first bytes.
    start: Vec<u8>,
    /// The length of all bytes.
    bytes: usize,
}

impl Copied {
    /// The copy of a body of `bytes` bytes that starts with this text.
    pub(super) fn of(text: String, bytes: usize) -> Self {
        let mut start = text.into_bytes();
        start.truncate(MAX_BODY_BYTES);
        Self(Arc::new(Mutex::new(Stored { start, bytes })))
    }

    /// The stored part as text, in which U+FFFD replaces bytes that are not UTF-8.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().start).into_owned()
    }

    /// The length of the body, in bytes, of which fewer may be stored.
    pub(super) fn bytes(&self) -> usize {
        self.0.lock().bytes
    }

    /// Whether all of the body is stored.
    pub(super) fn is_complete(&self) -> bool {
        let copy = self.0.lock();
        copy.start.len() == copy.bytes
    }

    fn add(&self, data: &[u8]) {
        let mut copy = self.0.lock();
        copy.bytes += data.len();
        let room = MAX_BODY_BYTES - copy.start.len();
        copy.start.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// The same body, which is copied while it is read.
    pub(super) fn around(&self, body: Body) -> Body {
        Body::new(Tee { body, copy: self.clone() })
    }
}

struct Tee {
    body: Body,
    copy: Copied,
}

impl HttpBody for Tee {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.copy.add(data);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
