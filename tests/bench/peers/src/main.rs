//! Peers, measured: each line of `CASE CALLS BYTES` on standard input is that many calls of an echo plugin with that many
//! bytes, in a fresh instance each, and is answered by one line of JSON: `{"microseconds": …}`, all calls together.

mod extism;

use std::io::{BufRead as _, Write as _, stdin, stdout};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::extism::{Extism, Pool};

fn main() -> Result<()> {
    let (plain, pooled) = (Extism::new(Pool::Default)?, Extism::new(Pool::Pooled)?);
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split(' ').collect();
        let [case, calls, bytes] = words[..] else {
            bail!("`{line}` is not a case, a number of calls and a number of bytes")
        };
        let (calls, bytes) = (calls.parse()?, bytes.parse()?);
        let took = match case {
            "extism" => plain.echoes(calls, bytes),
            "extism-pooled" => pooled.echoes(calls, bytes),
            _ => bail!("there is no case `{case}`"),
        };
        let took = took.with_context(|| line.clone())?;
        println!("{}", json!({ "microseconds": took.as_secs_f64() * 1e6 }));
        stdout().flush()?;
    }
    Ok(())
}
