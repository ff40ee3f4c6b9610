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
            read: Vec::new(),
            folders: vec![folder_path.clone()],
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

#[test]
fn who_reads_files_later_reads_those_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("a"), "a").unwrap();
    fs::write(&outside, "b").unwrap();
    thread::spawn(move || {
        let confinement = confine(&Needs {
            read: vec![inside.clone()],
            ..Needs::default()
        });
        if !in_force(&confinement) {
            return;
        }
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 1);
        assert_eq!(fs::read(inside.join("a")).unwrap(), b"a");
        assert!(refused(File::create(inside.join("b"))));
        assert!(refused(File::options().write(true).open(inside.join("a"))));
        assert!(refused(fs::remove_file(inside.join("a"))));
        if confinement.landlock == Step::InForce {
            assert!(refused(File::open(&outside)));
        } else {
            eprintln!("SKIPPED: other folders, Landlock: {}", confinement.landlock);
        }
    })
    .join()
    .unwrap();
}
