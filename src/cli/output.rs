//! Where a report goes: standard output, or a file that is replaced only once all of it is written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::cli::args::{OutputArgs, Rendering};
use crate::cli::terminal::Environment;
use crate::report::{Print, Style};
use crate::system;

/// The output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to {}", .to.as_deref().map_or_else(|| "standard output".into(), Path::to_string_lossy))]
pub(crate) struct WriteError {
    /// The file; absent for standard output.
    pub to: Option<PathBuf>,
    /// What the system says.
    #[source]
    pub source: io::Error,
}

impl WriteError {
    /// Whether the reader of the output has gone away.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.source.kind() == io::ErrorKind::BrokenPipe
    }
}

/// An output that was found good before the work began.
#[derive(Debug)]
pub(crate) struct Output {
    rendering: Rendering,
    style: Style,
    /// So many may make it.
    threads: usize,
    sink: Sink,
}

/// Where bytes go.
#[derive(Debug)]
pub(super) enum Sink {
    /// Standard output.
    Stdout,
    /// A device, a pipe: written as it is.
    Special(File, PathBuf),
    /// A regular file: replaced once all of it is written.
    File(Draft, PathBuf),
}

impl Output {
    /// Finds out how to write, and opens it, so that hours of work do not end in a typing error.
    ///
    /// # Errors
    /// Options that contradict each other, an output that is one of the `inputs`, or that cannot be opened.
    pub(crate) fn open(output: &OutputArgs, inputs: &[PathBuf]) -> anyhow::Result<Self> {
        let rendering = output.rendering()?;
        let file = output
            .output
            .as_deref()
            .filter(|path| *path != Path::new("-"));
        let style = Environment::of_process(file.is_some()).style(output);
        let sink = match file {
            None => Sink::Stdout,
            Some(path) => sink(path, inputs)?,
        };
        Ok(Self {
            rendering,
            style,
            threads: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            sink,
        })
    }

    /// How a rendering for people is to look there.
    pub(crate) fn style(&self) -> &Style {
        &self.style
    }

    /// What is to be rendered.
    pub(crate) fn rendering(&self) -> Rendering {
        self.rendering
    }

    /// Whether it goes to standard output.
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self.sink, Sink::Stdout)
    }

    /// Writes a report, or what was expected of it. Where that fails a file that was there before is left as it was.
    ///
    /// # Errors
    /// [`WriteError`].
    pub(crate) fn write(self, printed: &impl Print) -> Result<(), WriteError> {
        let (rendering, style, threads) = (self.rendering, self.style, self.threads);
        self.write_with(|out| match rendering {
            Rendering::Table => printed.table(&style, out),
            Rendering::Json => printed.json(threads, out),
            Rendering::Csv(table) => printed.csv(table, out),
        })
    }

    /// Writes what `render` writes, as [`Self::write`] does.
    ///
    /// # Errors
    /// [`WriteError`].
    pub(crate) fn write_with(
        self,
        render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        self.sink.write(render)
    }
}

/// Whoever read it and went away has heard enough: the rest of the command goes on, and its exit code tells the verdict.
fn heard(written: io::Result<()>) -> io::Result<()> {
    written.or_else(super::capture::ignore_closed_pipe)
}

impl Sink {
    /// Writes what `render` writes. Where that fails a file that was there before is left as it was.
    pub(super) fn write(
        self,
        render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        let buffered = |to: &mut dyn Write| {
            let mut out = BufWriter::with_capacity(64 << 10, to);
            render(&mut out)?;
            out.flush()
        };
        match self {
            Self::Stdout => heard(buffered(&mut io::stdout().lock()))
                .map_err(|source| WriteError { to: None, source }),
            Self::Special(mut file, path) => {
                heard(buffered(&mut file)).map_err(|source| WriteError {
                    to: Some(path),
                    source,
                })
            }
            Self::File(mut draft, path) => buffered(draft.file())
                .and_then(|()| draft.keep_as(&path))
                .map_err(|source| WriteError {
                    to: Some(path),
                    source,
                }),
        }
    }
}

/// Opens an output file, `-` for standard output, so that hours of work do not end in a typing error.
///
/// # Errors
/// One of the `inputs`, a folder, or what cannot be opened.
pub(super) fn sink(path: &Path, inputs: &[PathBuf]) -> anyhow::Result<Sink> {
    if path == Path::new("-") {
        return Ok(Sink::Stdout);
    }
    let shown = path.display();
    let metadata = fs::metadata(path).ok();
    if metadata.as_ref().is_some_and(fs::Metadata::is_dir) {
        anyhow::bail!("{shown}: is a folder; name a file in it");
    }
    not_an_input(path, inputs)?;
    if metadata.is_some_and(|metadata| !metadata.is_file()) || is_descriptor(path) {
        let advice = "choose another output";
        // What is open already may hold something: it is gone on with, as whoever opened it would.
        let mut options = File::options();
        let file = options.append(true).open(path).map_err(trouble(
            path,
            "cannot be opened for writing",
            advice,
        ))?;
        return Ok(Sink::Special(file, path.to_owned()));
    }
    // Through a symbolic link the file it points to is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let advice = "choose a folder that exists and that you may write to";
    let draft = Draft::in_folder(folder).map_err(trouble(&path, "cannot be written", advice))?;
    Ok(Sink::File(draft, path))
}

/// Whether a path names what the process has open (`/dev/stdout`, `/dev/fd/3`), whatever that is: it is written, and nothing
/// takes its place.
pub(super) fn is_descriptor(path: &Path) -> bool {
    /// Links that are followed.
    const MOST: usize = 8;
    let Ok(open) = fs::canonicalize(system::DESCRIPTORS) else {
        return false;
    };
    let mut path = path.to_owned();
    for _ in 0..MOST {
        let folder = path.parent().unwrap_or(Path::new("/"));
        if fs::canonicalize(folder).is_ok_and(|folder| folder == open) {
            return true;
        }
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => return false,
        }
    }
    false
}

/// Makes sure that an output is none of the files to read, whatever it is called there: by what it is on the disk.
///
/// # Errors
/// It is one of the `inputs`, or lies in one that is a folder.
fn not_an_input(output: &Path, inputs: &[PathBuf]) -> anyhow::Result<()> {
    let Ok(metadata) = fs::metadata(output) else {
        return Ok(());
    };
    if !metadata.is_file() {
        return Ok(());
    }
    let is_it = |path: &Path| {
        fs::metadata(path).is_ok_and(|found| {
            (found.dev(), found.ino()) == (metadata.dev(), metadata.ino()) && found.is_file()
        })
    };
    for input in inputs {
        let input = if input == Path::new("-") {
            Path::new("/dev/stdin")
        } else {
            input
        };
        let found = if input.is_dir() {
            // What cannot be listed is told where it is read.
            let files = super::verify::files::walk(input).unwrap_or_default();
            files.into_iter().find(|file| is_it(file))
        } else {
            is_it(input).then(|| input.to_owned())
        };
        if let Some(found) = found {
            anyhow::bail!(
                "{}: is one of the files to read ({}); name another file for the output",
                output.display(),
                found.display()
            );
        }
    }
    Ok(())
}

/// Makes sure that of the outputs of a command none is one of the files that it reads, and no two are one file.
///
/// # Errors
/// One is, or two are.
pub(super) fn apart(outputs: &[Option<&Path>], inputs: &[PathBuf]) -> anyhow::Result<()> {
    for output in outputs.iter().flatten() {
        if *output != Path::new("-") {
            not_an_input(output, inputs)?;
        }
    }
    not_the_same(outputs)
}

/// Makes sure that a folder whose files may be replaced is none of the folders to read, nor lies in one.
///
/// # Errors
/// It is.
pub(super) fn not_an_input_folder(folder: &Path, inputs: &[PathBuf]) -> anyhow::Result<()> {
    let Ok(place) = fs::canonicalize(folder) else {
        return Ok(());
    };
    for input in inputs.iter().filter(|input| input.is_dir()) {
        if fs::canonicalize(input).is_ok_and(|input| place.starts_with(input)) {
            anyhow::bail!(
                "{}: is one of the folders to read ({}); name another folder for the output",
                folder.display(),
                input.display()
            );
        }
    }
    Ok(())
}

/// Makes sure that no two of a command's outputs are one file, whether it is there yet or not.
///
/// # Errors
/// Two are.
pub(in crate::cli) fn not_the_same(outputs: &[Option<&Path>]) -> anyhow::Result<()> {
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
        let named = folder.join(path.file_name()?);
        Some(fs::canonicalize(&named).unwrap_or(named))
    };
    let mut places: Vec<PathBuf> = Vec::new();
    for output in outputs.iter().flatten() {
        if let Some(place) = place(output) {
            // Standard output and devices take what several write.
            let special = fs::metadata(&place).is_ok_and(|found| !found.is_file());
            if !special && *output != Path::new("-") && places.contains(&place) {
                anyhow::bail!(
                    "{}: two outputs cannot be one file; name another",
                    output.display()
                );
            }
            places.push(place);
        }
    }
    Ok(())
}

/// A new file in a folder, with the permissions that the user's mask gives. It has no name until it is kept, so that nothing
/// of it stays where the process ends before that, however it ends; where the file system knows no such files, it has a
/// temporary one.
#[derive(Debug)]
pub(super) struct Draft {
    file: File,
    folder: PathBuf,
    named: Option<TempPath>,
}

impl Draft {
    /// A draft of a file in `folder`.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub(super) fn in_folder(folder: &Path) -> io::Result<Self> {
        let (file, named) = match system::unnamed(folder) {
            Ok(file) => (file, None),
            Err(_) => temporary(folder).map(|(file, path)| (file, Some(path)))?,
        };
        Ok(Self {
            file,
            folder: folder.to_owned(),
            named,
        })
    }

    /// What is written into.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it its name; a file that has that name already is replaced.
    ///
    /// # Errors
    /// It cannot have that name.
    pub(super) fn keep_as(self, path: &Path) -> io::Result<()> {
        let named = match self.named {
            Some(named) => named,
            None => named(&self.file, &self.folder)?,
        };
        named.persist(path).map_err(|error| error.error)
    }
}

/// Gives a file that has no name a temporary one, by which it can replace another.
fn named(file: &File, folder: &Path) -> io::Result<TempPath> {
    let made = tempfile::Builder::new()
        .prefix(".imgnet-")
        .suffix(".tmp")
        .make_in(folder, |path| system::name(file, path))?;
    Ok(made.into_temp_path())
}

/// A new file in `folder` with the permissions that the user's mask gives, deleted unless it is renamed.
pub(super) fn temporary(folder: &Path) -> io::Result<(File, TempPath)> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = tempfile::Builder::new()
        .prefix(".imgnet-")
        .suffix(".tmp")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    Ok(file.into_parts())
}

/// An error in the form that every command uses: `path: what: what the system says; what to do`.
pub(super) fn trouble(
    path: &Path,
    what: &'static str,
    advice: &'static str,
) -> impl Fn(io::Error) -> anyhow::Error {
    move |error| {
        // A wrapped error names the temporary file, which means nothing to a reader.
        let reason = match error.get_ref() {
            Some(_) => error.kind().to_string(),
            None => error.to_string(),
        };
        anyhow::anyhow!("{}: {what}: {reason}; {advice}", path.display())
    }
}
