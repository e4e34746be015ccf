//! What a sandbox promises to every call: a fresh instance, limits that hold and can be narrowed, a receipt that says
//! what was used, and a place that is free again however the call ended.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use lockgate_model::{
    CallError, Exhausted, Input, Limit, Limits, NarrowLimits, NodeRunner, Receipt, Value,
};

use crate::support::calls::{self, call, text_of};
use crate::support::{guests, host};

#[tokio::test]
async fn every_call_gets_a_fresh_instance() -> Result<()> {
    for page_scan in [true, false] {
        let mut config = host::config()?;
        config.page_scan = page_scan;
        let runtime = host::start(config)?;
        let node = calls::ready(&runtime, guests::hostile("count")?, Limits::DEFAULT).await?;
        for _ in 0..3 {
            assert_eq!(text_of(node.run(call(Vec::new())).await, "text")?.0, "1");
        }
        for end in join_all((0..50).map(|_| node.run(call(Vec::new())))).await {
            assert_eq!(text_of(end, "text")?.0, "1");
        }
    }
    Ok(())
}

/// For each limit a guest that reaches it, and a value that is lower than the default.
const REACHED: [(Limit, &str, u64); Limit::ALL.len()] = [
    (Limit::Fuel, "spin", 1_000_000),
    (Limit::Timeout, "sleep", 50),
    (Limit::Memory, "hoard", 8 << 20),
    (Limit::Instances, "log-flood", 1),
    (Limit::Resources, "leak-handles", 7),
    (Limit::CopiedBytes, "random-storm", 2 << 20),
    (Limit::LogBytes, "log-flood", 100),
    (Limit::OutputBytes, "huge-output", 1 << 20),
];

#[tokio::test]
async fn each_limit_narrows_by_itself() -> Result<()> {
    for (limit, guest, narrowed) in REACHED {
        let mut narrow = NarrowLimits::default();
        narrow.set(limit, narrowed);
        let limits = Limits::DEFAULT.narrowed(&narrow).expect("it is narrower");
        let end = ready(guest, limits).await?.run(call(Vec::new())).await;
        if limit == Limit::LogBytes {
            // What is over this limit is dropped: it ends no call.
            ensure!(
                end.receipt.log_bytes <= narrowed && end.receipt.log_bytes > 0,
                "{:?}",
                end.receipt
            );
            continue;
        }
        match &end.result {
            Err(CallError::Exhausted(Exhausted {
                limit: reached,
                allowed,
                ..
            })) => {
                assert_eq!((*reached, *allowed), (limit, narrowed), "{guest}");
            }
            other => ensure!(false, "{limit}: {guest} gave {other:?}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_receipt_says_what_was_used_of_each_limit() -> Result<()> {
    let node = ready("look-around", Limits::DEFAULT).await?;
    let (_, receipt) = text_of(node.run(call(Vec::new())).await, "text")?;
    let Receipt {
        fuel,
        memory_bytes,
        instances,
        resources,
        copied_bytes,
        log_bytes,
        output_bytes,
        ..
    } = receipt;
    assert!(fuel > 1_000, "{fuel}");
    assert!(
        memory_bytes >= 1 << 20,
        "a Rust guest starts with its stack of 1 MiB: {memory_bytes}"
    );
    assert!(instances >= 1, "{instances}");
    assert!(resources >= 2, "standard output and a timer: {resources}");
    assert!(copied_bytes > 32, "its random bytes: {copied_bytes}");
    assert_eq!(
        log_bytes,
        ["first line", "second line", "unfinished", "a complaint"]
            .map(|l| l.len() + 1)
            .iter()
            .sum::<usize>() as u64
    );
    assert!(output_bytes > 0, "{output_bytes}");
    Ok(())
}

#[tokio::test]
async fn a_failed_call_has_a_receipt_too() -> Result<()> {
    let node = ready(
        "spin",
        Limits {
            fuel: 5_000_000,
            ..Limits::DEFAULT
        },
    )
    .await?;
    let (_, receipt) = calls::error_of(node.run(call(Vec::new())).await)?;
    assert_eq!(receipt.fuel, 5_000_000);
    Ok(())
}

#[tokio::test]
async fn outputs_are_counted_to_the_byte() -> Result<()> {
    let plugin = calls::load(&host::shared()?, guests::built("guests/echo-c")?).await?;
    let text = "x".repeat(1000);
    let part = 64; // what each part counts beside its bytes
    for (spare, fits) in [(0, true), (1, false)] {
        let limits = Limits {
            output_bytes: 1000 - spare,
            ..Limits::DEFAULT
        };
        let node = calls::configured(&plugin, "echo", "{}", limits).await?;
        let end = node.run(call(vec![("value", calls::text(&text))])).await;
        assert_eq!(end.result.is_ok(), fits, "{end:?}");
        assert_eq!(end.receipt.input_bytes, 1000);
        let limits = Limits {
            output_bytes: 1000 + 2 * part - spare,
            ..Limits::DEFAULT
        };
        let node = calls::configured(&plugin, "stream", "{}", limits).await?;
        let parts = vec![Value::text(&text[..600]), Value::text(&text[600..])];
        let end = node.run(call(vec![("text", calls::parts(parts))])).await;
        assert_eq!(end.result.is_ok(), fits, "{end:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_trap_says_where() -> Result<()> {
    let node = ready("panic", Limits::DEFAULT).await?;
    let (error, _) = calls::error_of(node.run(call(Vec::new())).await)?;
    let functions: Vec<_> = error
        .backtrace()
        .iter()
        .map(|frame| frame.function.as_str())
        .collect();
    assert!(
        functions.iter().any(|name| name.contains("first_of_none")),
        "{functions:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_dropped_call_gives_its_place_back() -> Result<()> {
    let runtime = host::private(1)?;
    let node = calls::ready(&runtime, guests::hostile("wait")?, Limits::DEFAULT).await?;
    let mut waiting = node.run(call(vec![("parts", calls::never())]));
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(waiting);
    assert_eq!(text_of(node.run(call(Vec::new())).await, "text")?.0, "0");
    Ok(())
}

#[tokio::test]
async fn a_reader_that_is_behind_for_ever_ends_at_the_deadline() -> Result<()> {
    let node = ready(
        "part-flood",
        Limits {
            timeout_ms: 200,
            ..Limits::DEFAULT
        },
    )
    .await?;
    let (error, _) = calls::error_of(
        node.run(calls::heard_call(Vec::new(), Arc::new(calls::Stuck)))
            .await,
    )?;
    assert!(
        matches!(
            error,
            CallError::Exhausted(Exhausted {
                limit: Limit::Timeout,
                ..
            })
        ),
        "{error}"
    );
    Ok(())
}

/// The most that a host can give is enforced where it starts.
#[test]
fn a_default_over_the_maximum_starts_no_runtime() -> Result<()> {
    let mut config = host::config()?;
    config.limits.fuel = Limits::MAX.fuel + 1;
    let error = host::start(config).err().context("it starts")?;
    assert!(format!("{error:#}").contains("limit on fuel"), "{error:#}");
    Ok(())
}

#[tokio::test]
async fn inputs_are_held_against_the_ports() -> Result<()> {
    let plugin = calls::load(&host::shared()?, guests::built("guests/echo-c")?).await?;
    let echo = calls::configured(&plugin, "echo", "{}", Limits::DEFAULT).await?;
    let stream = calls::configured(&plugin, "stream", "{}", Limits::DEFAULT).await?;
    let bytes = || {
        Input::Value(Value::Binary(lockgate_model::Blob {
            media_type: "a/b".into(),
            data: (&b"x"[..]).into(),
        }))
    };
    type Case<'a> = (&'a dyn NodeRunner, Vec<(&'a str, Input)>, &'a str);
    let cases: [Case<'_>; 5] = [
        (&*echo, Vec::new(), "the input `value` is missing"),
        (
            &*echo,
            vec![("other", calls::text(""))],
            "the node has no input `other`",
        ),
        (
            &*echo,
            vec![("value", calls::never())],
            "the input `value` takes no parts",
        ),
        (
            &*echo,
            vec![("value", calls::text("a")), ("value", calls::text("b"))],
            "the input `value` is there twice",
        ),
        (
            &*stream,
            vec![("text", bytes())],
            "the input `text` takes text, not binary",
        ),
    ];
    for (node, inputs, says) in cases {
        let (error, receipt) = calls::error_of(node.run(call(inputs)).await)?;
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(receipt.fuel, 0, "no guest ran");
    }
    Ok(())
}

/// A reader in parts is one part's JSON at a time: a long list must not become a thousand times its size.
#[tokio::test]
async fn a_long_list_is_read_element_by_element() -> Result<()> {
    let list = format!("[{}1]", "1,".repeat(199_999));
    let list = Value::Json(lockgate_model::Json::parse(list)?);
    let node = ready("wait", Limits::DEFAULT).await?;
    let end = node.run(call(vec![("parts", Input::Value(list))])).await;
    assert_eq!(text_of(end, "text").context("reads all")?.0, "200000");
    Ok(())
}

async fn ready(guest: &str, limits: Limits) -> Result<Arc<dyn NodeRunner>> {
    calls::ready(&host::shared()?, guests::hostile(guest)?, limits).await
}
