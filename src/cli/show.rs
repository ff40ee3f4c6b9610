//! `--show`: pictures drawn in the terminal, and `--open`: handed to the desktop's viewer.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use crate::analysis::Event;
use crate::cli::args::OutputArgs;
use crate::cli::terminal::{Canvas, Environment};
use crate::imaging::half_blocks::half_blocks;
use crate::ledger::Image;
use crate::picture::compare::bgr24;
use crate::picture::{DecodeLimits, decode, orientation};
use crate::report::text;
use crate::units::PictureId;

/// Pictures under way that are kept to be drawn, in bytes all together; what is more is not drawn.
const MOST_BYTES: usize = 256 << 20;

/// Pictures that are drawn; a capture may hold thousands.
const MOST_PICTURES: usize = 100;

/// Draws a picture file; says why where it cannot.
pub(super) fn draw_file(file: &Path, canvas: Canvas, out: &mut impl Write) -> io::Result<()> {
    match std::fs::read(file) {
        Ok(bytes) => write_lines(&drawn(&bytes, canvas), out),
        Err(error) => writeln!(
            out,
            "{}: not shown: {error}",
            text::plain(&file.to_string_lossy(), true)
        ),
    }
}

/// The lines of a picture, or one that says why it has none.
fn drawn(bytes: &[u8], canvas: Canvas) -> Vec<String> {
    match decode(bytes, &DecodeLimits::default()) {
        Ok(mut picture) => {
            picture.apply_orientation(orientation(bytes));
            half_blocks(&picture, canvas.columns, canvas.palette)
        }
        Err(error) => vec![format!("not shown: {error}")],
    }
}

pub(super) fn write_lines(lines: &[String], out: &mut impl Write) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Draws the pictures of a capture, once all of it was read.
#[derive(Debug)]
pub(super) struct Show {
    canvas: Canvas,
    parts: BTreeMap<PictureId, Vec<u8>>,
    held: usize,
    drawn: Vec<(PictureId, Vec<String>)>,
    left_out: u64,
}

impl Show {
    pub(super) fn new(output: &OutputArgs) -> Self {
        Self {
            canvas: Environment::of_process(false).canvas(output.color, output.ascii),
            parts: BTreeMap::new(),
            held: 0,
            drawn: Vec::new(),
            left_out: 0,
        }
    }

    /// One event of the analysis.
    pub(super) fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::PictureData { picture, bytes, .. }
                if self.held.saturating_add(bytes.len()) <= MOST_BYTES =>
            {
                self.held = self.held.saturating_add(bytes.len());
                self.parts
                    .entry(*picture)
                    .or_default()
                    .extend_from_slice(bytes);
            }
            Event::PictureEnded(image) => self.end(image),
            _ => {}
        }
    }

    fn end(&mut self, image: &Image) {
        let Some(bytes) = self.parts.remove(&image.id) else {
            return;
        };
        self.held = self.held.saturating_sub(bytes.len());
        if self.drawn.len() >= MOST_PICTURES {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let Canvas { columns, palette } = self.canvas;
        let rows = image.width.filter(|_| image.format.is_none());
        let bytes = if rows.is_some() {
            image.bgr24_rows(bytes)
        } else {
            bytes
        };
        let lines = match rows.map(|width| bgr24(&bytes, width, DecodeLimits::default().bytes)) {
            Some(Ok((pixels, _))) => half_blocks(&pixels.into(), columns, palette),
            Some(Err(error)) => vec![format!("not shown: {error}")],
            None => drawn(&bytes, self.canvas),
        };
        self.drawn.push((image.id, lines));
    }

    /// Draws them, in the order of their numbers.
    pub(super) fn write(mut self, out: &mut impl Write) -> io::Result<()> {
        self.drawn.sort_by_key(|(id, _)| *id);
        for (id, lines) in &self.drawn {
            writeln!(out, "\npicture {}", id.0)?;
            write_lines(lines, out)?;
        }
        if self.left_out > 0 {
            writeln!(out, "\n{} more are not shown", text::count(self.left_out))?;
        }
        Ok(())
    }
}

/// Hands files to the desktop's viewer. It is started before the program is confined, which can start nothing any more.
#[derive(Debug)]
pub(super) struct Opener {
    child: Child,
}

impl Opener {
    /// # Errors
    /// Where there is no `xdg-open`.
    pub(super) fn start() -> anyhow::Result<Self> {
        let there = Command::new("sh")
            .args(["-c", "command -v xdg-open"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !there {
            bail!("--open needs xdg-open, which is not here: install xdg-utils, or use --show");
        }
        let child = Command::new("sh")
            .args([
                "-c",
                "while IFS= read -r file; do xdg-open \"$file\" >/dev/null 2>&1 & done",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("--open: sh cannot be started")?;
        Ok(Self { child })
    }

    /// Opens a file.
    pub(super) fn open(&mut self, file: &Path) {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        if let Some(input) = &mut self.child.stdin {
            // Where the shell is gone there is nobody to tell.
            let _ = writeln!(input, "{}", file.to_string_lossy());
        }
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        // It ends by itself when nothing more comes; the viewer goes on.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
