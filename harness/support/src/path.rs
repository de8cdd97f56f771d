//! URL path segments.

/// Percent-encodes a string as one path segment (RFC 3986, section 3.3).
///
/// ```
/// assert_eq!(keysync_emulator_support::path::segment("../a b?c"), "..%2Fa%20b%3Fc");
/// ```
#[must_use]
pub fn segment(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
