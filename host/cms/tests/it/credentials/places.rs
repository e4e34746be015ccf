//! Each place that may have credentials, and their order.

use serde_json::{Value, json};

use super::run;

#[test]
fn places_are_asked_in_their_order() {
    run(async |place| {
        // From the last to the first: each one that is added goes before.
        place.set("ECS_METADATA_DISABLED", "true");
        place.set("CREDENTIALS_URI", place.uri.uri());
        assert_eq!(place.fresh().await, "uri");
        place.set("ECS_METADATA_DISABLED", "");
        assert_eq!(place.fresh().await, "instance");
        let ini = "[default]\ntype = access_key # a comment\naccess_key_id = ini\naccess_key_secret = hush-ini\n";
        place.write(".alibabacloud/credentials", ini);
        assert_eq!(place.fresh().await, "ini");
        place.profile(json!({ "name": "here", "mode": "AK", "access_key_id": "profile", "access_key_secret": "hush-p" }));
        assert_eq!(place.fresh().await, "profile");
        place.set("ROLE_ARN", "acs:ram::1:role/r");
        place.set("OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p");
        place.set("OIDC_TOKEN_FILE", place.write("token", "hush.oidc\n"));
        assert_eq!(place.fresh().await, "role");
        place.set("ACCESS_KEY_ID", "environment");
        assert_eq!(place.fresh().await, "role", "half of a key is none");
        place.set("ACCESS_KEY_SECRET", "hush-environment");
        assert_eq!(place.fresh().await, "environment");
    });
}

#[test]
fn nothing_says_what_was_tried() {
    run(async |place| {
        place.set("ECS_METADATA_DISABLED", "true");
        let home = place.home.path().display().to_string();
        assert_eq!(
            place.fresh().await.replace(&home, "~"),
            "environment: ALIBABA_CLOUD_ACCESS_KEY_ID is not set; OIDC role: ALIBABA_CLOUD_ROLE_ARN is not set; \
             ~/.aliyun/config.json: ~/.aliyun/config.json cannot be read: entity not found; \
             credentials file: ~/.alibabacloud/credentials cannot be read: entity not found; \
             ECS instance: ALIBABA_CLOUD_ECS_METADATA_DISABLED=true; \
             credentials URI: ALIBABA_CLOUD_CREDENTIALS_URI is not set"
        );
    });
}

#[test]
fn each_mode_of_a_profile() {
    run(async |place| {
        place.set("ECS_METADATA_DISABLED", "true");
        let own =
            json!({ "name": "here", "access_key_id": "own", "access_key_secret": "hush-own" });
        let with = |mode: &str, more: Value| {
            let mut profile = own.clone();
            profile["mode"] = json!(mode);
            for (name, value) in more.as_object().expect("an object") {
                profile[name] = value.clone();
            }
            place.profile(profile);
        };
        with("AK", json!({}));
        assert_eq!(place.fresh().await, "own");
        with("StsToken", json!({ "sts_token": "hush-token" }));
        assert_eq!(place.fresh().await, "own");
        let role = json!({ "ram_role_arn": "acs:ram::1:role/r", "ram_session_name": "s", "expired_seconds": 1800 });
        with("RamRoleArn", role);
        assert_eq!(place.fresh().await, "role");
        let asked = place.sts.asked().pop().expect("asked");
        assert_eq!(asked["Action"], "AssumeRole");
        assert_eq!(
            (
                asked["RoleSessionName"].as_str(),
                asked["DurationSeconds"].as_str()
            ),
            ("s", "1800")
        );
        let file = place.write("token", "hush.oidc");
        with(
            "OIDC",
            json!({ "ram_role_arn": "r", "oidc_provider_arn": "p", "oidc_token_file": file }),
        );
        assert_eq!(place.fresh().await, "role");
        assert!(
            !place
                .sts
                .asked()
                .pop()
                .expect("asked")
                .contains_key("AccessKeyId")
        );
        place.set("ECS_METADATA_DISABLED", "");
        with("EcsRamRole", json!({ "ram_role_name": "a-role" }));
        assert_eq!(place.fresh().await, "instance");

        place.set("ECS_METADATA_DISABLED", "true");
        for (mode, more, said) in [
            (
                "CloudSSO",
                json!({}),
                "the mode \"CloudSSO\", which is not known here",
            ),
            ("StsToken", json!({}), "its profile has no sts_token"),
            ("RamRoleArn", json!({}), "its profile has no ram_role_arn"),
            (
                "AK",
                json!({ "access_key_secret": ["hush"] }),
                "is no configuration of the command",
            ),
            (
                "AK",
                json!({ "access_key_secret": "hush\n" }),
                "the key's secret is missing, too long, or has",
            ),
            (
                "AK",
                json!({ "access_key_id": "a".repeat(20_000) }),
                "the key's id is missing, too long, or has",
            ),
        ] {
            with(mode, more);
            let told = place.fresh().await;
            assert!(told.contains(said), "{told}");
        }
        place.set("PROFILE", "there");
        assert!(place.fresh().await.contains("has no profile \"there\""));
        place.write(".aliyun/config.json", "{\"current\": \"hush");
        assert!(
            place
                .fresh()
                .await
                .contains("is no configuration of the command")
        );
        place.write(".aliyun/config.json", vec![b' '; 2 << 20]);
        assert!(place.fresh().await.contains("has more than 1048576 bytes"));
    });
}

#[test]
fn each_type_of_an_ini_file() {
    run(async |place| {
        place.set("ECS_METADATA_DISABLED", "true");
        let ini = |section: &str, text: &str| {
            let text = format!("[other]\ntype = access_key\n[{section}]\n{text}\n");
            place.set("CREDENTIALS_FILE", place.write("elsewhere.ini", text));
        };
        let own = "access_key_id = own\naccess_key_secret = hush-own";
        ini(
            "default",
            &format!("type = sts\n{own}\nsecurity_token = hush"),
        );
        assert_eq!(place.fresh().await, "own");
        ini(
            "default",
            &format!("type = ram_role_arn\n{own}\nrole_arn = acs:ram::1:role/r"),
        );
        assert_eq!(place.fresh().await, "role");
        let file = place.write("token", "hush.oidc");
        ini(
            "default",
            &format!(
                "type = oidc_role_arn\nrole_arn = r\noidc_provider_arn = p\noidc_token_file_path = {file}"
            ),
        );
        assert_eq!(place.fresh().await, "role");
        ini("default", "type = rsa_key_pair\nprivate_key = hush");
        assert!(place.fresh().await.contains("the mode \"rsa_key_pair\""));
        ini("default", "access_key_secret = hush");
        assert!(place.fresh().await.contains("its profile has no type"));
        ini("mine", &format!("type = access_key\n{own}"));
        assert!(place.fresh().await.contains("has no profile \"default\""));
        place.set("PROFILE", "mine");
        assert_eq!(place.fresh().await, "own");
        ini("default", "hush [unfinished");
        assert!(!place.fresh().await.contains("own"));
    });
}

#[test]
fn an_instance_is_asked_with_a_token_and_without_only_where_that_is_not_forbidden() {
    run(async |place| {
        assert_eq!(place.fresh().await, "instance");
        let asked = place.metadata.asked();
        let role = "/latest/meta-data/ram/security-credentials/";
        let expected = [
            "PUT /latest/api/token".to_owned(),
            format!("GET {role}"),
            format!("GET {role}a-role"),
        ];
        assert_eq!(asked, expected);
        place.metadata.versions(true, false);
        place.set("ECS_METADATA", "a-role");
        assert_eq!(place.fresh().await, "instance");
        assert_eq!(
            place.metadata.asked().len(),
            3 + 2,
            "a role that is named is not asked for"
        );
        place.metadata.versions(false, true);
        assert_eq!(place.fresh().await, "instance");
        place.set("IMDSV1_DISABLED", "true");
        let told = place.fresh().await;
        assert!(
            told.contains("ECS instance: the instance's metadata: HTTP 404"),
            "{told}"
        );
        place.metadata.versions(true, true);
        assert_eq!(place.fresh().await, "instance");
        place.set("ECS_METADATA", "../../user-data");
        assert!(
            place
                .fresh()
                .await
                .contains("no role of a name that can be one")
        );
    });
}
