//! The catalogue beside a client as people write it: its menu's order, and its own picture for what is not there.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Command;

use crate::programs::{Folder, Running, SERVER};

/// What comes for a choice, from a client that sends the number alone.
fn answer(port: u16, choice: &str) -> Vec<u8> {
    let mut peer = TcpStream::connect(("127.0.0.1", port)).unwrap();
    peer.write_all(choice.as_bytes()).unwrap();
    let mut came = Vec::new();
    peer.read_to_end(&mut came).unwrap();
    came
}

/// The folder of the original: pictures whose menu is in no order of names, and a picture that says that there is none.
fn pictures(folder: &Folder) -> [Vec<u8>; 4] {
    std::fs::create_dir(folder.path("Pictures")).unwrap();
    let names = ["house.jpg", "car.jpg", "dog.jpg", "notfound.jpg"];
    let mut made = names.iter().zip(1..).map(|(name, seed)| {
        folder.picture(&format!("Pictures/{name}"), seed, 60 + seed as u32, 40)
    });
    std::array::from_fn(|_| made.next().unwrap())
}

/// A server of the folder's pictures.
fn of_pictures(folder: &Folder, more: &[&str]) -> Running {
    let pictures = folder.text("Pictures");
    let own = ["catalog", "--port", "0", "--import", &pictures];
    Running::start(SERVER, &[&own[..], more].concat())
}

#[test]
fn own_picture_is_sent_for_what_is_not_there_and_is_no_choice() {
    let folder = Folder::new();
    let [house, car, dog, none] = pictures(&folder);
    let server = of_pictures(&folder, &[]);
    // In order of names.
    for (choice, picture) in [("1", &car), ("2", &dog), ("3", &house)] {
        assert_eq!(&answer(server.port, choice), picture, "{choice}");
    }
    for choice in ["4", "0", "99", "horse", "notfound.jpg"] {
        assert_eq!(answer(server.port, choice), none, "{choice}");
    }
    server.kill();
    // One given beats the one that lies there.
    let other = folder.picture("other.jpg", 9, 90, 30);
    let server = of_pictures(&folder, &["--not-found", &folder.text("other.jpg")]);
    assert_eq!(answer(server.port, "99"), other);
    server.kill();
}

#[test]
fn menu_s_order_can_be_given_in_a_file_and_by_adding() {
    let folder = Folder::new();
    let [house, car, dog, none] = pictures(&folder);
    let menu = folder.text("menu.txt");
    std::fs::write(&menu, "house.jpg\ndog.jpg\ncar.jpg\n").unwrap();
    let server = of_pictures(&folder, &["--order", &menu]);
    for (choice, picture) in [("1", &house), ("2", &dog), ("3", &car), ("4", &none)] {
        assert_eq!(&answer(server.port, choice), picture, "{choice}");
    }
    server.kill();
    let database = folder.text("menu.db");
    for name in ["dog.jpg", "house.jpg", "car.jpg"] {
        let file = folder.text(&format!("Pictures/{name}"));
        let added = Command::new(SERVER)
            .args(["catalog", "--db", &database, "--add", &file])
            .output()
            .unwrap();
        assert!(added.status.success(), "{added:?}");
    }
    let listed = Command::new(SERVER)
        .args(["catalog", "--db", &database, "--list"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let place = |name: &str| {
        listed
            .find(name)
            .unwrap_or_else(|| panic!("{name}: {listed}"))
    };
    assert!(place("dog.jpg") < place("house.jpg") && place("house.jpg") < place("car.jpg"));
    let server = Running::start(SERVER, &["catalog", "--port", "0", "--db", &database]);
    for (choice, picture) in [("1", &dog), ("2", &house), ("3", &car)] {
        assert_eq!(&answer(server.port, choice), picture, "{choice}");
    }
    server.kill();
}

/// A client that says nothing and closes its side has chosen nothing; the others are served.
#[test]
fn who_says_nothing_keeps_nobody_waiting() {
    let folder = Folder::new();
    let [_, car, ..] = pictures(&folder);
    let server = of_pictures(&folder, &[]);
    let silent = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    assert_eq!(answer(server.port, "1"), car);
    silent.shutdown(Shutdown::Both).unwrap();
    assert_eq!(answer(server.port, "1"), car);
    server.kill();
}

/// Rows of a picture that a camera stored turned go out as they are stored, and that is said.
#[test]
fn that_a_picture_is_stored_turned_is_said() {
    let folder = Folder::new();
    let mut jpeg = imgnet::imaging::synth::jpeg_with_thumbnail(1, 40, 30).unwrap();
    // The entry of the orientation in IFD0: tag 0x0112, SHORT, one value.
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0];
    let at = jpeg.windows(8).position(|eight| eight == entry).unwrap();
    for (orientation, said) in [(1, false), (6, true), (3, true)] {
        jpeg[at + 8] = orientation;
        std::fs::write(folder.path("a.jpg"), &jpeg).unwrap();
        for program in ["send", "stream"] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let to = listener.local_addr().unwrap().to_string();
            let taking = std::thread::spawn(move || {
                let (mut peer, _) = listener.accept().unwrap();
                let mut came = Vec::new();
                peer.read_to_end(&mut came).unwrap();
                came
            });
            let file = folder.text("a.jpg");
            let output = if program == "send" {
                Command::new(crate::programs::CLIENT)
                    .args(["send", &to, &file, "--protocol", "raw-pixels"])
                    .output()
            } else {
                Command::new(SERVER)
                    .args(["stream", "--connect", &to, &file])
                    .output()
            };
            let told = String::from_utf8(output.unwrap().stderr).unwrap();
            assert_eq!(
                told.contains("stored turned"),
                said,
                "{program} {orientation}: {told}"
            );
            // 40×30 as stored.
            assert_eq!(taking.join().unwrap().len(), 40 * 30 * 3);
        }
    }
}

/// Many clients call `recv` once: what can come at once is handed to the socket in one send.
#[test]
fn an_answer_is_handed_over_in_one_send() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("Pictures")).unwrap();
    // Noise, so that a file of that length is a picture: less than a socket's first receive queue takes, and more than a
    // send queue has at first.
    let sizes = [(60, 30), (180, 180), (300, 300)];
    let pictures: Vec<Vec<u8>> = sizes
        .iter()
        .zip(1..)
        .map(|((width, height), seed)| {
            let pixels = image::RgbImage::from_fn(*width, *height, |x, y| {
                let noise = (x + y * width + seed).wrapping_mul(2_654_435_761);
                let [a, b, c, _] = (noise ^ (noise >> 15)).wrapping_mul(40_503).to_le_bytes();
                image::Rgb([a, b, c])
            });
            let path = folder.path(&format!("Pictures/{seed}.png"));
            pixels.save(&path).unwrap();
            std::fs::read(path).unwrap()
        })
        .collect();
    assert!(pictures[1].len() > 90_000 && pictures[2].len() > 250_000);
    let ledger = folder.text("sent.jsonl");
    let server = of_pictures(&folder, &["--ledger", &ledger]);
    for (choice, picture) in ["1", "2", "3"].iter().zip(&pictures) {
        let mut peer = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        peer.write_all(choice.as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let mut came = vec![0; 1 << 20];
        let first = peer.read(&mut came).unwrap();
        // What the receive queue cannot take comes later, whoever serves.
        assert!(
            first == picture.len() || first > 100_000,
            "{choice}: {first}"
        );
        peer.read_to_end(&mut came).unwrap();
    }
    server.stop();
    let lines = std::fs::read_to_string(&ledger).unwrap();
    let chunks: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["chunks"].clone())
        .collect();
    let whole: Vec<serde_json::Value> = pictures
        .iter()
        .map(|picture| serde_json::json!([picture.len()]))
        .collect();
    assert_eq!(chunks, whole);
}
