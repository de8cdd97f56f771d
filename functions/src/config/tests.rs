use super::*;

const KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

fn from(settings: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    |name| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

fn read(settings: &[(&str, &str)]) -> Result<SyncConfig, ConfigError> {
    SyncConfig::read(from(settings))
}

#[test]
fn two_settings_suffice() {
    let config =
        read(&[(SERVICES, r#"{"cloud-object-storage":{"url":"https://cos.example/"}}"#), (SIGNING_KEY, KEY)])
            .unwrap();
    assert_eq!(config.iam.issuer, "https://iam.cloud.ibm.com/identity");
    assert_eq!(config.caller_limit.map(NonZeroU32::get), Some(600));
    let common = config.common;
    assert_eq!((common.table.as_str(), common.addresses), ("keysync", AddressPolicy::PublicOnly));
    assert_eq!(
        (common.callback_timeout, common.request_timeout),
        (Duration::from_secs(5), Duration::from_secs(25))
    );
}

#[test]
fn error_lists_every_problem() {
    let ConfigError(problems) = read(&[
        (TABLE, " "),
        (DYNAMODB_CLIENT, "fat"),
        (REGION, "us south"),
        (SERVICE, "s3"),
        (LOG, "inof"),
        (METRICS_NAMESPACE, "key sync"),
        (IAM_URL, "http://iam.example"),
        (IAM_ISSUER, "iam"),
        (CALLBACK_TIMEOUT, "5"),
        (REQUEST_TIMEOUT, "0s"),
        (LOOPBACK_TEST_MODE, "yes"),
        (CALLER_LIMIT, "0"),
        (SIGNING_KEY, "whsk_hunter2"),
    ])
    .unwrap_err();
    let text = problems.join("\n");
    for name in [
        TABLE,
        DYNAMODB_CLIENT,
        REGION,
        SERVICE,
        LOG,
        METRICS_NAMESPACE,
        IAM_URL,
        IAM_ISSUER,
        CALLBACK_TIMEOUT,
        REQUEST_TIMEOUT,
        LOOPBACK_TEST_MODE,
        CALLER_LIMIT,
        SIGNING_KEY,
        SERVICES,
    ] {
        assert!(text.contains(name), "{name} is missing in\n{text}");
    }
    assert_eq!(problems.len(), 14, "{text}");
    assert!(!text.contains("hunter2"), "secret in the error");
}

#[test]
fn callback_timeout_fits_into_request_timeout() {
    let with = |callback, request| {
        let services = r#"{"databases":{"url":"https://db.example","timeoutSeconds":22}}"#;
        let timeouts = [(CALLBACK_TIMEOUT, callback), (REQUEST_TIMEOUT, request)];
        let settings = [&[(SERVICES, services), (SIGNING_KEY, KEY)][..], &timeouts].concat();
        CommonConfig::read(from(&settings)).map(drop).map_err(|ConfigError(problems)| problems.join("\n"))
    };
    assert_eq!(with("22999ms", "25s"), Ok(()));
    let message = with("23s", "25s").unwrap_err();
    assert!(message.contains(CALLBACK_TIMEOUT) && message.contains("less than 23s"), "{message}");
    let message = with("5s", "24s").unwrap_err();
    assert!(message.contains("`timeoutSeconds` of `databases` must be less than 22s"), "{message}");
}

#[test]
fn rejects_value_that_is_not_utf_8() {
    let ConfigError(problems) =
        read(&[(IAM_URL, "https://iam\u{fffd}.example"), (SERVICES, "{}"), (SIGNING_KEY, KEY)]).unwrap_err();
    assert_eq!(problems, [format!("{IAM_URL} must be valid UTF-8")]);
}

#[test]
fn requires_exactly_one_signing_key_setting() {
    let with = |settings: &[(&str, &str)]| {
        let settings = [&[(SERVICES, "{}")], settings].concat();
        CommonConfig::read(from(&settings)).map_err(|ConfigError(problems)| problems)
    };
    let (key, secret) = ((SIGNING_KEY, KEY), (SIGNING_KEY_SECRET, "keysync/signing-key"));
    assert!(matches!(with(&[key]).unwrap().signing_keys.keys, KeySource::Given(_)));
    assert!(matches!(with(&[secret]).unwrap().signing_keys.keys, KeySource::Secret(_)));
    assert_eq!(
        with(&[]).unwrap_err(),
        [format!("{SIGNING_KEY} or {SIGNING_KEY_SECRET} is required, and neither is set")]
    );
    assert_eq!(
        with(&[key, secret]).unwrap_err(),
        [format!("{SIGNING_KEY} and {SIGNING_KEY_SECRET} are both set; remove one of them")]
    );
    let [pasted] = &with(&[(SIGNING_KEY_SECRET, KEY)]).unwrap_err()[..] else { panic!("one problem") };
    assert!(pasted.starts_with(SIGNING_KEY_SECRET) && !pasted.contains(KEY), "{pasted}");
}

#[test]
fn symmetric_signature_requires_the_secret_with_its_keys() {
    let with = |flag: bool, secret: &[(&str, &str)]| {
        let services = format!(r#"{{"a":{{"url":"https://a.example","symmetricSignature":{flag}}}}}"#);
        let settings = [&[(SERVICES, services.as_str()), (SIGNING_KEY, KEY)], secret].concat();
        let read = CommonConfig::read(from(&settings)).map_err(|ConfigError(problems)| problems);
        read.map(|config| config.signing_keys.symmetric.map(|symmetric| symmetric.secret.to_string()))
    };
    let secret = [(SERVICE_SECRETS, "keysync/service-secrets")];
    assert_eq!(with(true, &secret), Ok(Some("keysync/service-secrets".to_owned())));
    assert_eq!(with(false, &secret), Ok(None), "not fetched");
    assert_eq!(with(false, &[]), Ok(None));
    assert_eq!(with(true, &[]), Err(vec![format!("{SERVICE_SECRETS} is required and not set")]));
    assert!(with(true, &[(SERVICE_SECRETS, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]).is_err());
}

#[test]
fn each_function_requires_only_its_settings() {
    let enough = [(SERVICES, "{}"), (SIGNING_KEY, KEY)];
    assert!(CommonConfig::read(from(&enough)).is_ok());
    let ConfigError(problems) = LifecycleConfig::read(from(&enough)).unwrap_err();
    assert_eq!(problems, [format!("{DEAD_LETTER_QUEUE} is required and not set")]);
    let with =
        |queue| LifecycleConfig::read(from(&[enough[0], enough[1], (DEAD_LETTER_QUEUE, queue)])).map(drop);
    assert!(with("https://sqs.us-east-1.amazonaws.com/123456789012/dead").is_ok());
    assert!(with("dead").is_err() && with("https://sqs.us-east-1.amazonaws.com").is_err());
}

#[test]
fn iam_without_tls_requires_test_mode_and_loopback() {
    let with =
        |url| read(&[(IAM_URL, url), (LOOPBACK_TEST_MODE, "on"), (SERVICES, "{}"), (SIGNING_KEY, KEY)]);
    assert!(with("http://127.0.0.1:8080").is_ok() && with("http://localhost:1").is_ok());
    assert!(with("http://iam.example").is_err());
}
