//! Killed at any moment, the folder holds only whole pictures under final names.

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::programs::{Folder, Running, SERVER};

#[test]
fn killed_server_leaves_only_whole_pictures() {
    let folder = Folder::new();
    let png = folder.picture("a.png", 1, 400, 300);
    let out = folder.text("out");
    let mut saved = 0;
    for round in 0..20_u64 {
        let server = Running::start(SERVER, &["receive", "--port", "0", "--out", &out]);
        let port = server.port;
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let png = png.clone();
                thread::spawn(move || {
                    // Until the server is gone.
                    while let Ok(mut peer) = TcpStream::connect(("127.0.0.1", port)) {
                        if peer.write_all(&png).is_err() {
                            break;
                        }
                    }
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(20 + round * 7));
        server.kill();
        for sender in senders {
            sender.join().unwrap();
        }
        for name in folder.names("out") {
            if name.starts_with(".imgnet-") || name.contains(".incomplete.") {
                continue;
            }
            assert!(
                folder.read(&format!("out/{name}")) == png,
                "{name} is not whole"
            );
            saved += 1;
        }
    }
    assert!(saved > 0, "nothing was ever saved");
    // The next one clears away what the killed ones left.
    let server = Running::start(SERVER, &["receive", "--port", "0", "--out", &out]);
    let left = folder
        .names("out")
        .into_iter()
        .filter(|name| name.starts_with(".imgnet-"))
        .count();
    assert_eq!(left, 0);
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn server_that_is_told_to_end_finishes_what_is_under_way() {
    let folder = Folder::new();
    let png = folder.picture("a.png", 1, 400, 300);
    let out = folder.text("out");
    let server = Running::start(SERVER, &["receive", "--port", "0", "--out", &out]);
    let idle = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let mut peer = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let half = png.len() / 2;
    peer.write_all(&png[..half]).unwrap();
    thread::sleep(Duration::from_millis(200));
    let rest = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        peer.write_all(&png[half..]).unwrap();
        png
    });
    let (code, told) = server.stop();
    let png = rest.join().unwrap();
    assert_eq!(code, Some(0), "{told:?}");
    assert_eq!(folder.read("out/image-0001.png"), png);
    drop(idle);
}
