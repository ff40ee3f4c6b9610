//! `imgnet-server`: receive, catalog, pipeline, stream.

mod shared;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::transfer::server::catalog::{self, Catalog};
use crate::transfer::server::pipeline::{self, Pipeline};
use crate::transfer::server::receive::{self, Receive};
use crate::transfer::server::stream::{self, Stream};
use crate::transfer::{Session, Store, bind_udp, listen};
use crate::wire::Protocol;
use crate::wire::detect::{CATALOG_PORT, EOF_PORT, PIPELINE_PORT, RAW_PIXELS_PORT};

pub(super) use shared::{
    Common, at_least_one, chunk_size, default_port, marker, milliseconds, one_way, parsed,
    pixels_width, run, usage,
};

/// `imgnet-server`.
#[derive(Debug, Parser)]
#[command(
    name = "imgnet-server",
    version,
    about = "Receives, serves and streams pictures in the wire formats of imgnet",
    after_help = "Examples:\n  \
                  imgnet-server receive --out in                     save what clients send to port 65432\n  \
                  imgnet-server catalog --import pictures            numbered pictures on port 40674\n  \
                  imgnet-server pipeline --out done --rounds 1       one upload, two workers, one merged picture\n  \
                  imgnet-server stream --connect 127.0.0.1:9909 a.png    rows of pixels to a receiver that listens\n\n\
                  Exit codes: 0 good, 1 a transfer failed, 2 usage, or something that cannot be read, written or listened on.",
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Server {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Receive(ReceiveArgs),
    Catalog(CatalogArgs),
    Pipeline(PipelineArgs),
    Stream(StreamArgs),
}

/// Where to listen.
#[derive(Debug, Args)]
struct Listen {
    /// Address to listen on; 0.0.0.0 or :: for every one, which lets others on the network in
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    listen: std::net::IpAddr,
}

impl Listen {
    fn on(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.listen, port)
    }
}

/// Saves the pictures that clients send
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    imgnet-server receive --out in --count 1\n  \
    imgnet-server receive --protocol 'marker=<END>' --port 7000 --out in\n  \
    imgnet-server receive --protocol raw-pixels --width 640 --out in\n\n\
    Pictures are saved as image-0001.jpg and so on; what is not whole as image-0001.incomplete.jpg; what is no picture is refused.")]
struct ReceiveArgs {
    #[command(flatten)]
    listen: Listen,

    /// Port [default: the format's: 65432, 5050 for marker, 9909 for raw-pixels, 6001 for udp]
    #[arg(long)]
    port: Option<u16>,

    /// Wire format
    #[arg(long, value_name = "FORMAT", default_value = "eof", value_parser = one_way)]
    protocol: Protocol,

    /// Pixels in a row, for raw-pixels
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    width: Option<u32>,

    /// Folder for the pictures; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// End after N pictures, whole or not [default: go on until stopped]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    count: Option<u64>,

    #[command(flatten)]
    common: Common,
}

/// Answers each client with the picture of the number it sends
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    imgnet-server catalog --import pictures\n  \
    imgnet-client get 127.0.0.1:40674 2\n\n\
    Pictures are numbered from 1 in the order of their names, 2.jpg before 10.jpg. What is no JPEG is sent as one. An unknown \
    number is answered with a not-found picture.")]
struct CatalogArgs {
    #[command(flatten)]
    listen: Listen,

    /// Port
    #[arg(long, default_value_t = CATALOG_PORT)]
    port: u16,

    /// Folder with the pictures
    #[arg(long, value_name = "DIR")]
    import: PathBuf,

    /// End after N answers [default: go on until stopped]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    count: Option<u64>,

    #[command(flatten)]
    common: Common,
}

/// Splits an uploaded picture, lets workers filter the strips, and merges them
#[derive(Debug, Args)]
#[command(after_help = "Example (in four terminals, in this order):\n  \
    imgnet-server pipeline --out done --rounds 1\n  \
    imgnet-client send 127.0.0.1:5050 photo.jpg --protocol marker\n  \
    imgnet-client work 127.0.0.1:5050\n  \
    imgnet-client work 127.0.0.1:5050\n\n\
    The order of connecting gives the role: the uploader first, then the workers.")]
struct PipelineArgs {
    #[command(flatten)]
    listen: Listen,

    /// Port
    #[arg(long, default_value_t = PIPELINE_PORT)]
    port: u16,

    /// End marker, as marker or marker=TEXT
    #[arg(long, value_name = "FORMAT", default_value = "marker", value_parser = marker)]
    protocol: Protocol,

    /// Folder for uploads, strips, results and merged pictures; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Workers, and so strips
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,

    /// End after N rounds [default: go on until stopped]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    rounds: Option<u64>,

    #[command(flatten)]
    common: Common,
}

/// Sends pictures as rows of pixels or as datagrams
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    imgnet-server stream --connect 127.0.0.1:9909 photo.png    to a receiver that listens\n  \
    imgnet-server stream --port 9909 photo.png                 to the first that connects\n  \
    imgnet-server stream --protocol udp --connect 127.0.0.1:6001 photo.jpg\n\n\
    With several files, each goes over a connection of its own; then the program ends.")]
struct StreamArgs {
    #[command(flatten)]
    listen: Listen,

    /// Port to wait on [default: the format's: 9909, 6001 for udp]
    #[arg(long, conflicts_with = "connect")]
    port: Option<u16>,

    /// Receiver to connect to instead of waiting
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,

    /// Wire format; raw-pixels takes the width from the picture
    #[arg(long, value_name = "FORMAT", default_value = "raw-pixels", value_parser = one_way)]
    protocol: Protocol,

    /// Bytes handed over at once [default: a row of pixels; 1024 for udp]
    #[arg(long, value_name = "BYTES", value_parser = chunk_size)]
    chunk: Option<usize>,

    /// Pause after each, in milliseconds
    #[arg(long, value_name = "MS", default_value = "1", value_parser = milliseconds)]
    pace: Duration,

    /// Pictures
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    common: Common,
}

/// Runs `imgnet-server` with these arguments (the program's name first) and says how it went.
pub fn imgnet_server(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let server: Server = match parsed(arguments) {
        Ok(server) => server,
        Err(exit) => return exit,
    };
    match &server.command {
        Command::Receive(args) => run("imgnet-server", &args.common, true, |session| {
            receive(args, session)
        }),
        Command::Catalog(args) => run("imgnet-server", &args.common, true, |session| {
            let catalog = Catalog::of_folder(&args.import)?;
            let listener = listen(args.listen.on(args.port))?;
            catalog::run(&listener, &catalog, args.count, session)?;
            Ok(())
        }),
        Command::Pipeline(args) => run("imgnet-server", &args.common, true, |session| {
            let pipeline = Pipeline {
                store: Store::open(&args.out)?,
                workers: args.workers,
                rounds: args.rounds,
                protocol: args.protocol.clone(),
            };
            let listener = listen(args.listen.on(args.port))?;
            pipeline::run(&listener, &pipeline, session)?;
            Ok(())
        }),
        Command::Stream(args) => run("imgnet-server", &args.common, true, |session| {
            stream(args, session)
        }),
    }
}

fn receive(args: &ReceiveArgs, session: &Session<'_>) -> anyhow::Result<()> {
    let protocol = pixels_width(&args.protocol, args.width)?;
    let address = args
        .listen
        .on(args.port.unwrap_or(default_port(&protocol, EOF_PORT)));
    let receive = Receive {
        store: Store::open(&args.out)?,
        count: args.count,
        protocol,
    };
    if receive.protocol == Protocol::Udp {
        receive::run_udp(&bind_udp(address)?, &receive, session)?;
    } else {
        receive::run(&listen(address)?, &receive, session)?;
    }
    Ok(())
}

fn stream(args: &StreamArgs, session: &Session<'_>) -> anyhow::Result<()> {
    if matches!(args.protocol, Protocol::Catalog) {
        return Err(usage(
            "catalog pictures are asked for by number: use imgnet-server catalog",
        ));
    }
    let stream = Stream {
        protocol: args.protocol.clone(),
        files: args.files.clone(),
        chunk: args.chunk,
        pace: args.pace,
    };
    let udp = stream.protocol == Protocol::Udp;
    let port = args
        .port
        .unwrap_or(default_port(&stream.protocol, RAW_PIXELS_PORT));
    let address = args.listen.on(port);
    match &args.connect {
        Some(peer) if udp => stream::connect_udp(peer, &stream, session)?,
        Some(peer) => stream::connect(peer, &stream, session)?,
        None if udp => stream::listen_udp(&bind_udp(address)?, &stream, session)?,
        None => stream::listen(&listen(address)?, &stream, session)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parses(arguments: &str) -> bool {
        Server::try_parse_from(std::iter::once("imgnet-server").chain(arguments.split(' '))).is_ok()
    }

    #[test]
    fn arguments_are_consistent() {
        Server::command().debug_assert();
    }

    #[test]
    fn what_the_product_promises_is_understood() {
        for good in [
            "receive --out in",
            "receive --port 65432 --protocol eof --out in --count 3",
            "receive --protocol marker=DONE --out in --ledger l.jsonl --idle 0.5 --max-bytes 1M -q",
            "catalog --port 40674 --import pictures --count 2",
            "pipeline --port 5050 --out done --workers 3 --rounds 1",
            "stream --port 9909 a.png b.png",
            "stream --connect localhost:9909 --protocol udp --pace 0.5 --chunk 1400 a.jpg",
        ] {
            assert!(parses(good), "{good}");
        }
        for bad in [
            "receive",
            "receive --out in --count 0",
            "receive --out in --protocol catalog",
            "receive --out in --protocol raw-pixels=0",
            "receive --out in --idle 0",
            "catalog",
            "pipeline --out done --workers 0",
            "pipeline --out done --protocol eof",
            "stream",
            "stream --port 1 --connect a:1 a.png",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }
}
