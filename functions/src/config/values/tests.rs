use super::*;

#[test]
fn table_is_a_name_or_an_arn() {
    let arn = "arn:aws:dynamodb:us-east-1:123456789012:table/keysync";
    let china = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/keysync";
    for good in ["keysync", "key", "keysync-Table_1.A", &"a".repeat(255), arn, china] {
        assert_eq!(parse_table(good).as_deref(), Ok(good));
    }
    for bad in [
        "",
        " ",
        "ab",
        "key sync",
        "keysync\n",
        "keysync\u{0}",
        "schlüssel",
        "keysync/x",
        &"a".repeat(256),
        "arn:aws",
        "arn:aws:dynamodb:us-east-1:123456789012:table/",
        "arn:aws:s3:us-east-1:123456789012:table/keysync",
        "arn:aws:dynamodb:us east:123456789012:table/keysync",
        "arn:aws:dynamodb:us-east-1:12345:table/keysync",
        "arn:aws:dynamodb:us-east-1:123456789012:table/keysync/index/due",
    ] {
        let message = parse_table(bad).expect_err(bad);
        assert!(message.contains("a DynamoDB table") && !message.contains(['\n', '\0']), "{message}");
    }
}

#[test]
fn region_consists_of_lower_case_words() {
    for good in ["us-south", "eu-de", "jp-tok", "eu-fr2", "global"] {
        assert_eq!(parse_region(good).as_deref(), Ok(good));
    }
    for bad in [
        "",
        " ",
        "us south",
        "us-south\n",
        "US-South",
        "us-",
        "-us",
        "u",
        "us:south",
        "us/south",
        &"a".repeat(33),
    ] {
        parse_region(bad).expect_err(bad);
    }
}

#[test]
fn service_is_hs_crypto_or_kms() {
    assert!(parse_service("hs-crypto").is_ok() && parse_service("kms").is_ok());
    for bad in ["", "HS-Crypto", "kms ", "s3"] {
        assert!(parse_service(bad).expect_err(bad).contains("`hs-crypto` or `kms`"));
    }
}

#[test]
fn numbers_have_bounds_and_no_sign() {
    assert_eq!(parse_limit("off"), Ok(None));
    assert_eq!(parse_limit("9999999").unwrap().map(NonZeroU32::get), Some(9_999_999));
    for bad in ["", "0", "+1", "-1", "1.5", "10000000", "4294967296", "99999999999999999999", "1 ", "Off"] {
        assert!(parse_limit(bad).expect_err(bad).contains("from 1 to 9999999"), "{bad}");
    }
}

#[test]
fn durations_have_bounds_and_a_unit() {
    let parse = |text| parse_duration(text, &REQUEST_TIMEOUTS);
    assert_eq!(parse("3s"), Ok(Duration::from_secs(3)));
    assert_eq!(parse("25500ms"), Ok(Duration::from_millis(25_500)));
    assert_eq!(parse("900s"), Ok(Duration::from_mins(15)));
    for bad in
        ["", "s", "ms", "5", "5 s", "+5s", "-5s", "5m", "0s", "2s", "901s", "18446744073709551615s", "1e9s"]
    {
        let message = parse(bad).expect_err(bad);
        assert!(message.contains("from 3s to 900s"), "{message}");
    }
}

#[test]
fn rejects_urls_with_credentials_query_or_port_0() {
    let at = |text: &str| parse_iam_url(text, AddressPolicy::PublicOnly);
    for good in ["https://iam.cloud.ibm.com", "https://iam.test.example:8443/a/"] {
        assert!(at(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "iam",
        "iam.cloud.ibm.com",
        "https://",
        "https:///",
        "http://iam.cloud.ibm.com",
        "ftp://iam.cloud.ibm.com",
        "http://127.0.0.1:1",
        "https://a b.example",
        "https://a.example/\n",
        " https://a.example",
        "https://a.example:0/",
        "https://a.example:99999/",
        "https://a.example/?b",
        "https://a.example/#b",
        "https://user@a.example/",
        &format!("https://a.example/{}", "a".repeat(2048)),
    ] {
        assert!(at(bad).expect_err(bad).chars().count() < 250, "{bad}");
    }
    let on_loopback = |text: &str| parse_iam_url(text, AddressPolicy::LoopbackTest);
    assert!(on_loopback("http://127.0.0.1:1").is_ok() && on_loopback("http://a.example").is_err());
    let issuer = |text: &str| parse_issuer(text, AddressPolicy::PublicOnly);
    assert_eq!(issuer("https://a.example/identity").as_deref(), Ok("https://a.example/identity"));
    assert!(issuer("iam").is_err() && issuer(" ").is_err());
}

#[test]
fn queue_url_names_account_and_queue() {
    let at = |text: &str| parse_queue_url(text, AddressPolicy::PublicOnly);
    assert!(at("https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters").is_ok());
    for bad in [
        "dead",
        "https://sqs.us-east-1.amazonaws.com",
        "https://sqs.us-east-1.amazonaws.com/dead",
        "https://sqs.us-east-1.amazonaws.com/123456789012/",
        "https://sqs.us-east-1.amazonaws.com/1/a/b",
        "http://sqs.us-east-1.amazonaws.com/123456789012/dead",
        "https://sqs.us-east-1.amazonaws.com/1/a%20b",
        "https://sqs.us-east-1.amazonaws.com/123456789012/dead.fifo",
    ] {
        at(bad).expect_err(bad);
    }
}

#[test]
fn test_mode_accepts_queue_url_of_emulator() {
    for good in [
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/dead",
        "http://localstack:4566/000000000000/dead",
        "http://localhost:4566/queue/us-east-1/000000000000/dead",
    ] {
        assert!(parse_queue_url(good, AddressPolicy::LoopbackTest).is_ok(), "{good}");
        assert!(parse_queue_url(good, AddressPolicy::PublicOnly).is_err(), "{good}");
    }
}
