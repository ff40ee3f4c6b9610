//! A file that is being written: what was appended is read, and nothing twice.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::frame::Frame;
use crate::source::error::Error;
use crate::source::map::Map;
use crate::source::reader::{Reader, frame};
use crate::source::sniff;
use crate::source::summary::FileSummary;
use crate::source::window::Mapped;
use crate::units::FrameNumber;

/// A plain capture file that another program goes on writing, in whole blocks or parts of them.
///
/// Its bytes before the end never change; where it is cut nevertheless, what was mapped of it reads as zeros from there on.
pub(crate) struct Growing {
    path: PathBuf,
    file: File,
    map: Arc<Map>,
    /// Where the reading stands; between two readings it has no bytes to look at.
    reader: Option<Reader<Mapped<'static>>>,
    number: u64,
    summary: FileSummary,
}

/// The bytes of a file as far as it had grown, for as long as somebody holds them.
#[derive(Debug, Clone)]
pub(crate) struct Grown(Arc<Map>);

impl Grown {
    /// All of them.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl Growing {
    /// Opens a file. Reads no frame of it.
    ///
    /// # Errors
    /// It cannot be read, or does not begin as a capture file does: one that has only just begun may do so later.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::from_io(path.to_owned(), source);
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        if length == 0 {
            return Err(Error::Empty {
                path: path.to_owned(),
            });
        }
        let map = Arc::new(Map::new(&file).map_err(unreadable)?);
        let Some((format, parser)) = sniff::parser(map.bytes()) else {
            return Err(Error::NotACapture {
                path: path.to_owned(),
                found: format!("{length} bytes that begin otherwise"),
                looks_like: None,
            });
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            map,
            reader: Some(Reader::new(Mapped::new(&[]), parser)),
            number: 0,
            summary: FileSummary::new(path.to_owned(), format, None, Some(length)),
        })
    }

    /// Calls `each` for every whole frame that was appended since the last call, with the place of its bytes in
    /// [`Self::grown`].
    ///
    /// # Errors
    /// The file cannot be mapped any more.
    pub(crate) fn read_on(&mut self, each: &mut dyn FnMut(&Frame<'_>, usize)) -> Result<(), Error> {
        let map = Map::new(&self.file)
            .map_err(|source| Error::from_io(self.path.clone(), source))
            .map(Arc::new)?;
        let Some(parked) = self.reader.take() else {
            return Ok(());
        };
        let at = parked.position();
        let mut reader = parked.through(Mapped::from(map.bytes(), at));
        reader.resume();
        while let Some(head) = reader.advance() {
            self.number += 1 + reader.take_numbers_passed();
            let number = FrameNumber(self.number);
            let frame = frame(number, head.interface, &head, reader.mapped_data(&head));
            each(&frame, head.start);
        }
        self.summary.file_bytes = Some(map.bytes().len() as u64);
        let indices: Vec<u32> = (0..).take(reader.interface_count()).collect();
        let last = (self.number > 0).then_some(FrameNumber(self.number));
        reader.account(&mut self.summary, last, &indices);
        let at = reader.position();
        self.reader = Some(reader.through(Mapped::from(&[], at)));
        self.map = map;
        Ok(())
    }

    /// The bytes as far as they were read.
    pub(crate) fn grown(&self) -> Grown {
        Grown(Arc::clone(&self.map))
    }

    /// The file's account, as far as it was read.
    pub(crate) fn summary(&self) -> &FileSummary {
        &self.summary
    }
}
