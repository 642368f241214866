//! `adit`: the service, its demonstration, and the workers it starts. No logic lives here, only
//! configuration and wiring.

mod apikey;
mod backup;
mod certificate;
mod clients;
mod config;
mod demo;
mod identity;
mod process;
mod serve;
mod state;

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Wipes what is given back: keys and passwords pass through buffers of the HTTP library, of JSON and
/// of tasks, which nobody else would wipe.
#[global_allocator]
static MEMORY: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

#[derive(Parser)]
#[command(
    name = "adit",
    version,
    about = "VPN as a service",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Client(Box<adit_cli::Command>),
    /// Make, list and revoke API keys of a running service.
    #[command(name = "apikey")]
    ApiKey(apikey::Options),
    /// Copy a state folder as it is at one moment, while the service runs or not.
    Backup(backup::BackupOptions),
    /// Print what makes a shell complete these commands, for bash: adit completion bash > /etc/bash_completion.d/adit
    Completion {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Show a tunnel between two VPCs on this host, made through the API, and clean up.
    Demo(demo::Options),
    /// Be the worker of one gateway; `adit serve` starts it.
    #[command(hide = true)]
    GatewayWorker {
        /// The number of the user to become.
        #[arg(long)]
        user: u32,
        /// Whether its tunnels' packets go in UDP.
        #[arg(long, value_enum, default_value_t)]
        udp_encapsulation: config::UdpEncapsulation,
    },
    /// Write manual pages of all commands into a folder.
    Man {
        /// The folder, such as /usr/local/share/man/man1; it has to be there.
        folder: PathBuf,
    },
    /// Put a copy that `adit backup` made in the place of a state folder.
    Restore(backup::RestoreOptions),
    /// Serve the API and carry the tunnels.
    Serve(ServeOptions),
    /// Print the version.
    Version,
}

/// What `adit serve` can be told on the command line; the file can say it too.
#[derive(clap::Args)]
struct ServeOptions {
    /// The address and port of the API; port 0 takes a free one [default: 127.0.0.1:9696].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
    /// Where the database, the keys and the clients' settings are kept.
    #[arg(long, value_name = "DIR")]
    state_dir: PathBuf,
    /// A TOML file with more settings; docs/adit.toml has them all.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Begin anew where the state folder lost its database or its key; what is left is set aside.
    #[arg(long)]
    fresh: bool,
    /// When ending, leave namespaces and routes as they are; the next start takes them over.
    #[arg(long)]
    keep_networks: bool,
}

/// An error with what caused it, on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

fn start_logging(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::env::var("ADIT_LOG_FORMAT").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.with_ansi(false).init();
    }
}

#[expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "this is the command line"
)]
fn main() -> ExitCode {
    let outcome: Result<(), Box<dyn std::error::Error + Send + Sync>> =
        match Arguments::parse().command {
            Command::Client(command) => return adit_cli::run(&command),
            Command::ApiKey(options) => apikey::run(&options).map_err(Into::into),
            Command::Backup(options) => backup::back_up(&options).map_err(Into::into),
            Command::Completion { shell } => {
                let mut command = Arguments::command();
                clap_complete::generate(shell, &mut command, "adit", &mut std::io::stdout());
                Ok(())
            }
            Command::Man { folder } => {
                clap_mangen::generate_to(Arguments::command(), folder).map_err(Into::into)
            }
            Command::Restore(options) => backup::restore(&options).map_err(Into::into),
            Command::Demo(options) => demo::run(&options).map_err(Into::into),
            Command::GatewayWorker {
                user,
                udp_encapsulation,
            } => {
                start_logging("info,refinery_core=warn");
                worker(user, udp_encapsulation)
            }
            Command::Serve(options) => {
                start_logging("info,refinery_core=warn");
                serve(options)
            }
            Command::Version => {
                println!("adit {}", env!("CARGO_PKG_VERSION"));
                Ok(())
            }
        };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("adit: {}", Chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn serve(options: ServeOptions) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut settings = config::Settings::load(options.config.as_deref())?;
    if let Some(listen) = options.listen {
        settings.listen = listen;
    }
    settings.keep_networks |= options.keep_networks;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve::serve(settings, options.state_dir, options.fresh))
}

fn worker(
    user: u32,
    encapsulation: config::UdpEncapsulation,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let control = std::io::stdin().as_fd().try_clone_to_owned()?;
    adit_worker::run(control.into(), user, encapsulation.into())?;
    Ok(())
}
