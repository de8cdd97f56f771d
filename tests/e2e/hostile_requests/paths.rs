//! Hostile paths: the API is one path, compared as it was sent.

use super::{BAD_FIELD, PASSES, Target, UNKNOWN_KEY, UNKNOWN_PATH};

/// A path is compared byte by byte, without the normalization of a proxy or a file system.
#[tokio::test]
async fn altered_path_returns_404() {
    let target = Target::new().await;
    let key = &target.world.key;
    let long = "a/".repeat(50_000);
    let paths = [
        "",
        "/",
        "*",
        " ",
        "//",
        "/.",
        "/..",
        "/api/v2/keys",
        "/api/v2/keys/",
        "/robots.txt",
        "/.well-known/jwks.json/",
        "/.well-known/../.well-known/jwks.json",
        "/.WELL-KNOWN/jwks.json",
        "/.well-known/jwks.json%00",
        "//api/v2/keys/{key}/actions/sync",
        "/api//v2/keys/{key}/actions/sync",
        "/api/v2//keys/{key}/actions/sync",
        "/api/v2/keys//{key}/actions/sync",
        "/api/v2/keys/{key}//actions/sync",
        "/api/v2/keys/{key}/actions//sync",
        "/api/v2/keys/{key}/actions/sync/",
        "/api/v2/keys/{key}/actions/sync//",
        "/api/v2/keys/{key}/actions/sync/.",
        "/api/v2/keys/{key}/actions/sync/..",
        "/api/v2/keys/{key}/actions/./sync",
        "/./api/v2/keys/{key}/actions/sync",
        "/api/v2/keys/../keys/{key}/actions/sync",
        "/api/v2/keys/{key}/../{key}/actions/sync",
        "/api/v2/keys/x/../{key}/actions/sync",
        "/../api/v2/keys/{key}/actions/sync",
        "/api/v2/%6beys/{key}/actions/sync",
        "/api/v2/keys/{key}/actions/%73ync",
        "/api/v2/keys/{key}/actions/sync%00",
        "/api/v2/keys/{key}%2factions%2fsync",
        "/api/v2/keys/{key}/actions%2Fsync",
        "%2fapi/v2/keys/{key}/actions/sync",
        "/API/V2/KEYS/{key}/ACTIONS/SYNC",
        "/api/v2/keys/{key}/actions/Sync",
        "/api/v3/keys/{key}/actions/sync",
        "/api/v2/keys/{key}/actions/sync.json",
        "/api/v2/keys/{key}/actions/sync;a=b",
        "/api/v2/keys/{key}/actions/sync?",
        "/api/v2/keys/{key}/actions/sync#",
        "/api/v2/keys/{key}/actions/sync ",
        " /api/v2/keys/{key}/actions/sync",
        "/api/v2/keys/{key}/actions/sync\r\n",
        "/api/v2/keys/{key}/actions/sync\0",
        "api/v2/keys/{key}/actions/sync",
        "\\api\\v2\\keys\\{key}\\actions\\sync",
        "/api/v2/keys/{key}\\actions\\sync",
        "/\u{2028}/api/v2/keys/{key}/actions/sync",
        "https://elsewhere.example/api/v2/keys/{key}/actions/sync",
        "//elsewhere.example/api/v2/keys/{key}/actions/sync",
        "/$default/api/v2/keys/{key}/actions/sync",
        &format!("/api/v2/keys/{long}actions/sync"),
        &format!("/{long}"),
    ];
    target
        .assert_responses(
            paths.map(|path| (UNKNOWN_PATH, target.with("/rawPath", path.replace("{key}", key)))),
        )
        .await;
}

/// A key's identifier or alias is never decoded.
#[tokio::test]
async fn malformed_key_identifier_returns_400() {
    let target = Target::new().await;
    let key = &target.world.key;
    let encoded = key.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let wide: String = key.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
    let names = [
        "",
        ".",
        "..",
        "%2e%2e",
        "...",
        " ",
        "%20",
        "+",
        "*",
        "%",
        "%00",
        "\0",
        "%zz",
        "%u0030",
        "%c0%af",
        "%ef%bc%8f",
        "{key}%00",
        "{key}\0",
        "{key}%0d%0aset-cookie:a=b",
        "{key}\r\nset-cookie: a=b",
        "{key} ",
        "{key}+",
        "{key};a=b",
        "{key}?a=b",
        "{key}#a",
        "{key}&{key}",
        "{key},{key}",
        "{key}%2f..",
        "{key}%252f",
        "{{key}}",
        "urn:uuid:{key}",
        "' OR 1=1 --",
        "key' OR attribute_exists(pk)",
        "{\"S\":\"key\"}",
        "#pk",
        ":pk",
        "alias#x",
        "<script>",
        "${jndi:a}",
        "key\u{202e}yek",
        "kéy",
        "\u{feff}{key}",
        "00000000-0000-0000-0000-000000000000",
        &encoded,
        &wide,
        &"a".repeat(91),
        &"%41".repeat(20_000),
        &"é".repeat(50_000),
    ];
    let path = |name: &str| format!("/api/v2/keys/{}/actions/sync", name.replace("{key}", key));
    target.assert_responses(names.map(|name| (BAD_FIELD, target.with("/rawPath", path(name))))).await;
}

/// Other forms of the path, and other paths in the event, name no other key.
#[tokio::test]
async fn path_decoration_names_no_other_key() {
    let target = Target::new().await;
    let key = &target.world.key;
    let path = |name: &str| format!("/api/v2/keys/{name}/actions/sync");
    target
        .assert_responses([
            (PASSES, target.with("/rawPath", path(&key.to_uppercase()))),
            (PASSES, target.with("/requestContext/http/path", "/.well-known/jwks.json")),
            (PASSES, target.with("/requestContext/stage", "../..")),
            (UNKNOWN_KEY, target.with("/rawPath", path("constructor"))),
            (UNKNOWN_KEY, target.with("/rawPath", path("__proto__"))),
            (UNKNOWN_KEY, target.with("/rawPath", path("-key"))),
            (UNKNOWN_KEY, target.with("/rawPath", path("NULL"))),
        ])
        .await;
}
