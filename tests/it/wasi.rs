//! The part of WASI that language runtimes need, made harmless: a guest sees nothing of the machine but the time.

use std::sync::Arc;

use anyhow::Result;
use lockgate_model::{Limits, LogLevel};

use crate::support::calls::{self, Heard, heard_call, text_of};
use crate::support::{guests, host};

#[tokio::test]
async fn a_guest_sees_nothing_of_the_machine_but_the_time() -> Result<()> {
    let node = calls::ready(
        &host::shared()?,
        guests::hostile("look-around")?,
        Limits::DEFAULT,
    )
    .await?;
    let heard = Arc::new(Heard::default());
    let (found, _) = text_of(
        node.run(heard_call(Vec::new(), heard.clone())).await,
        "text",
    )?;
    let mut found: Vec<_> = found.lines().collect();
    let year = found
        .remove(6)
        .strip_prefix("year ")
        .and_then(|year| year.parse().ok());
    assert!(year.is_some_and(|year: u32| year >= 2026), "{year:?}");
    let expected = [
        "variables 0",
        "arguments 0",
        "folder None",
        "folders 0",
        "input true",
        "slept true",
        "random true",
    ];
    assert_eq!(found, expected);

    let mut lines = heard.lines();
    lines.sort(); // an unfinished line comes when its stream is gone
    let expected = [
        (LogLevel::Debug, "first line"),
        (LogLevel::Debug, "second line"),
        (LogLevel::Debug, "unfinished"),
        (LogLevel::Warn, "a complaint"),
    ];
    assert_eq!(
        lines,
        expected.map(|(level, line)| (level, line.to_owned()))
    );
    Ok(())
}

#[tokio::test]
async fn a_flood_of_lines_is_kept_up_to_the_limit_and_says_so() -> Result<()> {
    for guest in ["log-flood", "stdout-flood"] {
        let limits = Limits {
            log_bytes: 20_000,
            copied_bytes: 1 << 20,
            ..Limits::DEFAULT
        };
        let node = calls::ready(&host::shared()?, guests::hostile(guest)?, limits).await?;
        let heard = Arc::new(Heard::default());
        let end = node.run(heard_call(Vec::new(), heard.clone())).await;
        let lines = heard.lines();
        let (last, kept) = lines.split_last().expect("there are lines");
        assert_eq!(
            last.1,
            "the log is full (20000 bytes): later lines of this call are dropped"
        );
        let bytes: usize = kept.iter().map(|(_, line)| line.len() + 1).sum();
        assert!(
            bytes <= 20_000 && end.receipt.log_bytes <= 20_000,
            "{guest}: {bytes}"
        );
    }
    Ok(())
}
