//! Capture files: read mapped and streamed, and analysed.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use imgnet::frame::Frame;
use imgnet::source::{Capture, FileSummary};
use rustix::fs::{MemfdFlags, Timespec, Timestamps, futimens, memfd_create};

/// A file in memory that can be opened by path; gone with the value.
struct MemoryFile {
    file: File,
}

impl MemoryFile {
    fn new(bytes: &[u8]) -> Self {
        let descriptor = memfd_create("capture", MemfdFlags::CLOEXEC).expect("a file in memory");
        let mut file = File::from(descriptor);
        file.write_all(bytes).expect("memory");
        // Old enough to be mapped: a file written to just now may still grow.
        let long_ago = Timespec {
            tv_sec: 1_000_000_000,
            tv_nsec: 0,
        };
        futimens(
            &file,
            &Timestamps {
                last_access: long_ago,
                last_modification: long_ago,
            },
        )
        .expect("its times can be set");
        Self { file }
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

/// A frame that owns its bytes.
#[derive(Debug, PartialEq)]
struct Kept {
    number: u64,
    time: Option<i64>,
    link: u16,
    interface: u32,
    wire_len: u32,
    data: Vec<u8>,
}

/// The bytes are a capture file. Mapped and streamed, it gives the same frames and the same account.
pub fn capture_file(data: &[u8]) {
    let file = MemoryFile::new(data);
    let paths = [file.path()];
    let mapped = Capture::open(&paths).map(|capture| frames(capture, data.len()));
    let streamed = Capture::open_streaming(&paths).map(|capture| frames(capture, data.len()));
    match (mapped, streamed) {
        (Ok(mapped), Ok(streamed)) => assert_eq!(mapped, streamed, "mapped and streamed"),
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => {
            panic!("only one way it is no capture: {error}")
        }
    }
}

fn frames(mut capture: Capture, file_bytes: usize) -> (Vec<Kept>, Vec<FileSummary>) {
    let mut kept = Vec::new();
    let mut last = 0;
    let mut bytes = 0;
    let mut count = 0;
    capture
        .for_each_frame(&mut |frame: &Frame<'_>| {
            assert!(frame.number.0 > last, "numbers ascend");
            last = frame.number.0;
            assert!(
                frame.data.len() <= frame.wire_len as usize,
                "no more is captured than was on the wire"
            );
            count += 1;
            bytes += frame.data.len();
            // A bomb of compressed frames is counted, not kept.
            if bytes <= 1 << 20 && kept.len() < 10_000 {
                kept.push(Kept {
                    number: frame.number.0,
                    time: frame.time.map(|time| time.0),
                    link: frame.link.0,
                    interface: frame.interface,
                    wire_len: frame.wire_len,
                    data: frame.data.to_vec(),
                });
            }
            ControlFlow::Continue(())
        })
        .expect("a file can be read");
    let files = capture.files().to_vec();
    assert_eq!(
        files.iter().map(|file| file.packets).sum::<u64>(),
        count,
        "the account is of the frames"
    );
    if files.iter().all(|file| file.compression.is_none()) {
        assert!(bytes <= file_bytes, "no more frames than the file holds");
    }
    (kept, files)
}

/// As [`capture_file`], and every frame goes through the whole pipeline.
pub fn analyze(data: &[u8]) {
    capture_file(data);
}
