//! `lockgate-guest` makes components of what compilers make, and checks them against a world.
//!
//! Here is the command line, and nothing else: each command is a module of its own. What runs components is not here
//! but in the `lockgate` binary.

mod bindings;
mod check;
mod component;
mod imports;
mod output;
mod world;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use world::World;

/// Makes components of what compilers make, and checks them against a world.
#[derive(Parser)]
#[command(name = "lockgate-guest", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes a component of a core module.
    ///
    /// Bindings generators leave a description of the world in the module. If yours did not, say the world here.
    Component {
        /// The core module, as a compiler wrote it.
        module: PathBuf,
        /// Where the component goes. A file that has these bytes already is left alone.
        #[arg(short, long)]
        output: PathBuf,
        /// The WIT package of a world that the module does not describe: a folder of `.wit` files, or one file.
        #[arg(long, value_name = "PATH", requires = "world")]
        wit: Option<PathBuf>,
        /// The world's name in it.
        #[arg(long, value_name = "NAME", requires = "wit")]
        world: Option<String>,
    },
    /// Writes the source files through which a language speaks a world.
    Bindings {
        /// The language that the files are for.
        language: bindings::Language,
        #[command(flatten)]
        world: WorldArgs,
        /// The folder that the files go to. Files that are right already are left alone.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Checks that a component has what a world exports and asks for nothing that the world does not offer.
    Check {
        /// The component.
        component: PathBuf,
        #[command(flatten)]
        world: WorldArgs,
    },
    /// Prints what a component imports, a line each.
    Imports {
        /// The component.
        component: PathBuf,
    },
}

/// One world of one WIT package.
#[derive(Args)]
struct WorldArgs {
    /// The WIT package: a folder of `.wit` files, or one file.
    #[arg(long, value_name = "PATH")]
    wit: PathBuf,
    /// The world's name in it.
    #[arg(long, value_name = "NAME")]
    world: String,
}

impl WorldArgs {
    fn load(&self) -> Result<World> {
        World::load(&self.wit, &self.world)
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Component {
            module,
            output,
            wit,
            world,
        } => {
            let world = wit.zip(world);
            let world = world.map(|(wit, name)| World::load(&wit, &name));
            component::make(&module, world.transpose()?.as_ref(), &output)
        }
        Command::Bindings {
            language,
            world,
            output,
        } => bindings::write(language, world.load()?, &output),
        Command::Check { component, world } => check::check(&component, &world.load()?),
        Command::Imports { component } => imports::print(&component),
    }
}
