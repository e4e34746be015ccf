//! The chain: each place and their order, refreshing before the end, hostile answers, and that no secret is ever said.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lockgate_cms::{ChainConfig, CredentialChain, Environment};
use lockgate_stand_ins::{Fault, Gateway, Identity, Key, Lent, Metadata, UriServer, VirtualTime};
use serde_json::{Value, json};

use crate::support::{Virtual, client_with, config, datum, time};

const MINUTE: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3600);

/// What every secret in these tests has in it.
const SECRET: &str = "hush";

/// Where a chain looks, and servers that stand in for the real ones.
struct Place {
    time: VirtualTime,
    home: tempfile::TempDir,
    variables: Arc<Mutex<BTreeMap<String, String>>>,
    metadata: Metadata,
    sts: Identity,
    uri: UriServer,
    gateway: Gateway,
}

/// A key that is lent for so long.
fn lent(name: &str, time: &VirtualTime, lasts: Duration) -> Lent {
    let key = key(name).with_token(&format!("{SECRET}-{name}/token+="));
    let expires = time.now() + lasts;
    Lent { key, expires }
}

fn key(name: &str) -> Key {
    Key::new(name, &format!("{SECRET}-{name}"))
}

impl Place {
    async fn new(time: &VirtualTime) -> Self {
        let start = Metadata::start("a-role", lent("instance", time, HOUR), Some(time));
        let metadata = start.await.expect("metadata");
        let token = format!("{SECRET}.oidc");
        let start = Identity::start(key("own"), &token, lent("role", time, HOUR), Some(time));
        let sts = start.await.expect("STS");
        let uri = UriServer::start(lent("uri", time, HOUR), Some(time));
        Self {
            time: time.clone(),
            home: tempfile::tempdir().expect("a folder"),
            variables: Arc::default(),
            metadata,
            sts,
            uri: uri.await.expect("a URI"),
            gateway: Gateway::start_with(config(time)).await.expect("a gateway"),
        }
    }

    fn set(&self, name: &str, value: impl Into<String>) {
        let mut variables = self.variables.lock().expect("free");
        variables.insert(format!("ALIBABA_CLOUD_{name}"), value.into());
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    fn chain(&self) -> CredentialChain {
        let variables = self.variables.clone();
        let get = move |name: &str| variables.lock().expect("free").get(name).cloned();
        let home = Some(self.home.path().to_owned());
        let config = ChainConfig::new(Environment::of(get), home)
            .with_metadata(self.metadata.url())
            .with_sts(self.sts.url());
        CredentialChain::new(config, Arc::new(Virtual(self.time.clone())))
    }

    /// Which key a chain gives: the one key that the gateway takes a report with. Or what it says.
    async fn name(&self, chain: &Arc<CredentialChain>) -> String {
        match chain.get().await {
            Ok(credentials) => {
                let shown = format!("{credentials:?} {chain:?}");
                assert!(!shown.contains(SECRET), "{shown}");
                let id = shown.split('"').nth(1).unwrap_or_default();
                id.to_owned()
            }
            Err(error) => {
                let shown = format!("{error} {error:?} {chain:?}");
                assert!(!shown.contains(SECRET), "{shown}");
                error.to_string()
            }
        }
    }

    async fn fresh(&self) -> String {
        self.name(&Arc::new(self.chain())).await
    }

    fn profile(&self, profile: Value) {
        let file = json!({ "current": "here", "profiles": [{ "name": "x", "mode": 7 }, profile] });
        self.write(".aliyun/config.json", file.to_string());
    }
}

fn run(test: impl AsyncFnOnce(Place)) {
    let time = time();
    let test = async { test(Place::new(&time).await).await };
    time.run(test).expect("a runtime");
}

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
fn a_key_is_replaced_before_it_expires_and_its_file_is_read_again() {
    run(async |place| {
        place.set("ROLE_ARN", "acs:ram::1:role/r");
        place.set("OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p");
        place.set("OIDC_TOKEN_FILE", place.write("token", "hush.oidc"));
        let chain = Arc::new(place.chain());
        assert_eq!(place.name(&chain).await, "role");
        place.time.advance(40 * MINUTE);
        assert_eq!(place.name(&chain).await, "role");
        assert_eq!(place.sts.asked().len(), 1, "it lasts");

        place.write("token", "hush.oidc.2");
        place.sts.expect_token("hush.oidc.2");
        place.sts.lend(lent("role-2", &place.time, HOUR));
        place.time.advance(10 * MINUTE);
        assert_eq!(
            place.name(&chain).await,
            "role-2",
            "10 minutes before the end"
        );
        assert_eq!(place.sts.asked().len(), 2);
    });
}

#[test]
fn a_refresh_that_fails_leaves_what_has_not_expired() {
    run(async |place| {
        place.set("CREDENTIALS_URI", place.uri.uri());
        let chain = Arc::new(place.chain());
        assert_eq!(place.name(&chain).await, "instance");
        place.metadata.faults().run(|| {
            Some(Fault::Error {
                status: 500,
                code: "Broken".to_owned(),
            })
        });
        place.time.advance(55 * MINUTE);
        assert_eq!(place.name(&chain).await, "instance");
        let asked = place.metadata.asked().len();
        assert_eq!(
            place.name(&chain).await,
            "instance",
            "without asking at each call"
        );
        assert_eq!(place.metadata.asked().len(), asked);
        place.time.advance(6 * MINUTE);
        place.uri.lend(lent("uri-2", &place.time, HOUR));
        assert_eq!(
            place.name(&chain).await,
            "uri-2",
            "it is over, and the next place is asked"
        );
        place.metadata.faults().clear();
        place
            .metadata
            .lend(lent("instance-2", &place.time, 3 * HOUR));
        place.uri.lend(lent("uri-3", &place.time, 3 * HOUR));
        place.time.advance(50 * MINUTE);
        assert_eq!(
            place.name(&chain).await,
            "uri-3",
            "the last one that worked is asked first"
        );
    });
}

#[test]
fn callers_share_one_refresh() {
    run(async |place| {
        let chain = Arc::new(place.chain());
        let all = futures::future::join_all((0..50).map(|_| place.name(&chain))).await;
        assert!(all.iter().all(|name| name == "instance"), "{all:?}");
        assert_eq!(place.metadata.asked().len(), 3);
        place.time.advance(2 * HOUR);
        place.metadata.faults().run(|| Some(Fault::Hang));
        let before = place.time.now();
        let all = futures::future::join_all((0..50).map(|_| place.name(&chain))).await;
        assert!(
            all.iter().all(|told| told.contains("no answer within 1s")),
            "{all:?}"
        );
        let waited = place.time.now().duration_since(before).expect("later");
        assert!(
            waited <= Duration::from_secs(4),
            "a failure is shared, too: {waited:?}"
        );
        place.metadata.faults().clear();
        place.metadata.lend(lent("instance-2", &place.time, HOUR));
        assert_eq!(place.name(&chain).await, "instance-2", "and is not kept");
    });
}

#[test]
fn a_key_that_is_refused_is_looked_for_again() {
    run(async |place| {
        let ini = |name: &str| {
            let text = format!(
                "[default]\ntype = access_key\naccess_key_id = {name}\naccess_key_secret = hush-{name}\n"
            );
            place.write(".alibabacloud/credentials", text);
        };
        ini("old");
        let clock = Arc::new(Virtual(place.time.clone()));
        let client = client_with(&place.gateway, place.chain(), clock);
        place
            .gateway
            .change(|config| config.keys = vec![key("old")]);
        client
            .put_custom_metric(&[datum(0, 0)])
            .await
            .expect("taken");
        place
            .gateway
            .change(|config| config.keys = vec![key("new")]);
        ini("new");
        let refused = client.put_custom_metric(&[datum(0, 1)]).await;
        refused.expect_err("the old one is kept for a while");
        client
            .put_custom_metric(&[datum(0, 1)])
            .await
            .expect("the new one");
    });
}

#[test]
fn a_file_that_changes_is_noticed() {
    run(async |place| {
        place.set("ACCESS_KEY_ID", "one");
        place.set("ACCESS_KEY_SECRET", "hush-one");
        let chain = Arc::new(place.chain());
        assert_eq!(place.name(&chain).await, "one");
        place.set("ACCESS_KEY_ID", "two");
        assert_eq!(place.name(&chain).await, "one");
        place.time.advance(5 * MINUTE);
        assert_eq!(place.name(&chain).await, "two");
    });
}

/// A pipe in place of a file would be read for ever.
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
