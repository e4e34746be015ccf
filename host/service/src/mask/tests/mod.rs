mod log;
mod streams;
mod work;

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value as Tree, json};

use super::*;

fn mask() -> &'static Mask {
    static MASK: LazyLock<Mask> = LazyLock::new(|| {
        Mask::new(&MaskConfig::default()).expect("the patterns that come with the host")
    });
    &MASK
}

/// One with this pattern of an operator and no other.
fn own(name: &str, expression: &str) -> Result<Mask, MaskError> {
    let mut config = MaskConfig::off();
    config.patterns.insert(name.into(), expression.into());
    Mask::new(&config)
}

/// The text as it is masked.
fn masked(text: &str) -> String {
    mask().text(text).unwrap_or_else(|| text.to_owned())
}

#[test]
fn keys_are_found() {
    for key in [
        "sk-abcdefghij0123456789ABCDEF",
        "sk-proj-AbC_12345678901234567890",
        "sk-ant-api03-0123456789abcdef-XYZ",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "LTAI5tQ2w3e4r5t6y7u8i9o0",
        "STS.NUgYrLnoC1aBcDeFgHiJk",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "github_pat_11ABCDEFG0123456789_abcdefghijklmnop",
        "glpat-AbCdEf-1234567890xy",
        "xoxb-123456789012-abcdefABCDEF",
        "lg_0123456789abcdefghijklmnopqrstuv",
        "npm_0123456789abcdefghijABCDEFGHIJ012345",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN",
        "Bearer 0123456789abcdef.ghi~jkl+/==",
        "bearer\tabcdefghijkl0",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg+/=\nabc\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\\nProc-Type: 4,ENCRYPTED\\nMIIE\\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA",
    ] {
        assert_eq!(masked(key), "[masked:keys]", "{key}");
        let within = format!("密钥{key}，《x》");
        assert_eq!(masked(&within), "密钥[masked:keys]，《x》", "{key}");
    }
}

#[test]
fn keys_without_a_digit_are_found_where_no_word_begins_so() {
    for (prefix, length) in [
        ("AKIA", 16),
        ("ASIA", 16),
        ("LTAI", 12),
        ("AKID", 32),
        ("AKLT", 32),
        ("AIza", 35),
        ("ghp_", 36),
        ("ghs_", 36),
        ("github_pat_", 22),
        ("glpat-", 20),
        ("sk_live_", 24),
        ("rk_live_", 24),
        ("whsec_", 32),
    ] {
        let key = format!("{prefix}{}", "QWERTZ".repeat(6).split_at(length).0);
        assert_eq!(masked(&key), "[masked:keys]", "{key}");
    }
    let token = format!("CAIS{}", "abc+/XYZ".repeat(40));
    assert_eq!(masked(&format!("{token}==")), "[masked:keys]");
    assert_eq!(masked(&token.replace('+', "%2B")), "[masked:keys]");
    for words in [
        "ASIA-PACIFIC-REGION",
        "ASIAPACIFICREGION",
        "STS.AssumeRoleWithSAML",
        "github_pat_of_this_project",
        "hf_transformers",
        "lg_configuration_of_this",
        "CAIS_is_no_token",
    ] {
        assert_eq!(masked(words), words);
    }
}

/// What comes before in text within text: JSON in a string, a logged value, a URL.
const ESCAPES: [&str; 11] = [
    r"\n",
    r"\t",
    r"\r",
    r"\\n",
    r"\u8bdd",
    r"\x9d",
    "%2B",
    "%0A",
    "%2C",
    "%20",
    "%E8%AF%9D",
];

#[test]
fn what_comes_after_an_escape_is_found_and_the_escape_stays() {
    for (secret, name) in [
        ("13800138000", "phones"),
        ("+86 138 0013 8000", "phones"),
        ("010-62345678", "phones"),
        ("11010519491231002X", "ids"),
        ("4111111111111111", "ids"),
        ("sk-abcdefghij0123456789", "keys"),
        ("AKIAIOSFODNNEXAMPLEQ", "keys"),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN",
            "keys",
        ),
        ("Bearer abcdef0123456789", "keys"),
        ("Bearer%20abcdef0123456789", "keys"),
        ("first.last@example.com", "emails"),
        ("user%40example.com", "emails"),
        (r"a\u0040b.cn", "emails"),
    ] {
        for escape in ESCAPES {
            let text = format!("{escape}{secret}");
            assert_eq!(masked(&text), format!("{escape}[masked:{name}]"), "{text}");
            let text = format!(r#"{{"q":"联系{escape}{secret}\n"}}"#);
            let told = format!(r#"{{"q":"联系{escape}[masked:{name}]\n"}}"#);
            assert_eq!(masked(&text), told, "{text}");
            let twice = format!("，{escape}{escape}{secret}");
            let told = format!("，{escape}{escape}[masked:{name}]");
            assert_eq!(masked(&twice), told, "{twice}");
        }
    }
    assert_eq!(masked(r"\n@b.cn"), r"\n@b.cn", "no name is left");
    assert_eq!(masked("%0A%40b.cn"), "%0A%40b.cn");
    // What programs make of it that write ASCII only.
    let within = r#"{"arguments": "{\"q\": \"\\u8bdd13800138000\", \"to\": \"\\u8bdda@b.cn\"}"}"#;
    let mut tree: Tree = serde_json::from_str(within).expect("json");
    assert!(mask().tree(&mut tree));
    let arguments = tree["arguments"].as_str().expect("text");
    let arguments: Tree = serde_json::from_str(arguments).expect("json within it still");
    assert_eq!(
        arguments,
        json!({ "q": "话[masked:phones]", "to": "话[masked:emails]" })
    );
}

#[test]
fn a_private_key_without_its_end_ends_where_another_begins() {
    let half = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n";
    assert_eq!(masked(&half.repeat(2)), "[masked:keys][masked:keys]");
    let many = half.repeat(10_000);
    assert_eq!(
        masked(&many),
        "[masked:keys]".repeat(10_000),
        "each is read once"
    );
}

#[test]
fn phone_numbers_are_found() {
    for phone in [
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "+8613800138000",
        "+86 138 0013 8000",
        "86-13800138000",
        "008613800138000",
        "19912345678",
        "+14155552671",
        "+1 (415) 555-2671",
        "+44 20 7946 0958",
        "+852 2123 4567",
    ] {
        assert_eq!(masked(phone), "[masked:phones]", "{phone}");
        for (before, after) in [
            ("电话", "。"),
            ("\"", "\","),
            ("tel: ", "."),
            ("u_", " or so"),
            ("a=", "&b=1"),
        ] {
            if phone.starts_with('+') || before != "u_" {
                let within = format!("{before}{phone}{after}");
                let told = masked(&within);
                assert_eq!(told, format!("{before}[masked:phones]{after}"), "{within}");
            }
        }
    }
    assert_eq!(
        masked("13800138000,13900139000 13700137000"),
        "[masked:phones],[masked:phones] [masked:phones]"
    );
}

#[test]
fn phone_numbers_are_found_as_people_and_programs_write_them() {
    for (text, told) in [
        ("13800138000.0", "[masked:phones].0"),
        (
            "13800138000.0,13900139000.0",
            "[masked:phones].0,[masked:phones].0",
        ),
        ("1.13800138000", "1.[masked:phones]"),
        ("电话：\n12.13800138000", "电话：\n12.[masked:phones]"),
        (r"a\n2.13800138000", r"a\n2.[masked:phones]"),
        ("13800138000ext12", "[masked:phones]ext12"),
        ("13800138000 ext. 12", "[masked:phones] ext. 12"),
        ("13800138000x1", "[masked:phones]x1"),
        ("Tel13800138000", "Tel[masked:phones]"),
        (r"\nTEL13800138000", r"\nTEL[masked:phones]"),
        ("tel+8613800138000", "tel[masked:phones]"),
        ("a+8613800138000", "a+[masked:phones]"),
        ("ID11010519491231002X", "ID[masked:ids]"),
        ("card4111111111111111", "card[masked:ids]"),
        ("+1.415.555.2671", "[masked:phones]"),
        ("+7 495 123-45-67", "[masked:phones]"),
        ("+86 10 6234 5678", "[masked:phones]"),
        ("+886 2 2345 6789", "[masked:phones]"),
        ("+3902 1234567", "[masked:phones]"),
    ] {
        assert_eq!(masked(text), told, "{text}");
    }
}

#[test]
fn fixed_lines_and_service_numbers_are_found_with_their_separators() {
    for phone in [
        "010-62345678",
        "010-6234 5678",
        "021-6234-5678",
        "0571-87654321",
        "0571-8765432",
        "0755-26471234",
        "(021) 6234 5678",
        "(010)62345678",
        "010-62345678-8001",
        "+86 010-62345678",
        "86-0571-87654321",
        "400-820-8820",
        "400-8208820",
        "400-8208-820",
        "4008-208-820",
        "800-810-8888",
    ] {
        assert_eq!(masked(phone), "[masked:phones]", "{phone}");
        let within = format!("电话：{phone}，转0");
        assert_eq!(masked(&within), "电话：[masked:phones]，转0", "{phone}");
    }
    for text in [
        "01062345678",
        "0571 87654321",
        "010-12345678",
        "010-6234567",
        "a-0571-87654321",
        "550e8400-0571-8765-4321-446655440000",
        "0310-2345",
        "00000310: 3031 3233 3435",
        "2026-0310-23456789",
        "400 820 8820",
        "400-820-882",
        "1400-820-8820",
        "400-820-88201",
        "0123-2345678",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn ids_are_found_where_their_check_digit_is_right() {
    for id in [
        "11010519491231002X",
        "11010519491231002x",
        "110101202302281235",
        "440524188001010014",
        "110105 19491231 002X",
        "4111111111111111",
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
    ] {
        assert_eq!(masked(id), "[masked:ids]", "{id}");
        assert_eq!(masked(&format!("证件{id}号")), "证件[masked:ids]号");
    }
    let cards = (0..10).map(|check| format!("622202123456789012{check}"));
    let found = cards.filter(|card| masked(card) == "[masked:ids]");
    assert_eq!(found.count(), 1, "one check digit of ten is right");
    let ids = "0123456789X"
        .chars()
        .map(|check| format!("11010519491231002{check}"));
    assert_eq!(ids.filter(|id| masked(id) == "[masked:ids]").count(), 1);
    assert_eq!(
        masked("4111 1111 1111 1111 2024"),
        "[masked:ids] 2024",
        "a group of another number"
    );
}

#[test]
fn addresses_are_found() {
    for address in [
        "a@b.cn",
        "first.last+tag@mail.example.com",
        "_x@example.org",
        "13800138000@163.com",
        "USER@EXAMPLE.COM",
    ] {
        assert_eq!(masked(address), "[masked:emails]", "{address}");
        assert_eq!(masked(&format!("邮箱{address}。")), "邮箱[masked:emails]。");
        assert_eq!(masked(&format!("<{address}>.")), "<[masked:emails]>.");
    }
    assert_eq!(
        masked("https://user:pass1@host.example.com/x"),
        "https://user:[masked:emails]/x"
    );
}

#[test]
fn what_only_looks_like_it_stays() {
    for text in [
        "550e8400-e29b-41d4-a716-446655440000",
        "41111111-1111-4111-8111-111111111111",
        "41111111-1111-1111-1111-111111111111",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:1380013800013800138000138001380013800138000138001380013800013800",
        "2026-11-21T20:30:02.123456Z",
        "2026-11-21 20:30:02",
        "20261121203002",
        "1763757002123",
        "1763757002123456",
        "1763757002123456789",
        "¥13800138000.50",
        "0.13800138000",
        "0.4111111111111111",
        "1,234,567.89",
        "138001380001",
        "213800138000",
        "a13800138000",
        "13800138000b",
        "12800138000",
        "4111111111111112",
        "1111111111111117",
        "110105194912310021",
        "110105194913310028",
        "000105194912310028",
        "+1 + 2 = 3",
        "+100000000",
        "+0800",
        "+3.141592653",
        "loss +1.234567890",
        "+2026-11-21 20:30",
        "+1763757002123",
        "+1763757002123456",
        "+1 2024 2025",
        "+2147483648",
        "x = +2147483648",
        "x = +4294967296",
        "+4294967296",
        "+3000000000",
        "diff\n+3000000000\n+4600000000",
        r"diff\n+3000000000\n",
        "440305 19500101 1234",
        "110101 20230231 1238",
        "110101202302311238",
        "13800138000.5",
        "13800138000.00",
        "13800138000.0.1",
        "012.13800138000",
        "123.13800138000",
        "x = 1.13800138000",
        "0.13800138000.0",
        "a1.13800138000",
        "paid13800138000",
        "SO13800138000",
        "abc13800138000",
        "0x13800138000",
        "1e13800138000",
        "13800138000extra",
        "13800138000xy",
        "tel1380013800",
        "UTC+08:00",
        "10.128.0.1:8080",
        "task-management-0123456789",
        "risk-0123456789abcdef0123456789",
        "sk-learn-is-not-a-secret-key",
        "bearer of good news everywhere",
        "Bearer authentication required",
        "the bearer instruments",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "@scope/pkg@1.2.3",
        "user@host",
        "logo@2x.png",
        "@example.com",
        "a.b.c@2x.logo.png",
        "sk-a-sk-b-sk-c-sk-d-sk-e-sk-f-sk-g",
        "4111 1111 1111 1112 4111",
        "2024 2025 2026 2027 2028 2029",
        "44444444444444444444444444444444",
        "a@b",
        "春眠不觉晓，处处闻啼鸟",
        "",
        "[masked:phones]",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn each_pattern_can_be_off() {
    let text = "sk-abcdefghij0123456789 13800138000 4111111111111111 a@b.cn";
    let all = [
        "sk-abcdefghij0123456789",
        "13800138000",
        "4111111111111111",
        "a@b.cn",
    ];
    for (place, on) in all.into_iter().enumerate() {
        let mut config = MaskConfig::off();
        match place {
            0 => config.keys = true,
            1 => config.phones = true,
            2 => config.ids = true,
            _ => config.emails = true,
        }
        let mark = mark(builtin::NAMES[place]);
        let told = Mask::new(&config).expect("a mask").text(text);
        assert_eq!(told, Some(text.replace(on, &mark)));
    }
    let off = Mask::new(&MaskConfig::off()).expect("a mask");
    assert_eq!(off.text(text), None);
}

#[test]
fn an_operator_has_patterns_of_their_own() {
    let staff = own("staff", r"\bE\d{6}\b").expect("a mask");
    assert_eq!(
        staff.text("工号E123456的人, E1234567").as_deref(),
        Some("工号[masked:staff]的人, E1234567")
    );
    let line = own("line", "(?m)^secret: .*$").expect("a mask");
    assert_eq!(
        line.text("a\nsecret: 密码\nb").as_deref(),
        Some("a\n[masked:line]\nb")
    );
    let whole = own("pin", r"^\d{4}$").expect("a mask");
    let mut tree = json!({ "pin": "1234", "number": 1234, "other": "12345", "float": 1234.5 });
    assert!(whole.tree(&mut tree));
    assert_eq!(
        tree,
        json!({ "pin": "[masked:pin]", "number": "[masked:pin]", "other": "12345", "float": 1234.5 })
    );
}

#[test]
fn patterns_that_cannot_be_say_why() {
    let said = |name: &str, expression: &str| match own(name, expression) {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string(),
    };
    for (name, expression, part) in [
        ("Staff", "x", "no name"),
        ("keys", "x", "no name"),
        ("rest", "x", "no name"),
        ("a b", "x", "no name"),
        ("a", "(", "no regular expression"),
        ("a", "(?=x)y", "no regular expression"),
        ("a", r"(x)\1", "no regular expression"),
        ("a", r"\w{1000}{1000}", "no regular expression"),
        ("a", r"(?-u:\xff)", "no regular expression"),
        ("a", "x*", "matches the empty text"),
        ("a", r"\b", "matches the empty text"),
        ("a", "x|^$", "matches the empty text"),
        ("a", r"\w+", "matches `[masked:keys]`"),
        ("a", "[ak]", "matches `[masked:keys]`"),
        ("p", ":p", "matches `[masked:phones]`"),
    ] {
        let told = said(name, expression);
        assert!(told.contains(part), "{name}: {expression}: {told}");
    }
    assert_eq!(said("a", r"\d{4}"), "fine");
    assert!(said("a", &"x".repeat(MAX_PATTERN_BYTES + 1)).contains("is the most"));
    let mut config = MaskConfig::off();
    for number in 0..=MAX_PATTERNS {
        config
            .patterns
            .insert(format!("p{number}"), format!("x{number:04}y"));
    }
    let many = Mask::new(&config).expect_err("too many");
    assert_eq!(
        many,
        MaskError::TooMany {
            given: MAX_PATTERNS + 1
        }
    );
    config.patterns.pop_last();
    assert!(Mask::new(&config).is_ok(), "as many as there may be");
}

#[test]
fn documents_are_masked_by_their_strings_keys_and_whole_numbers() {
    let mask = mask();
    let json = |text: &str| {
        let json = lockgate_model::Json::parse(text).expect("json");
        mask.json(&json).map(|json| json.as_str().to_owned())
    };
    assert_eq!(json(r#"{"a": [1, 2.5, "x\ny", null, true]}"#), None);
    assert_eq!(
        json(r#"{ "a": "tel 13800138000", "b": 13800138000, "c": 13800138000.5, "d": -5 }"#)
            .as_deref(),
        Some(r#"{"a":"tel [masked:phones]","b":"[masked:phones]","c":13800138000.5,"d":-5}"#)
    );
    assert_eq!(
        json(r#"{"phone": "\u0031\u00338\u00300138000"}"#).as_deref(),
        Some(r#"{"phone":"[masked:phones]"}"#),
        "escaped"
    );
    assert_eq!(
        json(r#"{"a": "13800138000", "a": "x"}"#).as_deref(),
        Some(r#"{"a":"x"}"#),
        "a key that comes twice"
    );
    assert_eq!(
        json(r#"{"a@b.cn": 1, "c@d.cn": 2, "e": 3}"#).as_deref(),
        Some(r#"{"[masked:emails]":1,"[masked:emails] 2":2,"e":3}"#)
    );
    assert_eq!(
        json(r#"{"a@b.cn": 1, "[masked:emails]": 2, "c@d.cn": 3}"#).as_deref(),
        Some(r#"{"[masked:emails]":2,"[masked:emails] 2":1,"[masked:emails] 3":3}"#),
        "a key that looks like a mark"
    );
    assert_eq!(
        json(r#"["4111", "1111", "1111", "1111"]"#),
        None,
        "each string by itself"
    );
    assert_eq!(json("\"a\\\"@b.cn\""), None);
}

#[test]
fn full_width_text_is_found_as_what_it_stands_for() {
    for (text, told) in [
        ("电话１３８００１３８０００。", "电话[masked:phones]。"),
        ("１３８－００１３－８０００", "[masked:phones]"),
        ("138００138０００", "[masked:phones]"),
        ("＋８６ 138 0013 8000", "[masked:phones]"),
        ("（021）62345678", "[masked:phones]"),
        ("０１０－６２３４５６７８", "[masked:phones]"),
        ("11010519491231002Ｘ", "[masked:ids]"),
        ("４１１１１１１１１１１１１１１１", "[masked:ids]"),
        ("user＠example.com", "[masked:emails]"),
        (
            "，ｕｓｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ，",
            "，[masked:emails]，",
        ),
        ("１，13800138000，２", "１，[masked:phones]，２"),
        ("sk-abcdefghij0123456789，１", "[masked:keys]，１"),
    ] {
        assert_eq!(masked(text), told, "{text}");
    }
    for text in [
        "第１章，１２３４５６７８９０",
        "０．１３８００１３８０００",
        "（021）",
        "１３８００１３８００００",
        "＠",
    ] {
        assert_eq!(masked(text), text);
    }
    let mut config = MaskConfig::default();
    config.patterns.insert("own".into(), "[１-３]{3}号".into());
    let both = Mask::new(&config).expect("a mask");
    assert_eq!(
        both.text("１２３号 １３８００１３８０００").as_deref(),
        Some("[masked:own] [masked:phones]"),
        "an operator's own sees the text as it is"
    );
}

#[test]
fn numbers_that_count_or_measure_are_no_phone_numbers() {
    let mask = mask();
    for key in [
        "memory_bytes",
        "durationNs",
        "bytes",
        "RSS_BYTES",
        "total-size",
        "金额",
        "used内存",
    ] {
        for number in [json!(17_179_869_184_u64), json!(17_179_869_184.0)] {
            let mut tree = json!({ key: number, "list": { key: [number, [number]] } });
            assert!(!mask.tree(&mut tree), "{tree}");
            assert_eq!(mask.json(&lockgate_model::Json::from(&tree)), None);
        }
        let mut tree =
            json!({ key: ["13800138000", 4_111_111_111_111_111_u64, { "x": 13_800_138_000_u64 }] });
        assert!(mask.tree(&mut tree));
        assert_eq!(
            tree,
            json!({ key: ["[masked:phones]", "[masked:ids]", { "x": "[masked:phones]" }] }),
            "text, other numbers, and what is called otherwise"
        );
    }
    for key in ["phone", "user", "bytesize", "sumo", "列"] {
        for number in [json!(13_800_138_000_u64), json!(13_800_138_000.0)] {
            let mut tree = json!({ key: number });
            let json = mask.json(&lockgate_model::Json::from(&tree));
            assert!(mask.tree(&mut tree), "{key}");
            assert_eq!(tree, json!({ key: "[masked:phones]" }));
            assert_eq!(json.map(|json| json.to_tree()), Some(tree));
        }
    }
    let mut tree = json!([13_800_138_000.5, 1.2e10, 1e300, -0.0]);
    assert!(!mask.tree(&mut tree), "{tree}");
    let mut tree = json!([13_800_138_000.0, 13_800_138_000_u64]);
    assert!(mask.tree(&mut tree), "without a key");
}

#[test]
fn bytes_are_masked_where_they_are_text() {
    let mask = mask();
    let masked = |media_type: &str, data: &[u8]| {
        let mut value = lockgate_model::Value::Binary(lockgate_model::Blob {
            media_type: media_type.into(),
            data: data.to_vec().into(),
        });
        let any = mask.value(&mut value);
        match value {
            lockgate_model::Value::Binary(blob) => (any, blob.data.to_vec()),
            _ => unreachable!("it stays what it was"),
        }
    };
    let csv = (true, b"a,[masked:phones]\r\n".to_vec());
    assert_eq!(masked("text/csv", b"a,13800138000\r\n"), csv);
    assert_eq!(
        masked("application/octet-stream", b"a,13800138000\r\n"),
        csv
    );
    let gbk = masked("text/csv", b"\xb5\xe7\xbb\xb0 13800138000");
    assert_eq!(gbk, (true, b"\xb5\xe7\xbb\xb0 [masked:phones]".to_vec()));
    let hive = masked("text/csv; charset=utf-8", b"\x01a\x01\x0113800138000\x01\n");
    assert_eq!(
        hive,
        (true, b"\x01a\x01\x01[masked:phones]\x01\n".to_vec()),
        "said to be text"
    );
    let json = masked("application/vnd.api+JSON", b"\0\"13800138000\"");
    assert_eq!(json, (true, b"\0\"[masked:phones]\"".to_vec()));
    let page = "a form feed and so on, 13800138000\x01";
    assert!(
        masked("application/octet-stream", page.as_bytes()).0,
        "one in 35"
    );
    let image = b"\x89PNG\r\n\x1a\n\0 13800138000 ";
    assert_eq!(masked("image/png", image), (false, image.to_vec()));
}

/// Texts with what is masked in them, and what is near to it.
fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat())
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        "[0-9]{1,20}",
        "[0-9 +-]{1,24}",
        Just("13800138000".to_owned()),
        Just("+86 138-0013-8000".to_owned()),
        Just("11010519491231002X".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("sk-abcdefghij0123456789".to_owned()),
        Just("a.b@example.com".to_owned()),
        Just("Bearer abcdef0123456789".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----\nMIIB".to_owned()),
        Just("[masked:keys]".to_owned()),
        Just("AKIAIOSFODNNEXAMPLEQ".to_owned()),
        Just("user%40example.com".to_owned()),
        Just("010-62345678".to_owned()),
        Just("+1 (415) 555-2671".to_owned()),
        r"\\[nrtbfxu]",
        r"\\u[0-9a-f]{4}",
        "%[0-9A-F]{2}",
        Just("１３８００１３８０００".to_owned()),
        "[０-９Ｘ＠＋－．]{1,4}",
        "[Tt]el|id|ext|x|\\.0|[1-9]\\.",
        Just(" ".to_owned()),
        Just("，".to_owned()),
    ]
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        texts().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        Just(json!(13_800_138_000_u64)),
        Just(json!(13_800_138_000.0)),
        Just(Tree::Null),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Tree::from),
            proptest::collection::btree_map(
                prop_oneof![texts(), Just("bytes".to_owned())],
                inner,
                0..4
            )
            .prop_map(|map| Tree::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_look_over_a_text_passes_nothing_over(text in texts()) {
        let mask = mask();
        for pattern in &mask.patterns {
            if pattern.is_in(text.as_bytes()) {
                prop_assert!(mask.may_be_in(text.as_bytes(), 0), "{}", pattern.name);
            }
        }
    }

    #[test]
    fn masked_text_holds_nothing_more(text in texts()) {
        let mask = mask();
        if let Some(masked) = mask.text(&text) {
            prop_assert_ne!(&masked, &text);
            prop_assert_eq!(mask.text(&masked), None, "{}", masked);
        }
    }

    #[test]
    fn masked_documents_are_documents_and_hold_nothing_more(tree in trees()) {
        let mask = mask();
        let json = lockgate_model::Json::from(&tree);
        let mut walked = tree.clone();
        let any = mask.tree(&mut walked);
        let masked = mask.json(&json);
        prop_assert_eq!(any, masked.is_some());
        if let Some(masked) = masked {
            prop_assert_eq!(masked.to_tree(), walked);
            let again = lockgate_model::Json::parse(masked.as_str()).expect("json still");
            prop_assert!(mask.json(&again).is_none(), "{:?}", again);
        }
    }
}
