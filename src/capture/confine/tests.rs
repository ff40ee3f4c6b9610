//! Confinement is a thread's own: each test confines one that it starts, and the others stay free.
#![expect(
    clippy::disallowed_methods,
    reason = "tries what a confined thread must not do"
)]

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;

use caps::CapSet;

use super::*;

fn refused<T>(result: std::io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Whether this system has what the tests are about; where not, says that they are skipped.
fn in_force(confinement: &Confinement) -> bool {
    eprintln!("{confinement}");
    assert_eq!(confinement.no_new_privileges, Step::InForce);
    assert!(!matches!(confinement.capabilities, Step::Without(_)));
    let in_force = confinement.seccomp == Step::InForce;
    if !in_force {
        eprintln!("SKIPPED: seccomp: {}", confinement.seccomp);
    }
    in_force
}

#[test]
fn a_confined_thread_opens_nothing_and_goes_on_with_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"before").unwrap();
    let mut file = File::options().read(true).append(true).open(&path).unwrap();
    let new = folder.path().join("new");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let confinement = confine(&Needs::default());
        if !in_force(&confinement) {
            return;
        }
        assert_eq!(confinement.capabilities, Step::InForce);
        assert!(refused(File::open(&path)));
        assert!(refused(File::open("/etc/passwd")));
        assert!(refused(File::create(&path)));
        assert!(refused(File::create_new(&new)));
        assert!(refused(fs::remove_file(&path)));
        assert!(refused(fs::rename(&path, &new)));
        assert!(refused(fs::create_dir(&new)));
        assert!(refused(fs::read_dir("/").map(|_| ())));
        assert!(refused(TcpStream::connect(address)));
        assert!(refused(UdpSocket::bind("127.0.0.1:0")));
        assert!(Command::new("/bin/true").status().is_err());
        file.write_all(b" and after").unwrap();
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "before and after");
        // Threads that it starts can compute, and open nothing either.
        let other = thread::spawn(move || refused(File::open("/etc/passwd")));
        assert!(other.join().unwrap());
        // Not even what it may do can be asked for.
        assert!(caps::read(None, CapSet::Permitted).is_err());
    })
    .join()
    .unwrap();
}

#[test]
fn who_makes_files_later_makes_new_ones_alone() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (folder_path, other) = (folder.path().to_owned(), elsewhere.path().join("x"));
    fs::write(folder_path.join("old"), b"old").unwrap();
    thread::spawn(move || {
        let needs = Needs {
            folders: vec![folder_path.clone()],
            ..Needs::default()
        };
        let confinement = confine(&needs);
        if !in_force(&confinement) {
            return;
        }
        let mut file = File::create_new(folder_path.join("new")).unwrap();
        file.write_all(b"new").unwrap();
        fs::rename(folder_path.join("new"), folder_path.join("renamed")).unwrap();
        assert!(refused(File::open(folder_path.join("old"))));
        assert!(refused(File::create(folder_path.join("old"))));
        assert!(refused(File::open("/etc/passwd")));
        if confinement.landlock == Step::InForce {
            assert!(refused(File::create_new(&other)));
        } else {
            eprintln!("SKIPPED: other folders, Landlock: {}", confinement.landlock);
        }
        fs::remove_file(folder_path.join("renamed")).unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(fs::read(folder.path().join("old")).unwrap(), b"old");
}

/// libpcap opens files to count those, and says 0 where it may not.
#[test]
fn what_an_interface_drops_is_known_in_a_confined_capture_too() {
    let mut live = match crate::source::live::Live::open(&crate::source::live::Options::default()) {
        Ok(live) => live,
        Err(error) => {
            println!("SKIPPED what_an_interface_drops_is_known_in_a_confined_capture_too: {error}");
            return;
        }
    };
    thread::spawn(move || {
        if !in_force(&confine(&Needs::default())) {
            return;
        }
        assert!(refused(File::open(
            "/sys/class/net/lo/statistics/rx_missed_errors"
        )));
        assert_eq!(live.statistics().unwrap().interface_dropped, Some(0));
    })
    .join()
    .unwrap();
}

/// Whether files are refused that are not named: without Landlock they are not, and it is said.
fn refused_by_landlock<T>(confinement: &Confinement, result: std::io::Result<T>) -> bool {
    if confinement.landlock != Step::InForce {
        eprintln!("SKIPPED: other files, Landlock: {}", confinement.landlock);
        return true;
    }
    refused(result)
}

#[test]
fn who_compares_files_reads_those_alone() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (given, other) = (folder.path().to_owned(), elsewhere.path().join("other"));
    let linked = elsewhere.path().join("linked");
    fs::create_dir(given.join("below")).unwrap();
    fs::write(given.join("below/picture"), b"picture").unwrap();
    fs::write(&linked, b"linked").unwrap();
    fs::write(&other, b"other").unwrap();
    std::os::unix::fs::symlink(&linked, given.join("below/link")).unwrap();
    thread::spawn(move || {
        let confinement = confine(&Needs::default().reading([given.as_path()]));
        if !in_force(&confinement) {
            return;
        }
        assert_eq!(fs::read(given.join("below/picture")).unwrap(), b"picture");
        assert_eq!(fs::read(given.join("below/link")).unwrap(), b"linked");
        assert_eq!(fs::read_dir(&given).unwrap().count(), 1);
        assert!(refused_by_landlock(&confinement, File::open(&other)));
        assert!(refused_by_landlock(&confinement, File::open("/etc/passwd")));
        assert!(refused(File::create(given.join("new"))));
        assert!(refused(
            File::options()
                .append(true)
                .open(given.join("below/picture"))
        ));
        assert!(refused(fs::remove_file(given.join("below/picture"))));
        assert!(refused(TcpListener::bind("127.0.0.1:0")));
        assert!(Command::new("/bin/true").status().is_err());
    })
    .join()
    .unwrap();
}

#[test]
fn a_server_takes_connections_and_saves_in_its_folder_alone() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (own, other) = (folder.path().to_owned(), elsewhere.path().join("x"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"picture").unwrap();
    });
    thread::spawn(move || {
        let confinement = confine(&Needs {
            folders: vec![own.clone()],
            network: Network::Accepts,
            ..Needs::default()
        });
        if !in_force(&confinement) {
            return;
        }
        let mut bytes = Vec::new();
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"picture");
        fs::write(own.join("draft"), &bytes).unwrap();
        fs::rename(own.join("draft"), own.join("picture")).unwrap();
        assert_eq!(fs::read(own.join("picture")).unwrap(), b"picture");
        assert!(refused_by_landlock(&confinement, File::create(&other)));
        assert!(refused_by_landlock(&confinement, File::open("/etc/passwd")));
        assert!(refused_by_landlock(&confinement, fs::read_dir("/")));
        assert!(refused(TcpStream::connect(address)));
        assert!(refused(TcpListener::bind("127.0.0.1:0")));
        assert!(refused(UdpSocket::bind("127.0.0.1:0")));
        assert!(Command::new("/bin/true").status().is_err());
    })
    .join()
    .unwrap();
    client.join().unwrap();
}

#[test]
fn a_client_connects_by_name_and_opens_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let confinement = confine(&Needs::default().with_network(Network::Connects));
        if !in_force(&confinement) {
            return;
        }
        let mut stream = TcpStream::connect(("localhost", port)).unwrap();
        stream.write_all(b"picture").unwrap();
        assert!(refused_by_landlock(&confinement, File::open("/etc/passwd")));
        assert!(refused_by_landlock(
            &confinement,
            TcpListener::bind("127.0.0.1:0")
        ));
        assert!(refused(std::os::unix::net::UnixStream::connect(
            "/run/no-such-socket"
        )));
        assert!(Command::new("/bin/true").status().is_err());
    })
    .join()
    .unwrap();
}
