//! `lockgate rerun`: a run once more, from one of its nodes on or from its beginning.

use reqwest::Method;
use serde_json::{Value as Tree, json};

use super::Connection;
use super::push::word;
use super::runs::why;
use crate::args::RerunArgs;
use crate::exit::Failed;

pub(crate) async fn rerun(args: RerunArgs) -> Result<(), Failed> {
    let connection = Connection::new(&args.client)?;
    let mut ask = json!({});
    if let Some(from) = args.from {
        ask["from"] = json!(from);
    }
    if let Some(version) = args.version {
        ask["version"] = json!(version);
    }
    let path = format!("/api/v1/runs/{}/rerun", args.run);
    let request = connection.request(Method::POST, &path, &[])?.json(&ask);
    let run = connection.answer(request).await?.body;
    eprintln!("run {}", word(&run["run"]));
    ended(&run)
}

/// Prints what a run gave, or says why it gave nothing.
fn ended(run: &Tree) -> Result<(), Failed> {
    match run["outcome"].as_str() {
        Some("ok") => {
            println!("{}", run["output"]);
            Ok(())
        }
        Some(outcome) => {
            eprintln!("error: {}", why(outcome, &run["error"]));
            Err(Failed::Run)
        }
        None => {
            let state = word(&run["state"]);
            eprintln!("it is {state}: `lockgate logs --follow` follows it");
            Ok(())
        }
    }
}
