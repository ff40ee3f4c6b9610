//! `--extract`: every picture into a file of its own, while the analysis goes.
//!
//! Names are made of numbers, never of anything from the capture. A file appears under its name only once
//! the picture is over; until then it has a temporary one. Gaps are left out, never filled, and listed
//! beside the file. Memory: one small buffer for each file that is open, and few are.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level};
use tempfile::TempPath;

use crate::analysis::Event;
use crate::cli::output::{temporary, trouble};
use crate::imaging::{DEFAULT_QUALITY, encode};
use crate::ledger::{Gap, Image, Problem};
use crate::picture::compare::bgr24;
use crate::picture::{DecodeLimits, Format};
use crate::report::model::{Extracted, ExtractedFile};
use crate::units::PictureId;
use crate::wire::layout::PixelOrder;

/// Files open at once; pictures beyond that are closed and opened again.
const OPEN: usize = 128;
/// Bytes gathered before they are written.
const BUFFER: usize = 32 << 10;
/// What to do where writing fails half-way.
const ROOM: &str = "see whether the disk is full, or choose another folder";
/// What is said of the folder after an interruption.
const INTERRUPTED: &str = "interrupted; it has the pictures that were over by then";
/// How often it is looked whether the process was told to end.
const LOOK: Duration = Duration::from_millis(100);
/// How long the analysis has to notice it; it cannot while it waits for a pipe that gives nothing.
const GRACE: Duration = Duration::from_millis(500);

/// Writes pictures into a folder.
#[derive(Debug)]
pub(crate) struct Extract {
    folder: PathBuf,
    force: bool,
    parts: BTreeMap<PictureId, Part>,
    /// Which parts have their file open, the longest first.
    open: VecDeque<PictureId>,
    written: Vec<ExtractedFile>,
    failure: Option<anyhow::Error>,
    /// Ctrl-C and the like: what is not finished is taken away before the process ends.
    interruption: Arc<Interruption>,
}

/// Whether the process was told to end, and what it then has to take away.
#[derive(Debug, Default)]
struct Interruption {
    told: Arc<AtomicBool>,
    unfinished: Mutex<BTreeSet<PathBuf>>,
}

/// A picture that is not over yet.
#[derive(Debug)]
struct Part {
    path: TempPath,
    file: Option<BufWriter<File>>,
    bytes: u64,
}

/// The list beside a picture with gaps.
#[derive(Serialize)]
struct GapList<'a> {
    schema: &'static str,
    /// The file that lacks them.
    file: &'a str,
    /// Bytes of the picture.
    bytes: u64,
    /// Bytes in the file.
    written: u64,
    /// What is missing, as picture offsets. In the file the bytes after a gap follow those before it.
    gaps: &'a [Gap],
    problem: Option<&'a Problem>,
}

impl Extract {
    /// Makes the folder where there is none.
    ///
    /// # Errors
    /// A folder that cannot be made or written, or that holds extracted pictures when `force` is not given.
    pub(crate) fn into_folder(folder: &Path, force: bool) -> anyhow::Result<Self> {
        let shown = folder.display();
        let cannot = |what| trouble(folder, what, "choose another folder for --extract");
        fs::create_dir_all(folder).map_err(cannot("cannot be made a folder"))?;
        if !force {
            for entry in fs::read_dir(folder).map_err(cannot("cannot be read"))? {
                let name = entry.map_err(cannot("cannot be read"))?.file_name();
                if is_ours(&name.to_string_lossy()) {
                    bail!(
                        "{shown}: already holds extracted pictures ({}); choose another folder, or replace them with \
                         --force",
                        name.to_string_lossy()
                    );
                }
            }
        }
        // Tried now, so that a folder that cannot be written is told before the work and not after.
        temporary(folder).map_err(cannot("cannot be written"))?;
        Ok(Self {
            folder: folder.to_owned(),
            force,
            parts: BTreeMap::new(),
            open: VecDeque::new(),
            written: Vec::new(),
            failure: None,
            interruption: Interruption::noticed(),
        })
    }

    /// From now on it ends in time where it is interrupted, whatever is waited for. A thread sees to that, which is confined
    /// only if the process is by now.
    pub(super) fn watch(&self) {
        let watched = Arc::downgrade(&self.interruption);
        let folder = self.folder.clone();
        // Without the thread, an interruption waits for the pipe's next bytes.
        let _ = thread::Builder::new()
            .name("interruption".to_owned())
            .spawn(move || end_in_time(&watched, &folder));
    }

    /// Whether a file could not be written: nothing more is.
    pub(crate) fn failed(&self) -> bool {
        self.failure.is_some() || self.interruption.is_told()
    }

    /// One event of the analysis.
    pub(crate) fn see(&mut self, event: &Event<'_>) {
        if self.failed() {
            return;
        }
        let outcome = match event {
            Event::PictureData { picture, bytes, .. } => self.data(*picture, bytes),
            Event::PictureEnded(image) => self.end(image),
            _ => Ok(()),
        };
        self.failure = outcome.err();
    }

    /// What was written. Pictures that never ended leave nothing behind.
    ///
    /// # Errors
    /// The first file that could not be written.
    pub(crate) fn finish(self) -> anyhow::Result<Extracted> {
        match self.failure {
            Some(failure) => Err(failure),
            None if self.interruption.is_told() => {
                Err(anyhow::anyhow!("{}: {INTERRUPTED}", self.folder.display()))
            }
            None => Ok(Extracted {
                folder: self.folder.to_string_lossy().into_owned(),
                files: self.written,
            }),
        }
    }

    fn data(&mut self, picture: PictureId, bytes: &[u8]) -> anyhow::Result<()> {
        let folder = self.folder.clone();
        let cannot = trouble(&folder, "a picture cannot be written", ROOM);
        let file = self.file(picture).map_err(&cannot)?;
        file.write_all(bytes).map_err(&cannot)?;
        if let Some(part) = self.parts.get_mut(&picture) {
            part.bytes = part.bytes.saturating_add(bytes.len() as u64);
        }
        Ok(())
    }

    /// The open file of a picture, which is made if there is none.
    fn file(&mut self, picture: PictureId) -> io::Result<&mut BufWriter<File>> {
        let is_open = self
            .parts
            .get(&picture)
            .is_some_and(|part| part.file.is_some());
        if !is_open {
            if self.open.len() >= OPEN
                && let Some(oldest) = self.open.pop_front()
                && let Some(part) = self.parts.get_mut(&oldest)
                && let Some(mut file) = part.file.take()
            {
                file.flush()?;
            }
            self.open.push_back(picture);
        }
        let part = match self.parts.entry(picture) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let (file, path) = self.interruption.temporary(&self.folder)?;
                entry.insert(Part {
                    path,
                    file: Some(BufWriter::with_capacity(BUFFER, file)),
                    bytes: 0,
                })
            }
        };
        match &mut part.file {
            Some(file) => Ok(file),
            closed => {
                let file = File::options().append(true).open(&part.path)?;
                Ok(closed.insert(BufWriter::with_capacity(BUFFER, file)))
            }
        }
    }

    /// The picture is over: its file gets its name.
    fn end(&mut self, image: &Image) -> anyhow::Result<()> {
        let complete = image.complete && image.gaps.is_empty();
        let stem = format!("stream-{}-image-{:04}", image.stream, image.id.0);
        let extension = match image.width {
            Some(width) if image.is_raw_pixels() && complete && self.make_png(image, width)? => {
                "png"
            }
            _ => extension(image),
        };
        let name = if complete {
            format!("{stem}.{extension}")
        } else {
            format!("{stem}.partial.{extension}")
        };
        let path = self.folder.join(&name);
        let cannot = trouble(&path, "cannot be written", ROOM);
        self.file(image.id)
            .map_err(&cannot)?
            .flush()
            .map_err(&cannot)?;
        self.open.retain(|&open| open != image.id);
        let Some(part) = self.parts.remove(&image.id) else {
            return Ok(());
        };
        drop(part.file);
        if self.force {
            // The same picture may have been whole, or in pieces, when it was extracted last.
            for old in ["", ".partial"] {
                remove(&self.folder.join(format!("{stem}{old}.{extension}")))?;
            }
            if image.is_raw_pixels() {
                for other in ["bgr", "png"] {
                    remove(&self.folder.join(format!("{stem}.{other}")))?;
                }
            }
            remove(&self.folder.join(format!("{stem}.partial.gaps.json")))?;
        }
        self.interruption.settle(part.path, &path)?;
        let gaps = if image.gaps.is_empty() {
            None
        } else {
            let list = GapList {
                schema: "imgnet/gaps/v1",
                file: &name,
                bytes: image.bytes,
                written: part.bytes,
                gaps: &image.gaps,
                problem: image.problem.as_ref(),
            };
            Some(self.list_gaps(&stem, &list)?)
        };
        self.written.push(ExtractedFile {
            image: image.id,
            name,
            bytes: part.bytes,
            complete,
            gaps,
        });
        Ok(())
    }

    /// Rows of pixels whose width is known become a picture that any program opens. False where they cannot.
    fn make_png(&mut self, image: &Image, width: u32) -> anyhow::Result<bool> {
        let folder = self.folder.clone();
        let cannot = trouble(&folder, "a picture cannot be written", ROOM);
        let Some(Part {
            file: Some(file),
            bytes,
            ..
        }) = self.parts.get_mut(&image.id)
        else {
            // Closed for want of descriptors: it can be appended to, and not be read.
            return Ok(false);
        };
        let limit = DecodeLimits::default().bytes;
        if *bytes > limit {
            return Ok(false);
        }
        file.flush().map_err(&cannot)?;
        let file = file.get_mut();
        let mut rows = Vec::new();
        file.seek(SeekFrom::Start(0)).map_err(&cannot)?;
        // A file that was opened again to go on with it is for writing alone.
        if file.read_to_end(&mut rows).is_err() {
            file.seek(SeekFrom::End(0)).map_err(&cannot)?;
            return Ok(false);
        }
        let rows = image.bgr24_rows(rows);
        let png = match bgr24(&rows, width, limit) {
            Ok((pixels, 0)) if pixels.height() > 0 => {
                encode(&pixels.into(), Format::Png, DEFAULT_QUALITY)
            }
            _ => return Ok(false),
        };
        let Ok(png) = png else { return Ok(false) };
        file.set_len(0).map_err(&cannot)?;
        file.seek(SeekFrom::Start(0)).map_err(&cannot)?;
        file.write_all(&png).map_err(&cannot)?;
        Ok(true)
    }

    fn list_gaps(&self, stem: &str, list: &GapList<'_>) -> anyhow::Result<String> {
        let name = format!("{stem}.partial.gaps.json");
        let path = self.folder.join(&name);
        let cannot = trouble(&path, "cannot be written", ROOM);
        let (file, temporary) = self.interruption.temporary(&self.folder).map_err(&cannot)?;
        let mut file = BufWriter::new(file);
        crate::report::json::write(list, &mut file).map_err(&cannot)?;
        file.flush().map_err(&cannot)?;
        self.interruption.settle(temporary, &path)?;
        Ok(name)
    }
}

impl Interruption {
    /// Told to end, the analysis stops by itself; told again, or where the analysis cannot notice, the process ends.
    fn noticed() -> Arc<Self> {
        let this = Arc::new(Self::default());
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            // Without it, the process ends at once.
            let _ = flag::register_conditional_default(signal, Arc::clone(&this.told))
                .and_then(|_| flag::register(signal, Arc::clone(&this.told)));
        }
        this
    }

    fn is_told(&self) -> bool {
        self.told.load(Ordering::SeqCst)
    }

    fn unfinished(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A file without its name yet.
    fn temporary(&self, folder: &Path) -> io::Result<(File, TempPath)> {
        let mut unfinished = self.unfinished();
        let (file, path) = temporary(folder)?;
        unfinished.insert(path.to_path_buf());
        Ok((file, path))
    }

    fn settle(&self, temporary: TempPath, path: &Path) -> anyhow::Result<()> {
        let name = temporary.to_path_buf();
        settle(temporary, path)?;
        self.unfinished().remove(&name);
        Ok(())
    }
}

/// Ends the process where the analysis does not within [`GRACE`]. Over once nothing is extracted any more.
fn end_in_time(watched: &Weak<Interruption>, folder: &Path) {
    while let Some(interruption) = watched.upgrade() {
        if interruption.is_told() {
            drop(interruption);
            thread::sleep(GRACE);
            let Some(interruption) = watched.upgrade() else {
                return;
            };
            // Held to the end: no other file is begun.
            let unfinished = interruption.unfinished();
            for path in unfinished.iter() {
                let _ = fs::remove_file(path);
            }
            let _ = writeln!(io::stderr(), "imgnet: {}: {INTERRUPTED}", folder.display());
            low_level::exit(2);
        }
        drop(interruption);
        thread::sleep(LOOK);
    }
}

/// Gives a finished file its name. Never replaces another: `--force` has removed what may go.
fn settle(temporary: TempPath, path: &Path) -> anyhow::Result<()> {
    temporary.persist_noclobber(path).map_err(|error| {
        let advice = match error.error.kind() {
            io::ErrorKind::AlreadyExists => "choose another folder, or replace it with --force",
            _ => ROOM,
        };
        trouble(path, "cannot be written", advice)(error.error)
    })
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(trouble(
            path,
            "cannot be replaced",
            "choose another folder for --extract",
        )(error)),
        _ => Ok(()),
    }
}

/// Whether `--extract` gives such names.
fn is_ours(name: &str) -> bool {
    let numbers = |rest: &str| {
        let (stream, rest) = rest.split_once("-image-")?;
        let (image, _) = rest.split_once('.')?;
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        Some(number(stream) && number(image))
    };
    name.strip_prefix("stream-").and_then(numbers) == Some(true)
}

/// From what the picture is, never from what anybody called it.
fn extension(image: &Image) -> &'static str {
    match image.format {
        Some(format) => format.extension(),
        // Rows of BGR24 without a header.
        None if image.is_raw_pixels()
            && image.pixels.is_none_or(|order| order == PixelOrder::Bgr) =>
        {
            "bgr"
        }
        None => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Feeds every picture of a sample, interleaved, two bytes at a time.
    fn feed(extract: &mut Extract, images: &[Image], bytes: &[u8]) {
        for piece in bytes.chunks(2) {
            for image in images {
                extract.see(&Event::PictureData {
                    picture: image.id,
                    at: None,
                    bytes: piece,
                });
            }
        }
        for image in images {
            extract.see(&Event::PictureEnded(image));
        }
    }

    #[test]
    fn whole_and_partial_pictures_get_safe_names() {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("new/out");
        let mut extract = Extract::into_folder(&into, false).unwrap();
        let images = samples::gaps().images;
        feed(&mut extract, &images, b"abcdefg");
        let extracted = extract.finish().unwrap();
        assert_eq!(
            names(&into),
            [
                "stream-0-image-0000.partial.gaps.json",
                "stream-0-image-0000.partial.jpg",
                "stream-1-image-0001.partial.png",
                "stream-2-image-0002.bin",
            ]
        );
        assert_eq!(
            fs::read(into.join("stream-2-image-0002.bin")).unwrap(),
            b"abcdefg"
        );
        assert_eq!(extracted.files.len(), 3);
        assert_eq!(extracted.files[0].bytes, 7);
        let gaps = fs::read_to_string(into.join("stream-0-image-0000.partial.gaps.json")).unwrap();
        let gaps: serde_json::Value = serde_json::from_str(&gaps).unwrap();
        assert_eq!(gaps["gaps"][0]["offset"], 4096);
        assert_eq!(gaps["gaps"][0]["cause"], "not-captured");
        assert_eq!(gaps["written"], 7);
    }

    #[test]
    fn rows_of_pixels_become_a_png_where_the_width_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut images = samples::hundreds().images;
        images.truncate(2);
        for image in &mut images {
            image.format = None;
            image.protocol = "raw-pixels=2".parse().unwrap();
            image.complete = true;
            image.gaps.clear();
        }
        (images[0].width, images[1].width) = (Some(2), None);
        let rows: Vec<u8> = (0..18).collect();
        let mut extract = Extract::into_folder(folder.path(), false).unwrap();
        feed(&mut extract, &images, &rows);
        let extracted = extract.finish().unwrap();
        let ending = |index: usize| Path::new(&extracted.files[index].name).extension();
        assert_eq!(ending(0), Some("png".as_ref()));
        assert_eq!(ending(1), Some("bgr".as_ref()));
        let png = fs::read(folder.path().join(&extracted.files[0].name)).unwrap();
        let pixels = crate::picture::decode(&png, &DecodeLimits::default()).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (2, 3));
        assert_eq!(pixels.into_rgb8().get_pixel(1, 2).0, [17, 16, 15]);
        let raw = fs::read(folder.path().join(&extracted.files[1].name)).unwrap();
        assert_eq!(raw, rows);
    }

    #[test]
    fn more_pictures_at_once_than_open_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut extract = Extract::into_folder(folder.path(), false).unwrap();
        let images = samples::hundreds().images;
        assert!(images.len() > 2 * OPEN);
        feed(&mut extract, &images, b"interleaved");
        assert!(extract.open.is_empty());
        let extracted = extract.finish().unwrap();
        assert_eq!(extracted.files.len(), images.len());
        for file in &extracted.files {
            let bytes = fs::read(folder.path().join(&file.name)).unwrap();
            assert_eq!(bytes, b"interleaved", "{}", file.name);
        }
    }

    #[test]
    fn an_earlier_run_is_replaced_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let mut images = samples::gaps().images;
        images.truncate(1);
        let mut extract = Extract::into_folder(folder.path(), false).unwrap();
        feed(&mut extract, &images, b"first");
        extract.finish().unwrap();

        let refused = Extract::into_folder(folder.path(), false).unwrap_err();
        assert!(refused.to_string().contains("--force"), "{refused}");

        images[0].complete = true;
        images[0].gaps.clear();
        let mut extract = Extract::into_folder(folder.path(), true).unwrap();
        feed(&mut extract, &images, b"second");
        extract.finish().unwrap();
        assert_eq!(
            names(folder.path()),
            ["stream-0-image-0000.jpg"],
            "no stale half is left"
        );
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let images = &samples::healthy().images[..1];
        let mut extract = Extract::into_folder(folder.path(), false).unwrap();
        let path = folder.path().join("stream-0-image-0000.jpg");
        fs::write(&path, b"precious").unwrap();
        feed(&mut extract, images, b"new");
        assert!(extract.failed());
        let error = extract.finish().unwrap_err();
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert_eq!(names(folder.path()).len(), 1, "the temporary file is gone");
    }

    #[test]
    fn a_picture_that_never_ends_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut extract = Extract::into_folder(folder.path(), false).unwrap();
        extract.see(&Event::PictureData {
            picture: PictureId(0),
            at: None,
            bytes: b"half",
        });
        assert_eq!(extract.finish().unwrap().files, []);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn other_files_in_the_folder_do_not_matter() {
        assert!(is_ours("stream-3-image-0007.partial.jpg"));
        for other in [
            "stream-3.txt",
            "stream-x-image-1.jpg",
            "holiday.jpg",
            "stream--image-.jpg",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
