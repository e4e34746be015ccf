//! `--try FLOW=JSON`: a run through the server's own port, as any client asks for it, shown whole.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lockgate_model::Kebab;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value as Tree, json};

use super::say::{complain, say};
use crate::client::Connection;
use crate::quantity::{number, time};
use crate::table;

/// A flow and the input of a run of it.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    flow: Kebab,
    input: Tree,
}

impl FromStr for Trial {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let parts = text.split_once('=');
        let (flow, input) =
            parts.context("--try: write FLOW=JSON, the flow's name and the input")?;
        Ok(Self {
            flow: flow.parse().context("--try")?,
            input: serde_json::from_str(input).context("--try: the input is JSON")?,
        })
    }
}

impl Trial {
    /// A run of a flow with an empty input.
    pub(super) fn of(flow: Kebab) -> Self {
        Self {
            flow,
            input: json!({}),
        }
    }

    fn path(&self) -> String {
        format!("/api/v1/flows/{}/runs", self.flow)
    }

    fn body(&self) -> String {
        json!({ "input": self.input }).to_string()
    }

    /// What to type for the same.
    pub(super) fn curl(&self, address: SocketAddr) -> String {
        format!(
            "curl -s http://{address}{} -H 'content-type: application/json' -d '{}'",
            self.path(),
            self.body().replace('\'', r"'\''")
        )
    }

    /// Asks for the run, and says what was asked and answered.
    pub(super) async fn run(&self, address: SocketAddr) {
        say(format_args!(
            "POST http://{address}{}\n  {}",
            self.path(),
            self.body()
        ));
        if let Err(error) = self.ask(address).await {
            complain(format_args!("error: {error:#}"));
        }
    }

    async fn ask(&self, address: SocketAddr) -> anyhow::Result<()> {
        let connection = Connection::without_key(&format!("http://{address}"))?;
        let request = connection
            .request(Method::POST, &self.path(), &[])?
            .header(CONTENT_TYPE, "application/json")
            .body(self.body());
        let began = Instant::now();
        let answer = connection.answer(request).await?;
        let took = time(began.elapsed());
        let run = &answer.body;
        say(format_args!("{} in {took}", answer.status));
        for line in receipts(&run["receipts"]) {
            say(line);
        }
        match run.get("output") {
            Some(output) => say(output),
            None => say(run),
        }
        Ok(())
    }
}

/// What each node used.
fn receipts(receipts: &Tree) -> Vec<String> {
    let mut table = table::plain(["node", "outcome", "guest", "fuel"]);
    for one in receipts.as_array().into_iter().flatten() {
        let receipt = &one["receipt"];
        let text = |value: &Tree| value.as_str().unwrap_or_default().to_owned();
        let guest = receipt["guest_us"].as_u64().unwrap_or_default();
        table.add_row([
            text(&one["node"]),
            text(&one["outcome"]),
            time(Duration::from_micros(guest)),
            number(receipt["fuel"].as_u64().unwrap_or_default()),
        ]);
    }
    let lines = table.lines().map(|line| format!("  {}", line.trim()));
    lines.collect()
}
