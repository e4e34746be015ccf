use std::path::Path;

use super::*;
use crate::config::show;

/// A folder with this `lockgate.toml`.
fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(FILE), text).expect("a file");
    folder
}

fn with_file(folder: &Path) -> ConfigArgs {
    ConfigArgs {
        config: Some(folder.join(FILE)),
        ..ConfigArgs::default()
    }
}

fn environment(variables: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(owned).collect::<Vec<_>>().into_iter()
}

/// What is wrong, without the folder's own name.
fn faults(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(text);
    let (read, _) = load(&with_file(folder.path()), environment(variables));
    let here = format!("{}/", folder.path().display());
    let faults = read.expect_err("faults").into_iter();
    faults.map(|fault| fault.replace(&here, "")).collect()
}

#[test]
fn flags_win_over_variables_over_the_file_over_defaults() {
    let folder = folder(
        "environment = 'test'\n[server]\nlisten = '127.0.0.1:1'\n\n[queue]\nlength = 5\nattempts = 7\n[data]\nfolder = 'kept'\n",
    );
    let args = ConfigArgs {
        listen: Some("127.0.0.1:3".to_owned()),
        ..with_file(folder.path())
    };
    let variables = [
        ("LOCKGATE_SERVER_LISTEN", "127.0.0.1:2"),
        ("LOCKGATE_QUEUE_LENGTH", "6"),
        ("LOCKGATE_SANDBOX_PAGE_SCAN", "false"),
        ("PATH", "/bin"),
    ];
    let (read, warnings) = load(&args, environment(&variables));
    let (config, layers) = read.expect("a configuration");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.queue.length.get(), 6);
    assert_eq!(config.queue.attempts.get(), 7);
    assert_eq!(config.data.folder, folder.path().join("kept"));
    assert!(!config.sandbox.page_scan);
    let origin = |key: &str| {
        let (_, _, origin) = layers.iter().find(|(found, ..)| *found == key).expect(key);
        origin.clone()
    };
    let file = folder.path().join(FILE);
    assert_eq!(origin("server.listen"), Origin::Flag("--listen"));
    assert_eq!(
        origin("queue.length"),
        Origin::Env("LOCKGATE_QUEUE_LENGTH".to_owned())
    );
    assert_eq!(origin("environment"), Origin::File(file.clone(), 1));
    assert_eq!(origin("queue.attempts"), Origin::File(file, 7));
    assert_eq!(origin("runs.at_once"), Origin::Default);

    // What it prints as a file says the same.
    let again = self::folder(&show::as_toml(&layers));
    let (read, _) = load(&with_file(again.path()), environment(&[]));
    let (mut config_again, _) = read.expect("a configuration");
    config_again.flows.folder = config.flows.folder.clone();
    assert_eq!(config_again, config);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    let faults = faults(
        "[server]\nlissten = '127.0.0.1:1'\n[que]\nlength = 5\n[queue]\nkeep_runs = '3 d'\n[data.folder]\nx = 1\n[nothing.like.it]\ny = 1\n",
        &[],
    );
    assert_eq!(
        faults,
        [
            "lockgate.toml:2: there is no key `server.lissten`: did you mean `server.listen`?",
            "lockgate.toml:3: there is no key `que`: did you mean `queue`?",
            "lockgate.toml:6: there is no key `queue.keep_runs`: did you mean `data.keep_runs`?",
            "lockgate.toml:7: `data.folder`: invalid type: map, expected path string",
            "lockgate.toml:9: there is no key `nothing`",
        ]
    );
}

#[test]
fn wrong_values_are_told_with_their_place_or_variable() {
    let faults = faults(
        "queue = 5\n[server]\nlisten = 'localhost'\nidle_time = 30\nhead_bytes = '1 GiB'\n[runs]\nat_once = 0\n",
        &[
            ("LOCKGATE_QUEUE_ATTEMPTS", "many"),
            ("LOCKGATE_SANDBOX_PAGE_SCAN", "yes"),
            ("LOCKGATE_ENVIRONMENT", "My Desk"),
        ],
    );
    assert_eq!(faults.len(), 8, "{faults:#?}");
    for (fault, begins, has) in [
        (0, "lockgate.toml:1: ", "write `[queue]`"),
        (4, "lockgate.toml:7: `runs.at_once`: ", "from 1 to 100000"),
        (
            3,
            "lockgate.toml:5: `server.head_bytes`: ",
            "from 8 KiB to 1 MiB",
        ),
        (
            2,
            "lockgate.toml:4: `server.idle_time`: ",
            "such as \"30 s\"",
        ),
        (
            1,
            "lockgate.toml:3: `server.listen`: ",
            "invalid socket address",
        ),
        (5, "LOCKGATE_ENVIRONMENT: ", "`My Desk` is not a name"),
        (
            6,
            "LOCKGATE_QUEUE_ATTEMPTS: ",
            "a whole number from 1 to 100",
        ),
        (7, "LOCKGATE_SANDBOX_PAGE_SCAN: ", "a boolean"),
    ] {
        let fault = &faults[fault];
        assert!(fault.starts_with(begins) && fault.contains(has), "{fault}");
    }
}

#[test]
fn what_the_document_shows_is_a_configuration() {
    let document = include_str!("../../../../../docs/server.md");
    let blocks = document.split("```toml\n").skip(1);
    let blocks: Vec<_> = blocks
        .filter_map(|block| block.split_once("```"))
        .map(|(block, _)| block)
        .collect();
    for block in &blocks {
        let folder = folder(block);
        let (read, _) = load(&with_file(folder.path()), environment(&[]));
        assert!(read.is_ok(), "{block}");
    }
    let all = folder(&blocks.concat());
    let (read, _) = load(&with_file(all.path()), environment(&[]));
    let mask = read.expect("a configuration").0.mask.config();
    assert!(mask.phones && !mask.emails);
    assert_eq!(mask.patterns["staff"], r"\bE\d{6}\b");
}

#[test]
fn patterns_have_names_of_the_operators_own() {
    let folder = folder("[mask]\nphones = false\n[mask.patterns]\nstaff = '\\bE\\d{6}\\b'\n");
    let (read, _) = load(&with_file(folder.path()), environment(&[]));
    let (config, layers) = read.expect("a configuration");
    let mask = config.mask.config();
    assert!(mask.keys && !mask.phones);
    assert_eq!(mask.patterns["staff"], r"\bE\d{6}\b");
    let again = self::folder(&show::as_toml(&layers));
    let (read, _) = load(&with_file(again.path()), environment(&[]));
    assert_eq!(read.expect("a configuration").0.mask, config.mask);

    let variables = [("LOCKGATE_MASK_PATTERNS", "{ room = 'R[0-9]{3}' }")];
    let (read, _) = load(&with_file(folder.path()), environment(&variables));
    let mask = read.expect("a configuration").0.mask.config();
    assert_eq!(mask.patterns.keys().collect::<Vec<_>>(), ["room"]);

    let faults = faults(
        "[mask.patterns]\nall = '.*'\n",
        &[("LOCKGATE_MASK_PATTERNS", "staff")],
    );
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].starts_with("lockgate.toml:1: `mask.patterns`: ")
            && faults[0].contains("`all` matches the empty text"),
        "{faults:?}"
    );
    assert!(
        faults[1].starts_with("LOCKGATE_MASK_PATTERNS: "),
        "{faults:?}"
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let faults = faults("[server]\nlisten = \n", &[]);
    assert!(faults[0].starts_with("lockgate.toml:2: "), "{faults:?}");
    let missing = ConfigArgs {
        config: Some("not-there.toml".into()),
        ..ConfigArgs::default()
    };
    let (read, _) = load(&missing, environment(&[]));
    let faults = read.expect_err("a fault");
    assert!(faults[0].starts_with("not-there.toml: "), "{faults:?}");
}

#[test]
fn variables_that_are_nearly_a_keys_are_told() {
    let variables = [
        ("LOCKGATE_SERVER_LISTN", "127.0.0.1:1"),
        ("LOCKGATE_SERVER_SERVICE_HOST", "10.0.0.1"),
        ("LOCKGATE_KEY", "lg_hush"),
    ];
    let folder = folder("");
    let (read, warnings) = load(&with_file(folder.path()), environment(&variables));
    assert!(read.is_ok());
    assert_eq!(
        warnings,
        ["LOCKGATE_SERVER_LISTN: sets nothing: did you mean `LOCKGATE_SERVER_LISTEN`?"]
    );
}

/// The table of the document has a row for each key, with the default and the variable that it has.
#[test]
fn the_document_lists_every_key() {
    let document = include_str!("../../../../../docs/server.md");
    let rows: Vec<_> = document
        .lines()
        .filter(|line| line.contains("| `LOCKGATE_"))
        .collect();
    let keys = Keys::all();
    let mut expected = Vec::new();
    for (key, default) in keys.iter() {
        let row = format!("| `{key}` | `{default}` | `{}` |", keys::variable(key));
        let found = rows.iter().filter(|line| line.starts_with(&row)).count();
        if found != 1 {
            expected.push(row);
        }
    }
    assert!(
        expected.is_empty(),
        "rows that are missing:\n{}",
        expected.join("\n")
    );
    assert_eq!(
        rows.len(),
        keys.iter().count(),
        "rows of keys that are not there"
    );
}
