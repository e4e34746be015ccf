//! `lockgate logs`: the events of one run, read as the server sends them.

use std::io::{self, Write as _};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use eventsource_stream::Eventsource as _;
use futures::StreamExt as _;
use reqwest::Method;
use serde_json::Value as Tree;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Connection;
use super::events::{end, line, note, recorded};
use super::problem::Problem;
use crate::args::LogsArgs;
use crate::exit::Failed;
use crate::live::{Drawing, FRAME};

/// How long a stream may be silent. A server says something every 15 seconds, if only that it is there.
const SILENCE: Duration = Duration::from_secs(60);

/// How long the stream of a run that goes on may be silent until everything that happened so far is taken to be there: it
/// comes at once, and what comes later is not asked for without `--follow`.
const QUIET: Duration = Duration::from_millis(500);

/// How often a stream that breaks off is taken up again without a single event in between.
const MAX_BREAKS: u32 = 5;

/// How long to wait before a stream is taken up again.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn logs(args: LogsArgs) -> Result<(), Failed> {
    let connection = Connection::new(&args.client)?;
    let mut reading = Reading::new(&args);
    let mut breaks = 0;
    loop {
        let before = reading.last.clone();
        let read = read(&connection, &args, &mut reading).await;
        match read {
            Ok(()) if reading.outcome.is_some() || !args.follow => break,
            Err(Broken::Refused(error)) => return Err(error.into()),
            Err(Broken::Shut(error)) => {
                eprintln!("error: standard output: {error}");
                return Err(Failed::Run);
            }
            Ok(()) | Err(Broken::Off(_)) if args.follow && breaks < MAX_BREAKS => {}
            Ok(()) => return Err(anyhow::anyhow!("the events end before the run does").into()),
            Err(Broken::Off(error)) => return Err(error.into()),
        }
        breaks = match reading.last == before {
            true => breaks + 1,
            false => 0,
        };
        tokio::time::sleep(PAUSE).await;
    }
    let failed = reading.outcome.as_deref().is_some_and(|word| word != "ok");
    if failed && args.follow {
        return Err(Failed::Run);
    }
    Ok(())
}

/// Why events do not come any more.
enum Broken {
    /// The server said no.
    Refused(anyhow::Error),
    /// The connection broke off: the rest may still be had.
    Off(anyhow::Error),
    /// Nobody reads what is printed.
    Shut(io::Error),
}

/// Reads events from the last that was seen on, to the end of the run, or of the answer.
async fn read(
    connection: &Connection,
    args: &LogsArgs,
    reading: &mut Reading,
) -> Result<(), Broken> {
    let path = format!("/api/v1/runs/{}/events", args.run);
    let request = connection.request(Method::GET, &path, &[]);
    let mut request = request
        .map_err(Broken::Refused)?
        .header("accept", "text/event-stream");
    if let Some(last) = &reading.last {
        request = request.header("last-event-id", last);
    }
    let response = connection.send(request).await.map_err(Broken::Refused)?;
    let mut events = response.bytes_stream().eventsource();
    let patience = if args.follow { SILENCE } else { QUIET };
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = tokio::select! {
            next = timeout(patience, events.next()) => next,
            _ = frames.tick() => {
                reading.frame();
                continue;
            }
        };
        let event = match next {
            Err(_) if !args.follow => return Ok(()),
            Err(_) => return Err(Broken::Off(anyhow::anyhow!("the server is silent"))),
            Ok(None) => return Ok(()),
            Ok(Some(Err(error))) => return Err(Broken::Off(anyhow::anyhow!("{error}"))),
            Ok(Some(Ok(event))) => event,
        };
        if event.event == "problem" {
            let problem = serde_json::from_str(&event.data).unwrap_or_default();
            return Err(Broken::Refused(Problem::told(problem).into()));
        }
        if event.data.is_empty() {
            continue;
        }
        let is_over = reading.hear(&event.id, &event.data)?;
        if is_over {
            return Ok(());
        }
    }
}

/// What was read, and how it is shown.
struct Reading {
    events: bool,
    /// The id of the last event that was seen.
    last: Option<String>,
    outcome: Option<String>,
    drawing: Option<Drawing>,
}

impl Reading {
    fn new(args: &LogsArgs) -> Self {
        let draws = args.follow && !args.events;
        Self {
            events: args.events,
            last: None,
            outcome: None,
            drawing: draws.then(Drawing::open).flatten(),
        }
    }

    /// Shows one event, and says whether it is the run's last.
    fn hear(&mut self, id: &str, data: &str) -> Result<bool, Broken> {
        let event = parsed(data).map_err(Broken::Refused)?;
        if !id.is_empty() {
            self.last = Some(id.to_owned());
        }
        let mut stdout = io::stdout().lock();
        let printed = match &mut self.drawing {
            Some(drawing) => {
                if let Some(recorded) = recorded(&event) {
                    drawing.hear(&recorded, note(&event));
                }
                let is_ok = end(&event) == Some("ok");
                match is_ok {
                    true => {
                        drawing.frame(SystemTime::now());
                        writeln!(stdout, "{}", event["output"])
                    }
                    false => Ok(()),
                }
            }
            None if self.events => writeln!(stdout, "{data}"),
            None => writeln!(stdout, "{}", line(&event)),
        };
        printed
            .and_then(|()| stdout.flush())
            .map_err(Broken::Shut)?;
        let Some(outcome) = end(&event) else {
            return Ok(false);
        };
        self.outcome = Some(outcome.to_owned());
        self.frame();
        if self.drawing.is_some() && outcome != "ok" {
            eprintln!("{}", line(&event));
        }
        Ok(true)
    }

    fn frame(&mut self) {
        if let Some(drawing) = &mut self.drawing {
            drawing.frame(SystemTime::now());
        }
    }
}

/// An event is a JSON object in one line: a line break in it would be two events for whoever reads `--events`.
fn parsed(data: &str) -> anyhow::Result<Tree> {
    let event: Tree =
        serde_json::from_str(data).context("the server sent an event that is no JSON")?;
    if !event.is_object() || data.contains('\n') {
        bail!("the server sent an event that is no JSON object in one line");
    }
    Ok(event)
}
