//! Guests that spin, and a neighbour who does not suffer. Order and counts are asserted, never times.

use anyhow::{Result, ensure};
use futures::future::join_all;
use lockgate_model::{CallError, Exhausted, Limit, Limits};

use crate::support::calls::{self, call};
use crate::support::{guests, host};

/// How many calls a neighbour makes while four guests spin on two threads. Had each of them to wait for one to end,
/// there would be two.
const CALLS: usize = 50;

#[tokio::test]
async fn a_neighbour_is_served_while_others_spin_and_all_end_at_their_limits() -> Result<()> {
    for guest in ["spin", "fill", "call-storm"] {
        let mut config = host::config()?;
        config.guest_threads = 2.try_into()?;
        config.places = 8;
        let runtime = host::start(config)?;
        let limits = Limits {
            timeout_ms: 4_000,
            fuel: Limits::MAX.fuel,
            copied_bytes: Limits::MAX.copied_bytes,
            ..Limits::DEFAULT
        };
        let spinner = calls::ready(&runtime, guests::hostile(guest)?, limits).await?;
        let echo = calls::load(&runtime, guests::built("guests/echo-c")?).await?;
        let echo = calls::configured(&echo, "echo", "{}", Limits::DEFAULT).await?;

        let spin = |_| {
            let spinner = spinner.clone();
            tokio::spawn(async move { spinner.run(call(Vec::new())).await })
        };
        let spinners: Vec<_> = (0..4).map(spin).collect();
        let mut served = 0;
        while served < CALLS && !spinners.iter().any(tokio::task::JoinHandle::is_finished) {
            echo.run(call(vec![("value", calls::text("春"))]))
                .await
                .result?;
            served += 1;
        }
        ensure!(
            served == CALLS,
            "{guest}: the spinners ended when {served} calls were served"
        );
        for end in join_all(spinners).await {
            let (error, _) = calls::error_of(end?)?;
            ensure!(
                matches!(
                    error,
                    CallError::Exhausted(Exhausted {
                        limit: Limit::Timeout,
                        ..
                    })
                ),
                "{guest}: {error}"
            );
        }
    }
    Ok(())
}
