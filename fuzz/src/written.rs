//! Files that imgnet writes, and reads again: captures and catalogues.

use std::io::Write as _;
use std::ops::ControlFlow;

use imgnet::capture::pcapng::{Interface, Packet, Section, Statistics, Writer};
use imgnet::frame::{Away, LinkType};
use imgnet::source::Capture;
use imgnet::transfer::server::catalog::{Catalog, Database};
use imgnet::units::Timestamp;

use super::capture::MemoryFile;

/// Takes numbers and bytes off the front; zeros where there is nothing left.
struct Taken<'b>(&'b [u8]);

impl<'b> Taken<'b> {
    fn bytes(&mut self, most: usize) -> &'b [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn number(&mut self, width: usize) -> u64 {
        self.bytes(width)
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    fn text(&mut self) -> String {
        let length = self.number(1) as usize;
        String::from_utf8_lossy(self.bytes(length)).into_owned()
    }
}

/// Time, length on the wire, interface, bytes.
type Seen = (i64, u32, u32, u16, Vec<u8>);

/// The bytes say what is written into a pcapng file: interfaces, packets, comments, names, counts. Read again it is all there.
pub fn pcapng_writer(data: &[u8]) {
    let mut taken = Taken(data);
    let comment = taken.text();
    let section = Section {
        comment: Some(&comment),
        ..Section::default()
    };
    let mut writer = Writer::new(Vec::new(), &section).expect("memory");
    let (mut written, mut links) = (Vec::new(), Vec::<u16>::new());
    let mut counts: Vec<Option<Statistics>> = Vec::new();
    while !taken.0.is_empty() {
        match taken.number(1) % 8 {
            0 => {
                let link = taken.number(2) as u16;
                let (name, filter) = (taken.text(), taken.text());
                let interface = Interface {
                    name: Some(&name),
                    description: Some(&filter),
                    filter: Some(&filter),
                    os: None,
                    link: LinkType(link),
                    snap_len: taken.number(4) as u32,
                };
                let index = writer.interface(&interface).expect("memory");
                assert_eq!(index as usize, links.len());
                links.push(link);
                counts.push(None);
            }
            1 => {
                let interface = taken.number(1) as u32;
                let time =
                    |there: bool, nanoseconds: u64| there.then_some(Timestamp(nanoseconds as i64));
                let there = taken.number(1);
                let statistics = Statistics {
                    started: time(there & 1 > 0, taken.number(8)),
                    ended: time(there & 2 > 0, taken.number(8)),
                    received: (there & 4 > 0).then(|| taken.number(8)),
                    dropped: (there & 8 > 0).then(|| taken.number(7)),
                    unwritten: if there & 16 > 0 { taken.number(4) } else { 0 },
                    away: (there & 32 > 0).then(|| Away {
                        times: taken.number(2) + 1,
                        nanoseconds: taken.number(8),
                        from: Timestamp(taken.number(8) as i64),
                        until: Timestamp(taken.number(8) as i64),
                        back: there & 64 > 0,
                    }),
                };
                match writer.statistics(interface, statistics) {
                    Ok(()) => counts[interface as usize] = Some(statistics),
                    Err(_) => assert!(interface as usize >= links.len()),
                }
            }
            2 => {
                let name = (
                    std::net::Ipv4Addr::from(taken.number(4) as u32).into(),
                    taken.text(),
                );
                writer.names(&[name]).expect("memory");
            }
            3 => writer.flush().expect("memory"),
            _ => {
                let interface = taken.number(1) as u32;
                let time = Timestamp(taken.number(8) as i64);
                let wire_len = taken.number(4) as u32;
                let length = taken.number(2) as usize;
                let data = taken.bytes(length);
                let comment = taken.text();
                let packet = Packet {
                    interface,
                    time,
                    wire_len,
                    data,
                    comment: Some(&comment),
                };
                match writer.packet(&packet) {
                    Ok(()) => written.push((
                        time.0,
                        wire_len.max(data.len() as u32),
                        interface,
                        links[interface as usize],
                        data.to_vec(),
                    )),
                    Err(_) => assert!(interface as usize >= links.len() || time.0 < 0),
                }
            }
        }
    }
    let file = MemoryFile::new(&writer.finish().expect("memory"));
    let mut capture = Capture::open(&[file.path()]).expect("what was written is a capture");
    let mut read: Vec<Seen> = Vec::new();
    capture
        .for_each_frame(&mut |frame| {
            let time = frame.time.expect("every packet has a time").0;
            let data = frame.data.to_vec();
            read.push((time, frame.wire_len, frame.interface, frame.link.0, data));
            ControlFlow::Continue(())
        })
        .expect("it is read to its end");
    assert_eq!(read, written);
    let summary = &capture.files()[0];
    assert_eq!(summary.truncated, None);
    let interfaces = &summary.interfaces;
    assert_eq!(interfaces.len(), links.len());
    for ((interface, link), counted) in interfaces.iter().zip(&links).zip(counts) {
        assert_eq!(interface.link.0, *link);
        let Some(counted) = counted else { continue };
        assert_eq!(interface.received, counted.received);
        assert_eq!(interface.away, counted.away);
        assert_eq!(interface.unwritten.unwrap_or(0), counted.unwritten);
        assert_eq!(interface.dropped.unwrap_or(0), counted.dropped.unwrap_or(0));
    }
}

/// The bytes are the file of a catalogue: refused, or listed within what they can hold.
pub fn catalog_file(data: &[u8]) {
    // SQLite looks for a journal beside its file.
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let path = folder.path().join("catalog.db");
    let mut file = std::fs::File::create(&path).expect("a file in memory");
    file.write_all(data).expect("memory");
    drop(file);
    let Ok(database) = Database::open(&path) else {
        return;
    };
    let Ok(listed) = database.list() else { return };
    // An empty file becomes a catalogue without pictures.
    assert!(listed.len() <= data.len() / 8, "{} rows", listed.len());
    for one in listed.iter().take(20) {
        let _ = database.find(&one.number.to_string());
        let _ = database.find(&one.name);
        if let Ok(Some(bytes)) = database.bytes(one.number) {
            assert!(bytes.len() <= data.len());
        }
    }
    if let Some(one) = listed.first() {
        let _ = database.remove(&one.number.to_string());
    }
    if let Ok(catalog) = Catalog::of_database(database) {
        let _ = catalog.list();
    }
}
