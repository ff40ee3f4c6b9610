//! `imgnet-server`: receive, catalog, pipeline, edit, stream.

mod guard;
mod machine;
mod moving;
mod shared;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use guard::Guard;

use super::client::menu;
use super::confined::confined_in;
use crate::capture::confine::{Needs, Network};
use crate::cli::Exit;
use crate::cli::values::{at_least_one, chunk_size, pause};
use crate::imaging::Filter;
use crate::transfer::server::catalog::{self, Added, Catalog, Database};
use crate::transfer::server::edit::{self, Edit};
use crate::transfer::server::pipeline::{self, Pipeline};
use crate::transfer::server::receive::{self, Receive};
use crate::transfer::server::stream::{self, Frames, Stream};
use crate::transfer::{Error, Event, Session, Store, bind_udp, listen};
use crate::units::counted;
use crate::wire::Protocol;
use crate::wire::detect::{CATALOG_PORT, EOF_PORT, PIPELINE_PORT, RAW_PIXELS_PORT};

pub(super) use shared::{
    Common, Showing, default_port, marker, one_way, only_framed, parsed, pixels_width, run,
    run_showing, usage,
};

/// The program's name in what it tells.
const PROGRAM: &str = "imgnet-server";

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
pub(crate) struct Server {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Receive(ReceiveArgs),
    Catalog(CatalogArgs),
    Pipeline(PipelineArgs),
    Edit(EditArgs),
    Stream(StreamArgs),
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
    guard: Guard,

    /// Port [default: the format's: 65432, 5050 for marker, 9909 for raw-pixels, 6001 for udp]
    #[arg(long)]
    port: Option<u16>,

    /// Wire format
    #[arg(long, value_name = "FORMAT", default_value = "eof", value_parser = one_way)]
    protocol: Protocol,

    /// Pixels in a row, for raw-pixels
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    width: Option<u32>,

    /// Move framed pictures as datagrams, asked for again until they are whole; other formats know which they use
    #[arg(long)]
    udp: bool,

    /// Folder for the pictures; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// End after N pictures, whole or not; a connection that brings none counts too [default: go on until stopped]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    count: Option<u64>,

    #[command(flatten)]
    showing: Showing,

    #[command(flatten)]
    common: Common,
}

/// Answers each client with the picture of the number it sends
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    imgnet-server catalog --import pictures                       a folder, as it is\n  \
    imgnet-server catalog --db photos.db --import pictures        kept in a file\n  \
    imgnet-server catalog --db photos.db --add a.jpg b.png\n  \
    imgnet-server catalog --import pictures --order menu.txt      numbered as the client's menu has them\n  \
    imgnet-server catalog --db photos.db --list\n  \
    imgnet-client get 127.0.0.1:40674 2\n\n\
    Pictures are numbered from 1 in the order of their names, 2.jpg before 10.jpg, unless --order says otherwise, and in a \
    catalogue in the order in which they were added; there they keep their numbers. --list shows them. A choice is a number or \
    a name; an unknown one is answered with a not-found picture. The bytes sent are those of the file.")]
struct CatalogArgs {
    #[command(flatten)]
    guard: Guard,

    /// Port
    #[arg(long, default_value_t = CATALOG_PORT)]
    port: u16,

    /// File with the catalogue (SQLite); made if it is not there
    #[arg(long, value_name = "FILE", required_unless_present_any = ["import", "order"])]
    db: Option<PathBuf>,

    /// Folder with the pictures; with --db they are added to the catalogue first
    #[arg(long, value_name = "DIR")]
    import: Option<PathBuf>,

    /// Number the pictures in the order of this file: one name a line, below the folder of --import or else the file's own
    #[arg(long, value_name = "FILE", conflicts_with_all = ["add", "remove"])]
    order: Option<PathBuf>,

    /// Picture that answers a choice which there is not [default: notfound.* in the folder of --import, or one of imgnet's]
    #[arg(long, value_name = "FILE")]
    not_found: Option<PathBuf>,

    /// Add these pictures to the catalogue, and end
    #[arg(long, value_name = "FILE", requires = "db", num_args = 1.., conflicts_with = "import")]
    add: Vec<PathBuf>,

    /// Remove these from the catalogue, by number or name, and end
    #[arg(long, value_name = "CHOICE", requires = "db", num_args = 1.., conflicts_with = "import")]
    remove: Vec<String>,

    /// Show what there is, and end
    #[arg(long)]
    list: bool,

    /// Answer with a JPEG encoded afresh for every choice, as the original program does, instead of the stored bytes
    #[arg(long)]
    re_encode: bool,

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
    guard: Guard,

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

    /// What is done to the strip of a worker that dies or hangs: find-edges, contour, blur, sharpen, emboss, edge-enhance,
    /// grayscale, invert
    #[arg(long, default_value = "find-edges", value_parser = filter)]
    filter: Filter,

    /// End after N rounds [default: go on until stopped]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    rounds: Option<u64>,

    #[command(flatten)]
    common: Common,
}

/// Receives pictures and sends each back filtered, on the same connection
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    imgnet-server edit --out edited --filter blur\n  \
    imgnet-client send 127.0.0.1:5050 photo.jpg --protocol marker --back here\n\n\
    What came is saved as image-0001-upload.jpg, what went back as image-0001-edited.jpg.")]
struct EditArgs {
    #[command(flatten)]
    guard: Guard,

    /// Port [default: the format's: 5050 for marker, 65432 for half-close]
    #[arg(long)]
    port: Option<u16>,

    /// Wire format: marker, marker=TEXT, length=FIELD or half-close
    #[arg(long, value_name = "FORMAT", default_value = "marker", value_parser = answered)]
    protocol: Protocol,

    /// Folder for what came and what went back; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// What is done: find-edges, contour, blur, sharpen, emboss, edge-enhance, grayscale, invert
    #[arg(long, default_value = "find-edges", value_parser = filter)]
    filter: Filter,

    /// End after N pictures, whole or not [default: go on until stopped]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    count: Option<u64>,

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
    guard: Guard,

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
    #[arg(long, value_name = "MS", default_value = "1", value_parser = pause)]
    pace: Duration,

    /// Move framed pictures as datagrams, asked for again until they are whole; other formats know which they use
    #[arg(long)]
    udp: bool,

    /// Pictures a second, at most
    #[arg(long, value_name = "N", value_parser = rate)]
    fps: Option<Duration>,

    /// Begin again after the last picture, until stopped
    #[arg(long = "loop")]
    repeat: bool,

    /// Pictures, or folders of them
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    common: Common,
}

/// Runs `imgnet-server` with these arguments (the program's name first) and says how it went.
pub fn imgnet_server(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let server: Server = match parsed(arguments) {
        Ok(server) => server,
        Err(exit) => return exit.into(),
    };
    let exit = match &server.command {
        Command::Receive(args) => run_showing(
            PROGRAM,
            &args.common,
            Some(&args.guard),
            Some(&args.showing),
            &[],
            |session| receive(args, session),
        ),
        Command::Catalog(args) if args.edits() => edited(edit(args, &mut io::stdout().lock())),
        Command::Catalog(args) => run(
            PROGRAM,
            &args.common,
            Some(&args.guard),
            &args.files(),
            |session| {
                let catalog = opened(args, session)?.re_encode(args.re_encode);
                let listener = listen(args.guard.on(args.port))?;
                confined_in(session, &args.needs());
                catalog::run(&listener, &catalog, args.count, session)?;
                Ok(())
            },
        ),
        Command::Pipeline(args) => run(PROGRAM, &args.common, Some(&args.guard), &[], |session| {
            let pipeline = Pipeline {
                store: Store::open(&args.out)?,
                workers: args.workers,
                rounds: args.rounds,
                protocol: args.protocol.clone(),
            };
            let listener = listen(args.guard.on(args.port))?;
            confined_in(session, &saves_in(&args.out));
            pipeline::run_with(&listener, &pipeline, args.filter, session)?;
            Ok(())
        }),
        Command::Edit(args) => run(PROGRAM, &args.common, Some(&args.guard), &[], |session| {
            let edit = Edit {
                store: Store::open(&args.out)?,
                protocol: args.protocol.clone(),
                filter: args.filter,
                count: args.count,
            };
            let port = args
                .port
                .unwrap_or(default_port(&args.protocol, PIPELINE_PORT));
            let listener = listen(args.guard.on(port))?;
            confined_in(session, &saves_in(&args.out));
            edit::run(&listener, &edit, session)?;
            Ok(())
        }),
        Command::Stream(args) => {
            let files: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
            run(
                PROGRAM,
                &args.common,
                Some(&args.guard),
                &files,
                |session| stream(args, session),
            )
        }
    };
    exit.into()
}

/// What a server needs that saves pictures in a folder and listens already.
fn saves_in(folder: &Path) -> Needs {
    Needs {
        folders: vec![folder.to_owned()],
        network: Network::Accepts,
        ..Needs::default()
    }
}

impl CatalogArgs {
    /// What it needs once it listens: the pictures' files, or the database, which keeps files of its own beside it.
    fn needs(&self) -> Needs {
        let needs = Needs::beside(self.db.as_deref());
        let folder = self.db.is_none().then(|| self.folder());
        needs.reading(folder).with_network(Network::Accepts)
    }

    /// The files that it names: database, list, picture for what there is not.
    fn files(&self) -> Vec<&Path> {
        let files = [&self.db, &self.order, &self.not_found];
        files.into_iter().filter_map(Option::as_deref).collect()
    }

    /// Where the pictures are that are named.
    fn folder(&self) -> &Path {
        let beside = self.order.as_deref().and_then(Path::parent);
        let folder = self.import.as_deref().or(beside);
        folder
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
    }

    /// The catalogue of a folder or a list, without a database.
    fn of_files(&self) -> anyhow::Result<Catalog> {
        Ok(match &self.order {
            Some(list) => Catalog::of_list(list, self.folder())?,
            None => Catalog::of_folder(self.folder())?,
        })
    }

    /// Only changes or shows the catalogue.
    fn edits(&self) -> bool {
        self.list || !self.add.is_empty() || !self.remove.is_empty()
    }
}

/// The catalogue that is served.
fn opened(args: &CatalogArgs, session: &Session<'_>) -> anyhow::Result<Catalog> {
    let catalog = match &args.db {
        None => args.of_files()?,
        Some(file) => filled(args, Database::open(file)?, session)?,
    };
    let catalog = match &args.not_found {
        Some(path) => catalog.not_found(path)?,
        None => catalog,
    };
    if let Some(path) = catalog.own_not_found() {
        (session.observer)(Event::Note(format!(
            "{} answers choices that there are not",
            path.display()
        )));
    }
    Ok(catalog)
}

/// Adds the pictures of a folder or a list to a database.
fn filled(
    args: &CatalogArgs,
    database: Database,
    session: &Session<'_>,
) -> anyhow::Result<Catalog> {
    let mut there = match &args.import {
        Some(folder) => catalog::pictures_of(folder)?,
        None => Vec::new(),
    };
    let not_found = catalog::take_not_found(&mut there);
    let paths = match &args.order {
        Some(list) => catalog::listed_in(list, args.folder())?,
        None => there,
    };
    if !paths.is_empty() {
        let mut added = 0_u64;
        for path in paths {
            match database.add_file(&path, &session.limits) {
                Ok(Added::Same(_)) => {}
                Ok(_) => added = added.saturating_add(1),
                // One bad picture keeps no other from being served.
                Err(error @ Error::NotAPicture { .. }) => {
                    (session.observer)(Event::Warning(error.told()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        (session.observer)(Event::Note(counted(
            added,
            "picture is new or changed",
            "pictures are new or changed",
        )));
    }
    let catalog = Catalog::of_database(database)?;
    Ok(match not_found {
        Some(path) => catalog.not_found(&path)?,
        None => catalog,
    })
}

/// Changes and shows a catalogue; false where something could not be done.
fn edit(args: &CatalogArgs, out: &mut impl Write) -> anyhow::Result<bool> {
    let mut good = true;
    if let Some(file) = &args.db {
        let database = Database::open(file)?;
        let limits = args.common.limits();
        for path in &args.add {
            match database.add_file(path, &limits) {
                Ok(Added::New(number)) => writeln!(out, "{}: added as {number}", path.display())?,
                Ok(Added::Replaced(number)) => {
                    writeln!(out, "{}: replaces {number}", path.display())?;
                }
                Ok(Added::Same(number)) => {
                    writeln!(out, "{}: is there already, as {number}", path.display())?;
                }
                Err(error @ Error::NotAPicture { .. }) => {
                    good = false;
                    shared::tell(PROGRAM, &error.told());
                }
                Err(error) => return Err(error.into()),
            }
        }
        for choice in &args.remove {
            if let Some(gone) = database.remove(choice)? {
                writeln!(out, "{}, {}: removed", gone.number, gone.name)?;
            } else {
                good = false;
                shared::tell(PROGRAM, &format!("{choice}: there is no such picture"));
            }
        }
    }
    if args.list {
        let listed = match &args.db {
            Some(file) => Database::open(file)?.list()?,
            None => args.of_files()?.list()?,
        };
        if args.common.is_json() {
            out.write_all(&catalog::listing::encode(&listed))?;
        } else {
            menu::table(&listed, &args.common.style(), out)?;
        }
    }
    Ok(good)
}

fn edited(outcome: anyhow::Result<bool>) -> Exit {
    match outcome {
        Ok(true) => Exit::Good,
        Ok(false) => Exit::NotEqual,
        Err(error) => {
            shared::tell(PROGRAM, &format!("{error:#}"));
            Exit::Usage
        }
    }
}

fn receive(args: &ReceiveArgs, session: &Session<'_>) -> anyhow::Result<()> {
    let protocol = pixels_width(&args.protocol, args.width)?;
    only_framed(args.udp, &protocol)?;
    let address = args
        .guard
        .on(args.port.unwrap_or(default_port(&protocol, EOF_PORT)));
    let receive = Receive {
        store: Store::open(&args.out)?,
        count: args.count,
        protocol,
    };
    let needs = saves_in(&args.out);
    if receive.protocol.is_datagrams() || args.udp {
        let socket = bind_udp(address)?;
        confined_in(session, &needs);
        receive::run_udp(&socket, &receive, session)?;
    } else {
        let listener = listen(address)?;
        confined_in(session, &needs);
        receive::run(&listener, &receive, session)?;
    }
    Ok(())
}

fn stream(args: &StreamArgs, session: &Session<'_>) -> anyhow::Result<()> {
    if matches!(args.protocol, Protocol::Catalog) {
        return Err(usage(
            "catalog pictures are asked for by number: use imgnet-server catalog",
        ));
    }
    let mut files = Vec::new();
    for path in &args.files {
        if path.is_dir() {
            files.extend(catalog::pictures_of(path)?);
        } else {
            files.push(path.clone());
        }
    }
    let stream = Stream {
        protocol: args.protocol.clone(),
        files,
        chunk: args.chunk,
        pace: args.pace,
    };
    let frames = Frames {
        every: args.fps,
        repeat: args.repeat,
    };
    only_framed(args.udp, &stream.protocol)?;
    let udp = stream.protocol.is_datagrams() || args.udp;
    let port = args
        .port
        .unwrap_or(default_port(&stream.protocol, RAW_PIXELS_PORT));
    let address = args.guard.on(port);
    let needs = Needs::default().reading(args.files.iter().map(PathBuf::as_path));
    if let Some(peer) = &args.connect {
        confined_in(session, &needs.with_network(Network::Connects));
        if udp {
            stream::connect_udp(peer, &stream, frames, session)?;
        } else {
            stream::connect(peer, &stream, frames, session)?;
        }
        return Ok(());
    }
    if udp {
        let socket = bind_udp(address)?;
        confined_in(session, &needs.with_network(Network::Answers));
        stream::listen_udp(&socket, &stream, frames, session)?;
    } else {
        let listener = listen(address)?;
        confined_in(session, &needs.with_network(Network::Accepts));
        stream::listen(&listener, &stream, frames, session)?;
    }
    Ok(())
}

/// A format in which a picture can be answered on its own connection.
fn answered(text: &str) -> Result<Protocol, String> {
    let protocol: Protocol = text.parse().map_err(|error| format!("{error}"))?;
    if edit::answers(&protocol) {
        Ok(protocol)
    } else {
        Err("expected marker, marker=TEXT, length=FIELD or half-close: in others the end of the connection ends the picture"
            .to_owned())
    }
}

/// A filter by its name.
pub(super) fn filter(text: &str) -> Result<Filter, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// Pictures a second, as the time from one to the next.
fn rate(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected pictures a second, 0.001 to 1000, not {text:?}");
    let number: f64 = text.parse().map_err(|_| expected())?;
    if !(0.001..=1000.0).contains(&number) {
        return Err(expected());
    }
    Duration::try_from_secs_f64(1.0 / number).map_err(|_| expected())
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
            "pipeline --port 5050 --out done --workers 3 --rounds 1 --filter blur",
            "edit --out edited --protocol length=u32be --filter blur --count 2",
            "stream --port 9909 a.png b.png",
            "catalog --db a.db",
            "catalog --db a.db --import pictures --re-encode",
            "catalog --db a.db --add a.jpg b.jpg",
            "catalog --db a.db --remove 3 cat.jpg --list --format json",
            "receive --out in --listen :: --allow 10.0.0.0/8 --allow fd00::/8 --connections 5 --rate 0 --total 60",
            "receive --out in --protocol framed --udp",
            "catalog --import pictures --order menu.txt --not-found none.jpg",
            "catalog --order menu.txt",
            "stream --fps 5 --loop pictures",
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
            "catalog --add a.jpg",
            "receive --out in --allow 10.0.0.0/33",
            "stream --fps 0 a.png",
            "pipeline --out done --workers 0",
            "pipeline --out done --protocol eof",
            "edit --out edited --protocol eof",
            "stream",
            "stream --port 1 --connect a:1 a.png",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }
}
