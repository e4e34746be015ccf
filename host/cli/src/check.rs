//! `lockgate check`: flows checked without running them; and how a flow becomes a plan, which `run` shares.

use std::path::Path;

use anyhow::Context as _;
use lockgate_flow::{Faults, FlowDocument, Override, Plan, plan};
use lockgate_model::{NodeCatalog, escaped, escaped_lines};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::args::CheckArgs;
use crate::exit::Failed;
use crate::flows::FlowFolder;
use crate::{setup, test};

/// The most bytes of a flow that are read: more than a document may have, so that its own error says so.
const MAX_READ_BYTES: u64 = 2 << 20;

pub(crate) async fn check(args: CheckArgs) -> Result<(), Failed> {
    let runtime = setup::runtime(&args.host.cache)?;
    let catalog = setup::catalog(&runtime, &args.host).await?;
    let mut faulty = false;
    if args.graph && args.flows.len() > 1 {
        return Err(anyhow::anyhow!("--graph: give one flow: a chart is of one").into());
    }
    for flow in &args.flows {
        if test::files::is_cases(flow) {
            faulty |= test::check(flow, &catalog).await.is_err();
            continue;
        }
        match planned(flow, &catalog, &[]).await {
            Ok(plan) if args.plan => print!("{}", plan.to_text()),
            Ok(plan) if args.graph => print!("{}", plan.to_mermaid()),
            Ok(plan) => println!(
                "{}: ok, {} nodes",
                escaped(&flow.display().to_string()),
                plan.nodes().len()
            ),
            Err(Failed::Wrong(error)) => {
                faulty = true;
                eprintln!("error: {}", escaped_lines(&format!("{error:#}")));
            }
            Err(_) => faulty = true,
        }
    }
    if faulty { Err(Failed::Shown) } else { Ok(()) }
}

/// Reads a flow and checks it whole. Every fault is shown on standard error.
pub(crate) async fn planned(
    file: &Path,
    catalog: &dyn NodeCatalog,
    overrides: &[Override],
) -> Result<Plan, Failed> {
    let name = file.display().to_string();
    let text = read(file).with_context(|| name.clone())?;
    let document = FlowDocument::parse(&name, &text).map_err(|faults| show(&faults))?;
    let flows = FlowFolder::beside(file);
    plan(&document, catalog, &flows, overrides)
        .await
        .map_err(|faults| show(&faults))
}

pub(crate) fn read(file: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(file)?
        .take(MAX_READ_BYTES)
        .read_to_end(&mut bytes)?;
    String::from_utf8(bytes).context("a flow is UTF-8 text")
}

/// Draws faults as a compiler draws them. Their texts and excerpts are escaped already.
pub(crate) fn show(faults: &Faults) -> Failed {
    for fault in faults.iter() {
        draw(fault);
    }
    eprintln!("error: {faults}");
    Failed::Shown
}

/// Draws one fault. Its texts are fit for a terminal.
pub(crate) fn draw(fault: &dyn Diagnostic) {
    use std::io::IsTerminal as _;
    let theme = match std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
    let mut drawn = String::new();
    if handler.render_report(&mut drawn, fault).is_ok() {
        eprintln!("{drawn}");
    }
}
