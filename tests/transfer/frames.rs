//! `stream --fps --loop`, and a catalogue that encodes afresh.

use std::time::{Duration, Instant};

use imgnet::imaging::{DecodeLimits, decode};

use crate::programs::{Folder, Running, SERVER, client, transfers};

#[test]
fn stream_goes_round_at_its_rate_until_it_is_stopped() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("pictures")).unwrap();
    let pictures = [
        folder.picture("pictures/2.png", 1, 60, 40),
        folder.picture("pictures/10.png", 2, 60, 40),
    ];
    std::fs::write(folder.path("pictures/readme.txt"), "no picture").unwrap();
    let (files, got) = (folder.text("pictures"), folder.text("got"));
    let server = Running::start(
        SERVER,
        &[
            "stream",
            "--port",
            "0",
            "--protocol",
            "eof",
            "--pace",
            "0",
            "--fps",
            "10",
            "--loop",
            &files,
        ],
    );
    let at = format!("127.0.0.1:{}", server.port);
    let since = Instant::now();
    for round in 0..7 {
        let (code, _) = client(&["receive", &at, "--protocol", "eof", "-o", &got]);
        assert_eq!(code, Some(0), "{round}");
        assert_eq!(folder.read("got"), pictures[round % 2], "{round}");
    }
    // From the first to the seventh: six times a tenth of a second less what two clocks differ, or more where the machine is
    // busy.
    let took = since.elapsed();
    assert!(took >= Duration::from_millis(550), "{took:?}");
    let (code, told) = server.stop();
    assert_eq!(code, Some(0));
    assert_eq!(transfers(&told).len(), 7);
}

#[test]
fn stream_ends_after_the_last_picture() {
    let folder = Folder::new();
    folder.picture("a.png", 1, 60, 40);
    let (a, got) = (folder.text("a.png"), folder.text("got.png"));
    let server = Running::start(
        SERVER,
        &[
            "stream", "--port", "0", "--fps", "1000", "--pace", "0", &a, &a,
        ],
    );
    let at = format!("127.0.0.1:{}", server.port);
    for _ in 0..2 {
        let (code, told) = client(&["receive", &at, "--width", "60", "-o", &got]);
        assert_eq!(code, Some(0));
        assert_eq!(transfers(&told)[0]["bytes"], 60 * 40 * 3);
    }
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn catalogue_encodes_afresh_where_it_is_told_to() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("pictures")).unwrap();
    let stored = [
        folder.picture("pictures/1.jpg", 1, 300, 200),
        folder.picture("pictures/2.png", 2, 301, 199),
    ];
    let pictures = folder.text("pictures");
    let server = Running::start(
        SERVER,
        &[
            "catalog",
            "--port",
            "0",
            "--import",
            &pictures,
            "--re-encode",
        ],
    );
    let at = format!("127.0.0.1:{}", server.port);
    for (choice, stored) in ["1", "2"].into_iter().zip(&stored) {
        let got = folder.text("got");
        assert_eq!(client(&["get", &at, choice, "-o", &got]).0, Some(0));
        let sent = folder.read("got");
        assert!(sent.starts_with(&[0xff, 0xd8, 0xff]), "no JPEG");
        assert_ne!(&sent, stored, "the stored bytes");
        let [before, after] = [stored, &sent]
            .map(|bytes| decode(bytes, &DecodeLimits::default()).unwrap().into_rgb8());
        assert_eq!(before.dimensions(), after.dimensions());
        let squares: u64 = before
            .as_raw()
            .iter()
            .zip(after.as_raw())
            .map(|(&one, &other)| u64::from(one.abs_diff(other)).pow(2))
            .sum();
        assert!(
            squares > 0,
            "the very same pixels, though they were encoded afresh"
        );
        // A mean square of less than 205 is a PSNR of more than 25 dB.
        let values = before.as_raw().len() as u64;
        assert!(squares < 205 * values, "{squares} over {values} values");
    }
    let (_, told) = server.stop();
    assert_eq!(transfers(&told).len(), 2);
}
