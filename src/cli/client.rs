//! `imgnet-client`: send, get, work, receive.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::server::{
    Common, at_least_one, chunk_size, marker, milliseconds, one_way, parsed, pixels_width, run,
    usage,
};
use crate::imaging::Filter;
use crate::transfer::client::send::{self, Send};
use crate::transfer::client::work::{self, Work};
use crate::transfer::client::{get, receive};
use crate::transfer::{Session, bind_udp, listen};
use crate::wire::Protocol;

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
struct Client {
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
    imgnet-client send 127.0.0.1:6001 a.jpg --protocol udp\n\n\
    Each file goes over a connection of its own, in the length formats all over one.")]
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
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    pace: Option<Duration>,

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

    /// Number of the picture
    #[arg(default_value = "1", value_parser = choice)]
    choice: String,

    /// File to save it as; replaced if it is there [default: choice-N.jpg]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

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

    /// File to save it as; replaced if it is there [default: received.png, or received.jpg where no PNG is made]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    common: Common,
}

/// Runs `imgnet-client` with these arguments (the program's name first) and says how it went.
pub fn imgnet_client(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let client: Client = match parsed(arguments) {
        Ok(client) => client,
        Err(exit) => return exit,
    };
    match client.command {
        Command::Send(args) => run("imgnet-client", &args.common, false, |session| {
            let send = Send {
                peer: args.server.clone(),
                files: args.files.clone(),
                protocol: args.protocol.clone(),
                chunk: args.chunk,
                pace: args.pace,
            };
            send::run(&send, session)?;
            Ok(())
        }),
        Command::Get(args) => run("imgnet-client", &args.common, false, |session| {
            let file = args
                .output
                .clone()
                .unwrap_or_else(|| format!("choice-{}.jpg", args.choice).into());
            get::run(&args.server, &args.choice, &file, session)?;
            Ok(())
        }),
        Command::Work(args) => run("imgnet-client", &args.common, false, |session| {
            let work = Work {
                peer: args.server.clone(),
                filter: args.filter,
                rounds: args.rounds,
                protocol: args.protocol.clone(),
            };
            work::run(&work, session)?;
            Ok(())
        }),
        Command::Receive(args) => run("imgnet-client", &args.common, false, |session| {
            receive(&args, session)
        }),
    }
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
    let udp = protocol == Protocol::Udp;
    match (&args.sender, args.listen) {
        (Some(peer), _) if udp => receive::greet_udp(peer, &protocol, &file, session)?,
        (Some(peer), _) => receive::connect(peer, &protocol, &file, session)?,
        (None, Some(port)) => {
            let address = SocketAddr::new(args.address, port);
            if udp {
                receive::listen_udp(&bind_udp(address)?, &protocol, &file, session)?;
            } else {
                receive::listen(&listen(address)?, &protocol, &file, session)?;
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

fn choice(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("expected a number, e.g. 2".to_owned())
    }
}

fn filter(text: &str) -> Result<Filter, String> {
    text.parse().map_err(|error| format!("{error}"))
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
            "get localhost:1 cat",
            "get localhost:1 -1",
            "work localhost:1 --filter nothing",
            "receive",
            "receive localhost:1 --listen 2 --width 3",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }
}
