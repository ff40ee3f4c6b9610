//! The process that outlives a capture which is killed, and cuts the half block off its file.
//!
//! A write of many pages that SIGKILL interrupts ends between two of them, in the middle of a packet, and no way of
//! writing a growing file prevents it. So a small process waits at the end of a pipe: when the capture is over without having
//! said so, it looks for the end of the last whole block, and cuts the file there. Readers then find nothing amiss.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::confine::{Needs, confine};

/// The argument by which the program becomes the repairer.
pub(crate) const REPAIR: &str = "repair-capture";
/// Bytes read at once: many small blocks, or the beginning of a long one.
const READ: usize = 4096;
/// Type of a section header, which every file begins with.
const SECTION: u32 = 0x0a0d_0d0a;
/// Type of a block that holds a packet (enhanced packet block).
const PACKET: u32 = 6;

/// The process that waits beside a capture.
pub(crate) struct Repairer {
    child: Child,
    line: ChildStdin,
}

impl Repairer {
    /// Starts it, for a file that can be read and written.
    ///
    /// # Errors
    /// When the program cannot be started again.
    pub(crate) fn beside(file: &File) -> io::Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .arg(REPAIR)
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(Stdio::null())
            // Ctrl-C is for the capture, which ends well by it.
            .process_group(0)
            .spawn()?;
        let line = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, line })
    }

    /// The capture ended well, or as well as it could.
    pub(crate) fn dismiss(mut self) {
        // One that is gone has nothing to repair any more.
        let _ = self.line.write_all(b".");
        drop(self.line);
        let _ = self.child.wait();
    }
}

/// What the repairer does: waits at standard input, and repairs the file that is its standard output.
///
/// # Errors
/// A file that cannot be read or cut.
pub(crate) fn repair() -> io::Result<()> {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    confine(&Needs::default());
    let mut said = Vec::new();
    io::stdin().lock().read_to_end(&mut said)?;
    let length = file.metadata()?.len();
    if said.is_empty()
        && let Some(whole) = whole(&file, length)?
        && whole < length
    {
        file.set_len(whole)?;
    }
    Ok(())
}

/// Where the last whole block of a file of `length` bytes ends; absent where it is no pcapng file in this byte order.
fn whole(file: &File, length: u64) -> io::Result<Option<u64>> {
    Ok(whole_from(file, 0, length)?.map(|(end, _)| end))
}

/// Where the last whole block before `length` ends, and how many packets there are from `begins` on, where a block begins.
pub(super) fn whole_from(file: &File, begins: u64, length: u64) -> io::Result<Option<(u64, u64)>> {
    let mut buffer = [0; READ];
    let mut packets = 0_u64;
    // Where the block begins that is looked at; where the buffer begins, and how much of it is filled.
    let (mut at, mut from, mut filled) = (begins, 0_u64, 0_usize);
    loop {
        let mut header = |at: u64| -> io::Result<Option<(u32, u32)>> {
            for again in [false, true] {
                let inside = at.checked_sub(from).and_then(|at| usize::try_from(at).ok());
                let header = inside.and_then(|inside| {
                    let here = buffer.get(..filled)?.get(inside..)?;
                    let kind = here.first_chunk::<4>()?;
                    let bytes = here.get(4..)?.first_chunk::<4>()?;
                    Some((u32::from_le_bytes(*kind), u32::from_le_bytes(*bytes)))
                });
                if header.is_some() || again {
                    return Ok(header);
                }
                from = at;
                filled = file.read_at(&mut buffer, at)?;
            }
            Ok(None)
        };
        let Some((kind, bytes)) = header(at)? else {
            return Ok(Some((at, packets)));
        };
        let bytes = u64::from(bytes);
        if at == 0 && kind != SECTION {
            return Ok(None);
        }
        let end = at.saturating_add(bytes);
        if bytes < 12 || end > length {
            return Ok(Some((at, packets)));
        }
        packets += u64::from(kind == PACKET);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::pcapng::{Interface, Packet, Section, Writer};
    use crate::frame::LinkType;
    use crate::units::Timestamp;

    #[test]
    fn a_file_that_is_cut_anywhere_is_whole_up_to_its_last_block() {
        let mut writer = Writer::new(Vec::new(), &Section::default()).unwrap();
        let mut ends = vec![writer.written_bytes()];
        writer
            .interface(&Interface {
                name: Some("lo"),
                description: None,
                os: None,
                filter: None,
                link: LinkType::ETHERNET,
                snap_len: 65_535,
            })
            .unwrap();
        ends.push(writer.written_bytes());
        for bytes in [0, 1, 5000, 60, 70, 9000, 3] {
            writer
                .packet(&Packet {
                    interface: 0,
                    time: Timestamp(1),
                    wire_len: bytes,
                    data: &vec![7; bytes as usize],
                    comment: None,
                })
                .unwrap();
            writer.flush().unwrap();
            ends.push(writer.written_bytes());
        }
        let all = writer.finish().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&all).unwrap();
        for cut in (0..=all.len() as u64).rev() {
            file.set_len(cut).unwrap();
            let expected = ends.iter().rev().find(|end| **end <= cut).copied();
            assert_eq!(
                whole(&file, cut).unwrap(),
                Some(expected.unwrap_or(0)),
                "{cut}"
            );
            if cut >= ends[2] {
                let packets = ends.iter().skip(3).filter(|end| **end <= cut).count() as u64;
                let found = whole_from(&file, ends[2], cut).unwrap();
                assert_eq!(found, expected.map(|end| (end, packets)), "{cut}");
            }
        }
        let mut other = tempfile::tempfile().unwrap();
        other.write_all(b"not a capture").unwrap();
        assert_eq!(whole(&other, 13).unwrap(), None);
    }
}
