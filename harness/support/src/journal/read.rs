//! What the journal returns: exchanges with masked secrets, or with secrets where a test asks for
//! them.

use axum::http::HeaderName;

use super::{Entry, Exchange, Journal, Message, Newest, RequestFilter, Stored, mask::Mask};
use crate::{headers, secret_scanner::KnownSecrets};

impl Journal {
    /// The exchanges until now, oldest first. Secrets are masked.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.matching(&RequestFilter::default())
    }

    /// The exchanges that a filter selects, oldest first. Secrets are masked.
    #[must_use]
    pub fn matching(&self, filter: &RequestFilter) -> Vec<Exchange> {
        self.page(filter, Newest::default())
    }

    /// A part of the exchanges that a filter selects, oldest first. Secrets are masked.
    #[must_use]
    pub fn page(&self, filter: &RequestFilter, newest: Newest) -> Vec<Exchange> {
        self.select(filter, newest, Entry::masked)
    }

    /// The number of exchanges that a filter selects.
    #[must_use]
    pub fn count(&self, filter: &RequestFilter) -> usize {
        self.recorded().exchanges.iter().filter(|entry| filter.selects(entry)).count()
    }

    /// The exchange with this number, if it is still stored. Secrets are masked.
    #[must_use]
    pub fn exchange(&self, number: usize) -> Option<Exchange> {
        self.recorded().entry(number).map(|entry| entry.masked(&self.0.secrets))
    }

    /// The exchanges that a filter selects, with secrets such as tokens and API keys: for a test
    /// that compares them, and never for a log.
    #[must_use]
    pub fn matching_with_secrets(&self, filter: &RequestFilter) -> Vec<Exchange> {
        self.page_with_secrets(filter, Newest::default())
    }

    /// A part of them, with secrets.
    #[must_use]
    pub fn page_with_secrets(&self, filter: &RequestFilter, newest: Newest) -> Vec<Exchange> {
        self.select(filter, newest, |entry, _| entry.complete())
    }

    fn select(
        &self,
        filter: &RequestFilter,
        Newest { last, skip }: Newest,
        read: impl Fn(&Entry, &KnownSecrets) -> Exchange,
    ) -> Vec<Exchange> {
        let recorded = self.recorded();
        let selected = recorded.exchanges.iter().rev().filter(|entry| filter.selects(entry));
        let newest = selected.skip(skip.unwrap_or(0)).take(last.unwrap_or(usize::MAX));
        let mut newest: Vec<_> = newest.map(|entry| read(entry, &self.0.secrets)).collect();
        newest.reverse();
        newest
    }
}

impl Entry {
    /// The exchange with its secrets.
    fn complete(&self) -> Exchange {
        let message = |message: &Stored| message.read(|_, value| value.to_owned(), |body| body);
        Exchange {
            request: message(&self.request),
            response: self.response.as_ref().map(message),
            ..self.outline.clone()
        }
    }

    /// The exchange with masked secrets.
    fn masked(&self, secrets: &KnownSecrets) -> Exchange {
        self.masked_by(&Mask::all(secrets))
    }

    pub(super) fn masked_by(&self, mask: &Mask<'_>) -> Exchange {
        let message = |message: &Stored| {
            let is_complete = message.body.is_complete();
            message.read(
                |name, value| mask.header(name, value),
                |body| mask.body(&message.headers, &body, is_complete),
            )
        };
        Exchange {
            path: mask.text(&self.outline.path),
            request: message(&self.request),
            response: self.response.as_ref().map(message),
            ..self.outline.clone()
        }
    }
}

impl Stored {
    fn read(
        &self,
        header: impl Fn(&HeaderName, &str) -> String,
        body: impl FnOnce(String) -> String,
    ) -> Message {
        let value = |name| header(name, &headers::joined(&self.headers, name));
        Message {
            headers: self.headers.keys().map(|name| (name.to_string(), value(name))).collect(),
            body: body(self.body.text()),
            body_bytes: self.body.bytes(),
        }
    }
}
