//! `imgnet-client`: send, get, work, receive.

pub(super) mod menu;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use super::confined::confined_in;
use super::server::{
    Common, Showing, filter, marker, one_way, only_framed, parsed, pixels_width, run, run_showing,
    usage,
};
use crate::capture::confine::{Needs, Network};
use crate::cli::values::{at_least_one, chunk_size, pause};
use crate::imaging::Filter;
use crate::transfer::client::send::{self, Send};
use crate::transfer::client::work::{self, Work};
use crate::transfer::client::{get, receive};
use crate::transfer::server::catalog::listing;
use crate::transfer::server::edit;
use crate::transfer::{Error, Session, bind_udp, listen};
use crate::wire::Protocol;
use crate::wire::catalog::LONGEST_CHOICE;

/// `imgnet-client`.
#[derive(Debug, Parser)]
#[command(
    name = "imgnet-client",
    version,
    about = "Sends, asks for, works on and receives pictures in the wire formats of imgnet",
    after_help = "Examples:\n  \
                  imgnet-client send 127.0.0.1:65432 photo.jpg       until the end of the stream\n  \
                  imgnet-client send 127.0.0.1:5050 photo.jpg --protocol marker\n  \
                  imgnet-client get 127.0.0.1:40674 2                picture number 2\n  \
                  imgnet-client work 127.0.0.1:5050                  a worker of the pipeline\n  \
                  imgnet-client receive --listen 9909 --width 640    rows of pixels\n\n\
                  Exit codes: 0 good, 1 a transfer failed, 2 usage, or something that cannot be read, written or listened on.",
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Client {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Send(SendArgs),
    Get(GetArgs),
    Work(WorkArgs),
    Receive(ReceiveArgs),
}

/// Sends picture files
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    imgnet-client send 127.0.0.1:65432 a.jpg b.png\n  \
    imgnet-client send 127.0.0.1:7000 a.jpg --protocol length=u32be --chunk 4096\n  \
    imgnet-client send 127.0.0.1:6001 a.jpg --protocol udp\n  \
    imgnet-client send 127.0.0.1:5050 a.jpg --protocol marker --back edited    to a server that sends it back edited\n\n\
    Each file goes over a connection of its own, in the length formats all over one; with markers as \
    --one-connection says.")]
struct SendArgs {
    /// Server
    #[arg(value_name = "HOST:PORT", value_parser = peer)]
    server: String,

    /// Pictures
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Wire format
    #[arg(long, value_name = "FORMAT", default_value = "eof", value_parser = one_way)]
    protocol: Protocol,

    /// Bytes handed over at once [default: 1024; 2048 for marker, a row for raw-pixels]
    #[arg(long, value_name = "BYTES", value_parser = chunk_size)]
    chunk: Option<usize>,

    /// Pause after each, in milliseconds [default: none; 1 for udp]
    #[arg(long, value_name = "MS", value_parser = pause)]
    pace: Option<Duration>,

    /// With markers: all pictures over one connection
    #[arg(long)]
    one_connection: bool,
    /// Move framed pictures as datagrams, asked for again until they are whole; other formats know which they use
    #[arg(long)]
    udp: bool,

    /// Wait for the picture that comes back on the same connection, and save it in this folder under the name of the file sent
    #[arg(long, value_name = "DIR")]
    back: Option<PathBuf>,

    #[command(flatten)]
    common: Common,
}

/// Asks a catalogue for a picture
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  imgnet-client get 127.0.0.1:40674 2 -o two.jpg")]
struct GetArgs {
    /// Server
    #[arg(value_name = "HOST:PORT", value_parser = peer)]
    server: String,

    /// Number or name of the picture; without one, a terminal shows what there is and asks
    #[arg(value_parser = choice)]
    choice: Option<String>,

    /// Show what there is, and end
    #[arg(long, conflicts_with_all = ["choice", "output"])]
    list: bool,

    /// File to save it as; replaced if it is there [default: choice-N, with the ending of what came]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    showing: Showing,

    #[command(flatten)]
    common: Common,
}

/// Works for a pipeline: receives a strip, filters it, sends it back
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  imgnet-client work 127.0.0.1:5050 --filter contour --rounds 3")]
struct WorkArgs {
    /// Server
    #[arg(value_name = "HOST:PORT", value_parser = peer)]
    server: String,

    /// What to do: find-edges, contour, blur, sharpen, emboss, edge-enhance, grayscale, invert
    #[arg(long, default_value = "find-edges", value_parser = filter)]
    filter: Filter,

    /// Strips to work on, one after the other
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    rounds: u64,

    /// End marker, as marker or marker=TEXT
    #[arg(long, value_name = "FORMAT", default_value = "marker", value_parser = marker)]
    protocol: Protocol,

    #[command(flatten)]
    common: Common,
}

/// Receives one picture
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    imgnet-client receive --listen 9909 --width 640 -o photo.png    from a sender that connects\n  \
    imgnet-client receive 127.0.0.1:9909 --width 640                from a sender that waits\n  \
    imgnet-client receive --listen 6001 --protocol udp -o photo.jpg\n\n\
    Rows of pixels are saved as a PNG.")]
struct ReceiveArgs {
    /// Sender to connect to
    #[arg(value_name = "HOST:PORT", value_parser = peer, required_unless_present = "listen")]
    sender: Option<String>,

    /// Port to wait on instead of connecting
    #[arg(long, value_name = "PORT", conflicts_with = "sender")]
    listen: Option<u16>,

    /// Address to wait on; 0.0.0.0 or :: for every one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    address: IpAddr,

    /// Wire format
    #[arg(long, value_name = "FORMAT", default_value = "raw-pixels", value_parser = one_way)]
    protocol: Protocol,

    /// Pixels in a row, for raw-pixels
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    width: Option<u32>,

    /// Move framed pictures as datagrams, asked for again until they are whole; other formats know which they use
    #[arg(long)]
    udp: bool,

    /// File to save it as; replaced if it is there [default: received.png, or received.jpg where no PNG is made]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    showing: Showing,

    #[command(flatten)]
    common: Common,
}

/// Runs `imgnet-client` with these arguments (the program's name first) and says how it went.
pub fn imgnet_client(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let client: Client = match parsed(arguments) {
        Ok(client) => client,
        Err(exit) => return exit.into(),
    };
    let exit = match client.command {
        Command::Send(args) => run(
            "imgnet-client",
            &args.common,
            None,
            &paths(&args.files),
            |session| {
                let send = Send {
                    peer: args.server.clone(),
                    files: args.files.clone(),
                    protocol: args.protocol.clone(),
                    chunk: args.chunk,
                    pace: args.pace,
                    one_connection: args.one_connection,
                    back: args.back.clone(),
                };
                only_framed(args.udp, &send.protocol)?;
                if args.back.is_some() && (args.udp || !edit::answers(&send.protocol)) {
                    return Err(usage(format!(
                        "--back goes with --protocol marker, length=... and half-close, whose pictures end before the connection \
                     does; not with {}",
                        send.protocol
                    )));
                }
                if let Some(folder) = &args.back {
                    std::fs::create_dir_all(folder)
                        .with_context(|| format!("{}: cannot be made", folder.display()))?;
                }
                let mut needs = connects(None).reading(args.files.iter().map(PathBuf::as_path));
                needs.folders.extend(args.back.clone());
                confined_in(session, &needs);
                if args.udp {
                    send::run_udp(&send, session)?;
                } else {
                    send::run(&send, session)?;
                }
                Ok(())
            },
        ),
        Command::Get(args) => run_showing(
            "imgnet-client",
            &args.common,
            None,
            Some(&args.showing),
            &paths(&args.output),
            |session| get(&args, session),
        ),
        Command::Work(args) => run("imgnet-client", &args.common, None, &[], |session| {
            let work = Work {
                peer: args.server.clone(),
                filter: args.filter,
                rounds: args.rounds,
                protocol: args.protocol.clone(),
            };
            confined_in(session, &connects(None));
            work::run(&work, session)?;
            Ok(())
        }),
        Command::Receive(args) => run_showing(
            "imgnet-client",
            &args.common,
            None,
            Some(&args.showing),
            &paths(&args.output),
            |session| receive(&args, session),
        ),
    };
    exit.into()
}

/// Files that a command names.
fn paths<'p>(files: impl IntoIterator<Item = &'p PathBuf>) -> Vec<&'p Path> {
    files.into_iter().map(PathBuf::as_path).collect()
}

/// What a client needs that connects, and saves a file, where it does.
fn connects(file: Option<&Path>) -> Needs {
    Needs::beside(file).with_network(Network::Connects)
}

fn get(args: &GetArgs, session: &Session<'_>) -> anyhow::Result<()> {
    let file = args.output.as_deref().unwrap_or(Path::new("choice"));
    confined_in(session, &connects((!args.list).then_some(file)));
    if args.list {
        let Some(listed) = get::list(&args.server, session)? else {
            return Err(usage(format!(
                "{} tells no list: it is not imgnet's; choose by number",
                args.server
            )));
        };
        let mut out = io::stdout().lock();
        if args.common.is_json() {
            out.write_all(&listing::encode(&listed))?;
        } else {
            menu::table(&listed, &args.common.style(), &mut out)?;
        }
        return Ok(());
    }
    let choice = match &args.choice {
        Some(choice) => choice.clone(),
        None if menu::can_ask() => {
            let listed = get::list(&args.server, session)?;
            let mut out = io::stderr().lock();
            match &listed {
                Some(listed) => menu::table(listed, &args.common.style(), &mut out)?,
                None => writeln!(out, "{} tells no list.", args.server)?,
            }
            let typed = || menu::typed(|| session.shutdown.requested());
            let asked = menu::ask(listed.as_deref(), typed, &mut io::stdin().lock(), &mut out)?;
            drop(out);
            if session.shutdown.requested() {
                return Err(Error::Stopped.into());
            }
            let asked = asked.ok_or_else(|| usage("nothing was chosen"))?;
            choice(&asked).map_err(usage)?
        }
        None => {
            return Err(usage(
                "say which picture: its number or name; --list shows what there is",
            ));
        }
    };
    if let Some(file) = &args.output {
        get::run(&args.server, &choice, file, session)?;
    } else {
        // A name from outside is no path.
        let plain: String = choice
            .chars()
            .map(|letter| {
                if letter.is_alphanumeric() {
                    letter
                } else {
                    '-'
                }
            })
            .collect();
        let stem = PathBuf::from(format!("choice-{plain}"));
        get::run_stem(&args.server, &choice, &stem, session)?;
    }
    Ok(())
}

fn receive(args: &ReceiveArgs, session: &Session<'_>) -> anyhow::Result<()> {
    let protocol = pixels_width(&args.protocol, args.width)?;
    let pixels = matches!(protocol, Protocol::RawPixels { .. });
    let file = args.output.clone().unwrap_or_else(|| {
        PathBuf::from(if pixels {
            "received.png"
        } else {
            "received.jpg"
        })
    });
    only_framed(args.udp, &protocol)?;
    let udp = protocol.is_datagrams() || args.udp;
    match (&args.sender, args.listen) {
        (Some(peer), _) => {
            confined_in(session, &connects(Some(&file)));
            if udp {
                receive::greet_udp(peer, &protocol, &file, session)?;
            } else {
                receive::connect(peer, &protocol, &file, session)?;
            }
        }
        (None, Some(port)) => {
            let address = SocketAddr::new(args.address, port);
            let needs = connects(Some(&file)).with_network(Network::Accepts);
            if udp {
                let socket = bind_udp(address)?;
                confined_in(session, &needs);
                receive::listen_udp(&socket, &protocol, &file, session)?;
            } else {
                let listener = listen(address)?;
                confined_in(session, &needs);
                receive::listen(&listener, &protocol, &file, session)?;
            }
        }
        (None, None) => {
            return Err(usage("say where from: HOST:PORT, or --listen PORT"));
        }
    }
    Ok(())
}

fn peer(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(1..)) => Ok(text.to_owned()),
        _ => Err("expected HOST:PORT, e.g. 127.0.0.1:65432 or [::1]:5050".to_owned()),
    }
}

/// A choice that a catalogue can take: not empty, not too long, in one line.
fn choice(text: &str) -> Result<String, String> {
    let good = !text.trim().is_empty() && !text.chars().any(char::is_control);
    if good && text.len() <= LONGEST_CHOICE {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected a number or a name of at most {LONGEST_CHOICE} bytes, e.g. 2 or cat.jpg"
        ))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parses(arguments: &str) -> bool {
        Client::try_parse_from(std::iter::once("imgnet-client").chain(arguments.split(' '))).is_ok()
    }

    #[test]
    fn arguments_are_consistent() {
        Client::command().debug_assert();
    }

    #[test]
    fn what_the_product_promises_is_understood() {
        for good in [
            "send localhost:65432 a.jpg b.jpg",
            "send [::1]:5050 a.jpg --protocol marker --chunk 2048",
            "get 127.0.0.1:40674",
            "get 127.0.0.1:40674 3 -o three.jpg",
            "get 127.0.0.1:40674 cat.jpg --format json",
            "get 127.0.0.1:40674 --list",
            "send localhost:1 a.jpg --protocol framed --udp",
            "send localhost:5050 a.jpg --protocol marker --back edited",
            "work 127.0.0.1:5050 --filter find-edges --rounds 2",
            "receive --listen 9909 --protocol raw-pixels --width 640 -o out.png",
            "receive 127.0.0.1:9909 --width 640",
        ] {
            assert!(parses(good), "{good}");
        }
        for bad in [
            "send localhost a.jpg",
            "send localhost:0 a.jpg",
            "send localhost:1",
            "get localhost:1 -1",
            "get localhost:1 2 --list",
            "work localhost:1 --filter nothing",
            "receive",
            "receive localhost:1 --listen 2 --width 3",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }
}
