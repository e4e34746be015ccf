//! The `lockgate` command: reads what it is told, wires the rooms, and shows what came out.

mod alerts;
mod args;
mod check;
mod client;
mod cms;
mod config;
mod exit;
mod flows;
mod input;
mod key;
mod live;
mod log;
mod memory;
mod plugin;
mod quantity;
mod request;
mod run;
mod serve;
mod setup;
mod table;
mod test;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, CmsCommand, Command, PluginCommand};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(setup::COMPILE_COMPONENT) {
        return lockgate_runtime::compile_component(arguments);
    }
    memory::give_back_what_is_large();
    quick_errors();
    exit::where_nothing_can_be_written();
    let args = Args::parse();
    let answered = log::to_stderr(&args.command).map_err(exit::Failed::from);
    exit::code(answered.and_then(|()| answer(args)))
}

fn answer(args: Args) -> Result<(), exit::Failed> {
    let workers = match &args.command {
        Command::Serve(_) => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        // One thread beside this one, which hears Ctrl-C while this one writes.
        _ => 1,
    };
    let threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    threads.block_on(async {
        match args.command {
            Command::Run(args) => run::run(args).await,
            Command::Check(args) => check::check(args).await,
            Command::Test(args) => test::test(args).await,
            Command::Plugin(PluginCommand::Inspect(args)) => plugin::inspect::inspect(args).await,
            Command::Plugin(PluginCommand::Call(args)) => plugin::call::call(args).await,
            Command::Cms(CmsCommand::Check(args)) => cms::check(args).await,
            Command::Config(args) => config::show::show(&args),
            Command::Push(args) => client::push::push(args).await,
            Command::Runs(args) => client::runs::runs(args).await,
            Command::Logs(args) => client::logs::logs(args).await,
            Command::Rerun(args) => client::rerun::rerun(args).await,
            Command::Cancel(args) => client::runs::cancel(args).await,
            Command::Stats(args) => client::stats::stats(args).await,
            Command::Alerts(command) => alerts::alerts(command).await,
            Command::Key(command) => key::key(command).await,
            Command::Serve(args) => serve::serve(args).await,
        }
    })
}

/// wasmtime's errors take a backtrace of the host where `RUST_BACKTRACE` is set: it says nothing of the guest, and makes
/// calls that fail much slower. `RUST_LIB_BACKTRACE` turns it off for errors, and leaves it for panics.
fn quick_errors() {
    if std::env::var_os("RUST_LIB_BACKTRACE").is_none() {
        #[expect(
            unsafe_code,
            reason = "nothing else runs yet that could read the environment meanwhile"
        )]
        unsafe {
            std::env::set_var("RUST_LIB_BACKTRACE", "0");
        }
    }
}
