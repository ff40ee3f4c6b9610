//! Two thousand mixed transfers: good, broken off, slow, hostile.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::programs::{Folder, Running, SERVER, resident, transfers};

const TRANSFERS: usize = 2000;

/// A PNG that declares 60,000 × 60,000 pixels.
fn bomb(png: &[u8]) -> Vec<u8> {
    let mut bomb = png.to_vec();
    bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let crc = crc32fast::hash(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&crc);
    bomb
}

fn framed(picture: &[u8]) -> Vec<u8> {
    let length = u32::try_from(picture.len()).unwrap();
    [&length.to_be_bytes(), picture].concat()
}

#[test]
fn two_thousand_mixed_transfers() {
    let folder = Folder::new();
    let pictures: Vec<Vec<u8>> = (0..20)
        .map(|seed| {
            folder.picture(
                &format!("{seed}.png"),
                seed,
                60 + 5 * u32::try_from(seed).unwrap(),
                60,
            )
        })
        .collect();
    let out = folder.text("deep/out");
    let server = Running::start(
        SERVER,
        &[
            "receive",
            "--port",
            "0",
            "--protocol",
            "length=u32be",
            "--idle",
            "5",
            "--out",
            &out,
        ],
    );
    let (port, pid) = (server.port, server.pid());
    let next = AtomicUsize::new(0);
    let resident_midway = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= TRANSFERS {
                        return;
                    }
                    if number == TRANSFERS / 4 {
                        let midway = usize::try_from(resident(pid)).unwrap();
                        resident_midway.store(midway, Ordering::Relaxed);
                    }
                    let picture = &pictures[number / 10 % pictures.len()];
                    play(port, number, picture);
                }
            });
        }
    });
    // The last ones are settled.
    thread::sleep(Duration::from_millis(300));
    let (before, after) = (
        resident_midway.load(Ordering::Relaxed) as u64,
        resident(pid),
    );
    let (code, told) = server.stop();
    assert_eq!(code, Some(1), "bad ones came, and that is said");
    assert!(
        after < before + 24 * 1024,
        "memory grew from {before} to {after} KiB"
    );

    let mut wanted: HashMap<String, usize> = HashMap::new();
    let mut good = 0;
    for number in 0..TRANSFERS {
        if !matches!(number % 10, 3 | 7) {
            let digest = Sha256::digest(&pictures[number / 10 % pictures.len()]);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            *wanted.entry(hex).or_default() += 1;
            good += 1;
        }
    }
    let records = transfers(&told);
    let mut bad = 0;
    for record in &records {
        if record["problem"].is_null() {
            let digest = record["sha256"].as_str().unwrap();
            let left = wanted.get_mut(digest).expect("nobody sent that");
            *left -= 1;
            let saved = std::fs::read(record["file"].as_str().unwrap()).unwrap();
            let saved: String = Sha256::digest(&saved)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(saved, digest);
        } else {
            bad += 1;
        }
    }
    assert!(
        wanted.values().all(|&left| left == 0),
        "a good picture did not arrive"
    );
    // Those that never were a picture are warnings.
    let warned = told
        .iter()
        .filter(|line| {
            line["event"] == "warning" && line["text"].as_str().unwrap().contains("127.0.0.1")
        })
        .count();
    assert!(bad + warned >= TRANSFERS - good, "{bad} + {warned}");
    let whole = folder
        .names("deep/out")
        .into_iter()
        .inspect(|name| assert!(name.starts_with("image-"), "{name}"))
        .filter(|name| !name.contains(".incomplete."))
        .count();
    assert_eq!(whole, good);
    assert_eq!(folder.names("deep"), ["out"], "nothing outside the folder");
}

/// One transfer. Of ten, one is broken off, one is hostile and one is slow.
fn play(port: u16, number: usize, picture: &[u8]) {
    let mut peer = TcpStream::connect(("127.0.0.1", port)).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let bytes = framed(picture);
    match number % 10 {
        3 => {
            let _ = peer.write_all(&bytes[..bytes.len() / 2]);
        }
        5 => {
            for piece in bytes.chunks(bytes.len() / 8 + 1) {
                peer.write_all(piece).unwrap();
                thread::sleep(Duration::from_millis(15));
            }
        }
        7 => {
            let hostile = match number / 10 % 5 {
                // A huge declared length.
                0 => [&0x7fff_ffff_u32.to_be_bytes(), &picture[..200]].concat(),
                // No picture.
                1 => framed(&[b'x'; 5000]),
                2 => framed(&bomb(picture)),
                // A path where a name might be.
                3 => framed(b"../../../../etc/cron.d/evil\0\x89PNG and so on, which is no picture"),
                _ => (0..4000_usize)
                    .map(|byte| (byte * 131 % 251) as u8)
                    .collect(),
            };
            let _ = peer.write_all(&hostile);
        }
        _ => peer.write_all(&bytes).unwrap(),
    }
    // Until the server is done with it.
    let _ = peer.shutdown(Shutdown::Write);
    let _ = peer.read(&mut [0; 1]);
}
