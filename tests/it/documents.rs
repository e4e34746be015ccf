//! What the documents show besides the command's own output: shell lines and flows.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::support::host;

/// The documents whose blocks are run here.
const DOCUMENTS: [&str; 2] = ["README.md", "docs/flow-format.md"];

#[test]
fn shell_lines_run() -> Result<()> {
    for document in DOCUMENTS {
        for block in blocks(document, "sh")? {
            // This is `make test`: it does not call itself. And `make run` serves until it is stopped, which a test of
            // its own does (`server_commands`).
            let is_elsewhere = |line: &str| {
                ["make test", "make run"]
                    .iter()
                    .any(|make| line.starts_with(make))
            };
            let lines: Vec<_> = block.lines().filter(|line| !is_elsewhere(line)).collect();
            shell(document, &lines.join("\n"), &top())?;
        }
    }
    Ok(())
}

#[test]
fn flows_are_flows() -> Result<()> {
    let mut checked = 0;
    for document in DOCUMENTS {
        for block in blocks(document, "yaml")?
            .iter()
            .filter(|block| block.starts_with("flow:"))
        {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("shown.yaml");
            std::fs::write(&file, block)?;
            let mut check = Command::new(host::lockgate()?);
            let ran = check
                .env("LOCKGATE_CACHE", host::cache()?)
                .arg("check")
                .arg(&file)
                .output()?;
            let said = String::from_utf8_lossy(&ran.stderr);
            ensure!(ran.status.success(), "{document}: {said}");
            checked += 1;
        }
    }
    ensure!(checked > 0, "the documents show no flow");
    Ok(())
}

/// The pages of the other languages, line by line, in their folders. What they install is there already, from `make guests`.
#[test]
fn the_other_languages_build_as_their_pages_say() -> Result<()> {
    let tools = host::target()?.join("toolchain");
    for (language, installed, from) in [
        ("c", ".venv", "python"),
        ("python", ".venv", "python"),
        ("js", "node_modules", "js/node_modules"),
    ] {
        let folder = top().join("sdk").join(language);
        let link = Link::make(&tools.join(from), folder.join(installed))?;
        let _ = std::fs::remove_dir_all(folder.join("bindings")); // of the last time
        let page = format!("sdk/{language}/README.md");
        let block = blocks(&page, "sh")?.join("\n");
        let installs =
            |line: &&str| line.starts_with("python3 -m venv") || line.starts_with("npm ci");
        let lines: Vec<_> = block.lines().filter(|line| !installs(line)).collect();
        shell(&page, &lines.join("\n"), &folder)?;
        drop(link);
        ensure!(
            folder.join("echo.wasm").exists(),
            "{page} makes no echo.wasm"
        );
    }
    Ok(())
}

/// The page of the SDK for Rust from an empty folder: its first manifest, its first node, and its shell lines.
#[test]
fn a_plugin_in_rust_is_made_as_its_page_says() -> Result<()> {
    let page = "sdk/rust/README.md";
    let checkout = top().canonicalize()?.display().to_string();
    let shown = |language: &str| -> Result<String> {
        let first = blocks(page, language)?.into_iter().next();
        let first = first.with_context(|| format!("{page} shows no {language}"))?;
        Ok(first.replace("…/lockgate", &checkout))
    };
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("src"))?;
    std::fs::write(at("Cargo.toml"), shown("toml")?)?;
    std::fs::write(at("src/lib.rs"), shown("rust")?)?;
    // The versions that Lockgate itself is built with need no network, and what is built serves the next time.
    std::fs::copy(top().join("Cargo.lock"), at("Cargo.lock"))?;
    let built = host::target()?.join("documents/rust");
    std::fs::create_dir_all(&built)?;
    let _link = Link::make(&built, at("target"))?;

    // Installs nothing: a machine without the target has its standard library from `make guests`.
    let cargo = format!("'{checkout}/scripts/guest-cargo.sh' build --release");
    let lines = shown("sh")?
        .replace("rustup target add", ": rustup target add")
        .replace(
            "cargo build --release --target wasm32-unknown-unknown",
            &cargo,
        );
    let said = shell(page, &lines, folder.path())?;
    ensure!(said.contains("HI"), "{page}: the node says\n{said}");
    Ok(())
}

/// A link that is there while a test needs it.
struct Link(PathBuf);

impl Link {
    fn make(to: &Path, at: PathBuf) -> Result<Self> {
        ensure!(
            to.exists(),
            "{} is not there: `make guests` makes it",
            to.display()
        );
        let _ = std::fs::remove_file(&at); // left by a test that was killed
        std::os::unix::fs::symlink(to, &at).with_context(|| at.display().to_string())?;
        Ok(Self(at))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs shell lines, and gives what they print.
fn shell(document: &str, lines: &str, folder: &Path) -> Result<String> {
    let ran = Command::new("sh")
        .args(["-euc", lines])
        .current_dir(folder)
        // What this test was started by is no business of the make that it starts.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .env_remove("CARGO_TARGET_DIR")
        .output()?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(
        ran.status.success(),
        "{document}:\n{lines}\n{}: {said}",
        ran.status
    );
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// The fenced blocks of a document in one language, without their fences.
fn blocks(document: &str, language: &str) -> Result<Vec<String>> {
    let text =
        std::fs::read_to_string(top().join(document)).with_context(|| document.to_owned())?;
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if fence == language {
            blocks.push(block.join("\n"));
        }
    }
    Ok(blocks)
}

fn top() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
