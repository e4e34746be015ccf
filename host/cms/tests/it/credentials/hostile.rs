//! Answers and files that are not what they should be: each is told, bounded, and not repeated.

use std::time::Duration;

use lockgate_stand_ins::Fault;
use serde_json::{Value, json};

use super::run;

#[test]
fn hostile_answers_are_told_and_bounded() {
    run(async |place| {
        place.set("ECS_METADATA", "a-role");
        let key = json!({
            "Code": "Success", "AccessKeyId": "i", "AccessKeySecret": "hush", "SecurityToken": "hush",
            "Expiration": "2099-01-01T00:00:00Z",
        });
        let with = |name: &str, value: Value| {
            let mut answer = key.clone();
            answer[name] = value;
            answer.to_string()
        };
        place.metadata.answer(200, &key.to_string());
        assert_eq!(place.fresh().await, "i");
        let long = "hush".repeat(5_000);
        for (status, body, said) in [
            (
                200,
                with("Code", json!("Failed")),
                "does not say `\"Code\":\"Success\"`",
            ),
            (
                200,
                with("Code", Value::Null),
                "does not say `\"Code\":\"Success\"`",
            ),
            (
                200,
                with("AccessKeySecret", json!(7)),
                "the answer is not what it should be",
            ),
            (
                200,
                with("Expiration", json!("hush")),
                "the answer is not what it should be",
            ),
            (
                200,
                with("Expiration", json!("2001-01-01T00:00:00Z")),
                "what it gives has expired",
            ),
            (
                200,
                with("SecurityToken", json!(long)),
                "the token is missing, too long, or has",
            ),
            (
                200,
                with("SecurityToken", json!("")),
                "the token is missing, too long, or has",
            ),
            (
                200,
                "hush, no JSON".to_owned(),
                "the answer is not what it should be",
            ),
            (
                200,
                "[".repeat(60_000),
                "the answer is not what it should be",
            ),
            (
                200,
                "hush".repeat(50_000),
                "the answer has more than 65536 bytes",
            ),
            (500, "hush".to_owned(), "HTTP 500"),
            (302, String::new(), "HTTP 302"),
        ] {
            place.metadata.answer(status, &body);
            let told = place.fresh().await;
            assert!(told.contains(said), "{said}: {told}");
        }
        let before = place.time.now();
        place.metadata.faults().run(|| Some(Fault::Hang));
        assert!(place.fresh().await.contains("no answer within 1s"));
        let waited = place.time.now().duration_since(before).expect("later");
        assert_eq!(
            waited,
            Duration::from_secs(2),
            "one for the token, one for the key"
        );
        place.metadata.faults().run(|| Some(Fault::Reset));
        assert!(
            place
                .fresh()
                .await
                .contains("ECS instance: the instance's metadata: ")
        );
    });
}

#[test]
fn sts_is_not_quoted() {
    run(async |place| {
        place.set("ECS_METADATA_DISABLED", "true");
        place.set("ROLE_ARN", "acs:ram::1:role/r");
        place.set("OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p");
        place.set("OIDC_TOKEN_FILE", place.write("token", "hush.an-old-one"));
        let told = place.fresh().await;
        assert!(
            told.contains("OIDC role: STS: HTTP 400, AuthenticationFail.OIDCToken.Invalid;"),
            "{told}"
        );
        let own = "type = ram_role_arn\naccess_key_id = own\naccess_key_secret = hush-wrong\nrole_arn = r";
        place.write(".alibabacloud/credentials", format!("[default]\n{own}"));
        let told = place.fresh().await;
        assert!(
            told.contains("credentials file: STS: HTTP 400, SignatureDoesNotMatch;"),
            "{told}"
        );
        place.sts.faults().run(|| Some(Fault::Hang));
        assert!(place.fresh().await.contains("STS: no answer within 10s"));
    });
}

#[test]
fn what_is_no_file_is_not_read() {
    run(async |place| {
        place.set("ECS_METADATA_DISABLED", "true");
        std::fs::create_dir_all(place.home.path().join(".aliyun/config.json")).expect("a folder");
        place.set("CREDENTIALS_FILE", "/dev/zero");
        let told = place.fresh().await;
        assert!(
            told.contains("config.json is no file") && told.contains("/dev/zero is no file"),
            "{told}"
        );
    });
}
