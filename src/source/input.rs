//! One file as it was opened: mapped, rewound for every reading, or read once.

use std::fs::{File, Metadata};
use std::io::{Cursor, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::source::error::Error;
use crate::source::map::Map;
use crate::source::parse::Head;
use crate::source::reader::{Key, Reader};
use crate::source::sniff::{self, SNIFF_BYTES};
use crate::source::summary::{Compression, FileSummary, Format};
use crate::source::window::{Filled, Mapped, Stream, Window};
use crate::system;

/// A file written to so recently may still be growing, or be about to be written anew: no map of it.
const SETTLED: Duration = Duration::from_secs(2);

/// Room that a pipe is given: as much as Linux lets anybody have.
const PIPE: usize = 1 << 20;

/// Plain files up to this size are read into memory at once, so that nothing that happens to them later matters.
const SMALL: u64 = 4 << 20;

/// One file of a capture.
pub(super) struct Input {
    pub(super) summary: FileSummary,
    /// Time of the first frame; absent where it has none, or where it was not looked up.
    pub(super) first: Key,
    content: Content,
}

enum Content {
    /// All of a small file.
    Copied(Vec<u8>),
    Mapped(Map, File),
    Rewound(File),
    /// A pipe, and the first frame where it was looked up; absent once it is read.
    Once(Box<Option<(Reader<Stream>, Option<Head>)>>),
}

/// A reading of one file.
pub(super) enum Reading<'m> {
    Mapped(Reader<Mapped<'m>>),
    /// A file whose buffers are not made before its turn comes.
    Later {
        file: &'m File,
    },
    Stream(Reader<Stream>),
}

/// Files that were opened, and of which no byte was read: so a process can be confined before it reads the first.
#[derive(Debug)]
pub struct Files(Vec<Opened>);

/// A file, and what it was when it was opened.
#[derive(Debug)]
struct Opened {
    path: PathBuf,
    file: File,
    metadata: Metadata,
}

impl Files {
    /// Opens all files; `-` is standard input.
    ///
    /// # Errors
    /// Where one does not exist, may not be read, or is a folder; no file at all; standard input twice.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let times = paths.iter().filter(|path| *path == Path::new("-")).count();
        if times > 1 {
            return Err(Error::StandardInputTwice { times });
        }
        if paths.is_empty() {
            return Err(Error::NoFiles);
        }
        let files = paths.iter().map(|path| Opened::open(path));
        Ok(Self(files.collect::<Result<_, _>>()?))
    }

    /// Looks at their first bytes. `mapped` where plain files may be mapped; small ones are copied while `room` lasts.
    pub(super) fn inputs(self, mapped: bool, mut room: u64) -> Result<Vec<Input>, Error> {
        let files = self.0.into_iter();
        files
            .map(|opened| Input::begin_with(opened, mapped, &mut room))
            .collect()
    }

    /// The bytes of the files, one behind the other, decompressed where they are compressed: for those who copy a capture
    /// file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn unpacked(self) -> Result<Box<dyn Read + Send>, Error> {
        let mut all: Box<dyn Read + Send> = Box::new(std::io::empty());
        for opened in self.0 {
            all = Box::new(all.chain(unpacked(&opened.path, opened.file)?));
        }
        Ok(all)
    }
}

impl Opened {
    fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::from_io(path.to_owned(), source);
        let file = if path == Path::new("-") {
            let stdin = std::io::stdin().as_fd().try_clone_to_owned();
            File::from(stdin.map_err(unreadable)?)
        } else {
            File::open(path).map_err(unreadable)?
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.file_type().is_fifo() {
            // The more there is room for, the seldomer writer and reader wait for each other. It may be refused.
            system::widen(&file, PIPE);
        }
        if metadata.is_dir() {
            return Err(Error::Directory {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            metadata,
        })
    }
}

impl Input {
    /// Looks at the first bytes of a file. `mapped` where a plain one may be mapped. A small one is copied while `room` lasts.
    fn begin_with(opened: Opened, mapped: bool, room: &mut u64) -> Result<Self, Error> {
        let Opened {
            path,
            file,
            metadata,
        } = opened;
        // Standard input may be a file whose reading began elsewhere: never rewound.
        if !metadata.is_file() || path == Path::new("-") {
            return Self::once(&path, file);
        }
        Self::plain(&path, file, &metadata, mapped, room)
    }

    fn once(path: &Path, file: File) -> Result<Self, Error> {
        let (reader, format, compression) = stream(path, Box::new(file))?;
        Ok(Self {
            summary: FileSummary::new(path.to_owned(), format, compression, None),
            first: None,
            content: Content::Once(Box::new(Some((reader, None)))),
        })
    }

    fn plain(
        path: &Path,
        file: File,
        metadata: &Metadata,
        mapped: bool,
        room: &mut u64,
    ) -> Result<Self, Error> {
        let (_, format, compression) = from_start(path, &file)?;
        let length = metadata.len();
        let content = if !mapped || compression.is_some() || !settled(metadata) {
            Content::Rewound(file)
        } else if length <= SMALL.min(*room) {
            *room -= length;
            copied(file, length)
        } else {
            // Not every file system can map.
            match Map::new(&file) {
                Ok(map) => Content::Mapped(map, file),
                Err(_) => Content::Rewound(file),
            }
        };
        Ok(Self {
            summary: FileSummary::new(path.to_owned(), format, compression, Some(metadata.len())),
            first: None,
            content,
        })
    }

    /// The file's bytes; absent where it is read through a buffer.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Copied(bytes) => Some(bytes),
            Content::Mapped(map, _) => Some(map.bytes()),
            Content::Rewound(_) | Content::Once(_) => None,
        }
    }

    /// Whether the file is shorter than it was when it was mapped: what was read of it may be zeros.
    pub(super) fn was_cut(&self) -> bool {
        match &self.content {
            Content::Mapped(map, file) => {
                map.was_cut() || is_shorter(file, self.summary.file_bytes)
            }
            Content::Copied(_) | Content::Rewound(_) | Content::Once(_) => false,
        }
    }

    /// Whether a zero was read in the place of a byte that is gone; asked for with every frame.
    #[inline]
    pub(super) fn reads_zeros(&self) -> bool {
        matches!(&self.content, Content::Mapped(map, _) if map.was_cut())
    }

    /// From now on the file is read through a buffer.
    pub(super) fn unmap(&mut self) {
        let content = std::mem::replace(&mut self.content, Content::Copied(Vec::new()));
        self.content = match content {
            Content::Mapped(_, file) => Content::Rewound(file),
            other => other,
        };
    }

    /// What a reader through a buffer cannot see: that the file was cut between two records. `length` is what it
    /// has now.
    pub(super) fn cut_to(&self) -> Option<(u64, u64)> {
        let was = self.summary.file_bytes?;
        let now = match &self.content {
            Content::Rewound(file) if is_shorter(file, Some(was)) => file.metadata().ok()?.len(),
            Content::Copied(bytes) if (bytes.len() as u64) < was => bytes.len() as u64,
            _ => return None,
        };
        Some((was, now))
    }

    /// Looks up the time of the first frame. Waits for it where the input is a pipe.
    pub(super) fn look_up_first(&mut self) {
        let head = match &mut self.content {
            Content::Copied(bytes) => mapped_reader(bytes).and_then(|mut reader| reader.advance()),
            Content::Mapped(map, _) => {
                mapped_reader(map.bytes()).and_then(|mut reader| reader.advance())
            }
            Content::Rewound(file) => {
                let reader = rewound(&self.summary.path, file);
                reader.ok().and_then(|mut reader| reader.advance())
            }
            Content::Once(once) => once.as_mut().as_mut().and_then(|(reader, first)| {
                *first = reader.advance();
                *first
            }),
        };
        self.first = head.and_then(|head| head.time);
    }

    /// Begins a reading, with the first frame where that was read already.
    pub(super) fn begin(&mut self) -> Result<(Reading<'_>, Option<Head>), Error> {
        let Self {
            summary, content, ..
        } = self;
        let already = || Error::AlreadyRead {
            path: summary.path.clone(),
        };
        let reader = |bytes| match mapped_reader(bytes) {
            Some(reader) => Ok((Reading::Mapped(reader), None)),
            None => Err(Error::NotACapture {
                path: summary.path.clone(),
                found: "other bytes than when it was opened".to_owned(),
                looks_like: None,
            }),
        };
        Ok(match content {
            Content::Copied(bytes) => reader(bytes)?,
            Content::Mapped(map, _) => reader(map.bytes())?,
            Content::Rewound(file) => (Reading::Later { file }, None),
            Content::Once(once) => {
                let (reader, first) = once.take().ok_or_else(already)?;
                (Reading::Stream(reader), first)
            }
        })
    }
}

/// All of a small file; where that cannot be read now, it is read again when its turn comes, and says why.
fn copied(mut file: File, length: u64) -> Content {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    match file
        .rewind()
        .and_then(|()| (&mut file).take(length).read_to_end(&mut bytes))
    {
        // Somebody is at it: it is read again, up to where it is then.
        Ok(read) if (read as u64) < length => Content::Rewound(file),
        Ok(_) => Content::Copied(bytes),
        Err(_) => Content::Rewound(file),
    }
}

fn is_shorter(file: &File, was: Option<u64>) -> bool {
    let now = file.metadata().map(|metadata| metadata.len());
    matches!((now, was), (Ok(now), Some(was)) if now < was)
}

/// A reader of a file in memory; absent where it does not begin as a capture does.
pub(super) fn mapped_reader(bytes: &[u8]) -> Option<Reader<Mapped<'_>>> {
    let (_, parser) = sniff::parser(bytes)?;
    Some(Reader::new(Mapped::new(bytes), parser))
}

/// A reader of a file from its start.
pub(super) fn rewound(path: &Path, file: &File) -> Result<Reader<Stream>, Error> {
    Ok(from_start(path, file)?.0)
}

fn from_start(path: &Path, file: &File) -> Result<Begun, Error> {
    let unreadable = |source| Error::from_io(path.to_owned(), source);
    let file = file.try_clone().map_err(unreadable)?;
    stream(path, Box::new(Placed { file, at: 0 }))
}

/// A file, and where it is being read: whoever reads it at the same time is not disturbed.
struct Placed {
    file: File,
    at: u64,
}

impl Read for Placed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

fn settled(metadata: &Metadata) -> bool {
    let age = metadata
        .modified()
        .ok()
        .and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.is_some_and(|age| age >= SETTLED)
}

type Begun = (Reader<Stream>, Format, Option<Compression>);

/// A reader of whatever `input` holds, decompressed where it must be.
fn stream(path: &Path, mut input: Box<dyn Read + Send>) -> Result<Begun, Error> {
    let path = || path.to_owned();
    let mut first = Vec::with_capacity(SNIFF_BYTES);
    (&mut input)
        .take(SNIFF_BYTES as u64)
        .read_to_end(&mut first)
        .map_err(|source| Error::from_io(path(), source))?;
    if first.is_empty() {
        return Err(Error::Empty { path: path() });
    }
    let compression = sniff::compression(&first);
    let input = undone(compression, Cursor::new(first).chain(input))
        .map_err(|source| Error::from_io(path(), source))?;
    let mut window = Stream::new(input, compression);
    let filled = window.fill(SNIFF_BYTES);
    match sniff::parser(window.unread()) {
        Some((format, parser)) => Ok((Reader::new(window, parser), format, compression)),
        None => Err(no_capture(path(), compression, window.unread(), filled)),
    }
}

/// What `input` holds, decompressed where it must be.
fn undone(
    compression: Option<Compression>,
    input: impl Read + Send + 'static,
) -> std::io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        None => Box::new(input),
        Some(Compression::Gzip) => Box::new(flate2::read::MultiGzDecoder::new(input)),
        Some(Compression::Zstd) => Box::new(zstd::Decoder::new(input)?),
    })
}

/// The bytes of a file as they are, decompressed where they must be.
fn unpacked(path: &Path, file: File) -> Result<Box<dyn Read + Send>, Error> {
    let unreadable = |source| Error::from_io(path.to_owned(), source);
    let mut file = std::io::BufReader::with_capacity(256 << 10, file);
    let mut first = Vec::with_capacity(SNIFF_BYTES);
    (&mut file)
        .take(SNIFF_BYTES as u64)
        .read_to_end(&mut first)
        .map_err(unreadable)?;
    let compression = sniff::compression(&first);
    undone(compression, Cursor::new(first).chain(file)).map_err(unreadable)
}

fn no_capture(
    path: PathBuf,
    compression: Option<Compression>,
    first: &[u8],
    filled: Filled,
) -> Error {
    let within = compression.map(|compression| format!(" within {compression}"));
    let within = within.unwrap_or_default();
    let found = match filled {
        Filled::Failed(reason) => format!("{} bytes{within}, then: {reason}", first.len()),
        _ if first.is_empty() => format!("nothing{within}"),
        _ => {
            let magic: Vec<_> = first.iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("first bytes {}{within}", magic.join(" "))
        }
    };
    Error::NotACapture {
        path,
        found,
        looks_like: sniff::looks_like(first),
    }
}
