//! Outputs never replace what is read, and the words of the command line do what people expect.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads and writes files, and may fail"
)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::captures_folder;

fn imgnet(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a capture, what was sent, what was received, and expectations.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::copy(captures_folder().join("eof.pcap"), path.join("run.pcap")).unwrap();
    for side in ["sent", "received"] {
        std::fs::create_dir(path.join(side)).unwrap();
        let from = captures_folder().join("eof").join(side);
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), path.join(side).join(entry.file_name())).unwrap();
        }
    }
    std::fs::write(path.join("expect.toml"), "[run]\npictures = 1\n").unwrap();
    std::fs::write(path.join("framing.layout"), "u32be length, picture\n").unwrap();
    std::fs::write(path.join("ledger.jsonl"), "").unwrap();
    std::fs::hard_link(path.join("run.pcap"), path.join("other-name.pcap")).unwrap();
    std::fs::hard_link(path.join("sent/a.jpg"), path.join("photo.jpg")).unwrap();
    folder
}

#[test]
fn no_output_replaces_an_input_whatever_it_is_called() {
    let folder = folder();
    let path = folder.path();
    let before = |name: &str| std::fs::read(path.join(name)).unwrap();
    let kept: Vec<(&str, Vec<u8>)> = [
        "run.pcap",
        "sent/a.jpg",
        "expect.toml",
        "framing.layout",
        "ledger.jsonl",
    ]
    .map(|name| (name, before(name)))
    .to_vec();
    for arguments in [
        "analyze run.pcap -o run.pcap",
        "analyze run.pcap -o other-name.pcap",
        "verify run.pcap --sent sent --received received -o sent/a.jpg",
        "verify run.pcap --sent sent --received received -o photo.jpg",
        "verify run.pcap --sent sent/a.jpg -o photo.jpg",
        "verify run.pcap --sent sent --received received -o other-name.pcap",
        "check run.pcap --expect expect.toml -o expect.toml",
        "check run.pcap --expect expect.toml --junit other-name.pcap",
        "check run.pcap --expect expect.toml --junit out.xml -o ./out.xml",
        "capture --sent sent -w photo.jpg -- true",
        "capture --sent sent -w new.pcapng -o photo.jpg -- true",
        "capture -w new.pcapng -o ./new.pcapng -- true",
        "capture -w run.pcap -- true",
        "analyze run.pcap --layout framing.layout -o framing.layout",
        "verify run.pcap --sent sent --report photo.jpg",
        "verify run.pcap --sent sent --summary-markdown photo.jpg",
        "verify run.pcap --sent sent --summary-markdown run.pcap",
        "verify run.pcap --sent sent --junit photo.jpg",
        "verify run.pcap --sent sent --ledger ledger.jsonl --junit ledger.jsonl",
        "verify run.pcap --sent sent -o x.md --summary-markdown x.md",
        "verify run.pcap --sent sent --layout framing.layout --report framing.layout",
        "verify run.pcap --sent sent --damage sent",
        "check run.pcap --expect expect.toml --report expect.toml",
        "check run.pcap --expect expect.toml --summary-markdown expect.toml",
        "check run.pcap --expect expect.toml --summary-markdown other-name.pcap",
        "check run.pcap --record other-name.pcap --force",
        "check run.pcap --layout framing.layout --record framing.layout --force",
        "report run.pcap -o other-name.pcap",
        "report run.pcap --sent sent -o photo.jpg",
        "report run.pcap --sent sent --ledger ledger.jsonl -o ledger.jsonl",
        "report run.pcap --layout framing.layout -o framing.layout",
        "report run.pcap --sent sent --plots sent",
        "annotate run.pcap -o other-name.pcap",
        "annotate run.pcap --layout framing.layout -o framing.layout",
        "capture --expect expect.toml -w expect.toml --force -- true",
        "capture --expect expect.toml -o expect.toml -- true",
        "capture --expect expect.toml --junit ./expect.toml -- true",
        "capture --expect expect.toml --report expect.toml -- true",
        "capture --expect expect.toml --summary-markdown expect.toml -- true",
        "capture --expect expect.toml --junit x.xml --report x.xml -- true",
        "capture --expect expect.toml --junit x.pcapng -w x.pcapng -- true",
        "capture --layout framing.layout -w framing.layout --force -- true",
        "capture --ledger ledger.jsonl --report ledger.jsonl -- true",
        "capture --sent sent --summary-markdown photo.jpg -- true",
    ] {
        let split: Vec<&str> = arguments.split(' ').collect();
        let output = imgnet(path, &split);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(
            said.contains("name a") || said.contains("name another"),
            "{arguments}: {said}"
        );
        for (name, bytes) in &kept {
            assert_eq!(&before(name), bytes, "{arguments} changed {name}");
        }
    }
    // What is no input is written.
    let output = imgnet(path, &["analyze", "run.pcap", "-o", "report.txt"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!before("report.txt").is_empty());
}

#[test]
fn an_output_may_be_a_link_or_what_the_process_has_open() {
    let folder = folder();
    let path = folder.path();
    std::fs::create_dir(path.join("elsewhere")).unwrap();
    let target = path.join("elsewhere/target");
    let link = path.join("link");
    for arguments in [
        "analyze run.pcap -o OUT",
        "verify run.pcap --sent sent --received received -o OUT",
        "verify run.pcap --sent sent --received received --report OUT",
        "verify run.pcap --sent sent --received received --junit OUT",
        "verify run.pcap --sent sent --received received --summary-markdown OUT",
        "check run.pcap --expect expect.toml -o OUT",
        "check run.pcap --expect expect.toml --junit OUT",
        "check run.pcap --record OUT --force",
        "report run.pcap -o OUT",
        "annotate run.pcap -o OUT",
    ] {
        // A link to a file of another folder stays one.
        std::fs::write(&target, "").unwrap();
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink("elsewhere/target", &link).unwrap();
        let split: Vec<String> = arguments
            .replace("OUT", "link")
            .split(' ')
            .map(str::to_owned)
            .collect();
        let split: Vec<&str> = split.iter().map(String::as_str).collect();
        let output = imgnet(path, &split);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments}: {}",
            text(&output.stderr)
        );
        assert!(link.is_symlink(), "{arguments}");
        let linked = std::fs::read(&target).unwrap();
        assert!(!linked.is_empty(), "{arguments}");
        // What is open already is gone on with.
        for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            let split: Vec<String> = arguments
                .replace("OUT", name)
                .split(' ')
                .map(str::to_owned)
                .collect();
            let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
                .args(split.iter().filter(|word| *word != "--force"))
                .current_dir(path)
                .stdout(std::fs::File::create(&target).unwrap())
                .output()
                .unwrap();
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{arguments}, {name}: {said}");
            let written = std::fs::read(&target).unwrap();
            // The command may tell of it there, too.
            assert!(written.len() >= linked.len() / 2, "{arguments}, {name}");
        }
    }
}

#[test]
fn standard_input_is_an_input_too() {
    let folder = folder();
    let file = std::fs::File::open(folder.path().join("run.pcap")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(["analyze", "-", "-o", "other-name.pcap"])
        .current_dir(folder.path())
        .stdin(file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn a_file_alone_is_analysed() {
    let folder = folder();
    let alone = imgnet(folder.path(), &["run.pcap", "-v"]);
    let named = imgnet(folder.path(), &["analyze", "run.pcap", "-v"]);
    assert_eq!(alone.status.code(), Some(0), "{}", text(&alone.stderr));
    assert_eq!(alone.stdout, named.stdout);
    // A word that is neither a command nor a file is a mistake.
    let output = imgnet(folder.path(), &["analyse"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn nothing_behind_the_dashes_is_a_mistake() {
    let folder = folder();
    for arguments in [&["capture", "--"][..], &["capture", "-w", "x.pcapng", "--"]] {
        let output = imgnet(folder.path(), arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("nothing stands behind --"), "{said}");
    }
}

#[test]
fn what_is_told_of_a_hole_does_not_grow_with_it() {
    // 2,940 bytes whose sequence numbers leap over many megabytes.
    let capture = captures_folder().join("cases/attack/gap-amplify.pcap");
    for (arguments, most) in [
        (&["--format", "json"][..], 200_000),
        (&["--csv", "chunks"], 200_000),
        (&["-vv"], 200_000),
        // A row for every byte that is there, and none for those that are not.
        (&["--format", "json", "--chunk", "1"], 1_000_000),
    ] {
        let mut all = vec!["analyze", capture.to_str().unwrap()];
        all.extend(arguments);
        let output = imgnet(Path::new("."), &all);
        assert!(matches!(output.status.code(), Some(0)), "{arguments:?}");
        let length = output.stdout.len();
        assert!(length < most, "{arguments:?}: {length} bytes for 2,940");
    }
}

#[cfg(not(feature = "archive"))]
#[test]
fn archive_says_how_it_is_built_where_it_is_not() {
    let folder = folder();
    let output = imgnet(folder.path(), &["archive", "run.pcap", "-o", "lake"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("--features archive"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!folder.path().join("lake").exists());
    assert!(text(&imgnet(folder.path(), &["--help"]).stdout).contains("archive"));
}

#[test]
fn query_runs_the_program_that_is_there_and_says_how_to_build_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    // A copy, so that no imgnet-query lies beside it.
    let alone = folder.path().join("imgnet");
    std::fs::copy(env!("CARGO_BIN_EXE_imgnet"), &alone).unwrap();
    let run = |arguments: &[&str]| {
        Command::new(&alone)
            .args(arguments)
            .env("PATH", folder.path().join("programs"))
            .output()
            .unwrap()
    };
    let output = run(&["query", "lake", "SELECT 1", "--format", "csv"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("cargo build --release -p imgnet-query"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");

    std::fs::create_dir(folder.path().join("programs")).unwrap();
    let program = folder.path().join("programs/imgnet-query");
    std::fs::write(&program, "#!/bin/sh\necho \"$@\"\nexit 3\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = run(&["query", "lake", "SELECT 1", "--format", "csv"]);
    assert_eq!(text(&output.stdout), "lake SELECT 1 --format csv\n");
    assert_eq!(output.status.code(), Some(3));
}

/// What `verify` says where `meanwhile` is done to its files, once they were looked at and before the capture has ended.
fn verified_while(meanwhile: impl FnOnce(&Path)) -> (Option<i32>, String) {
    prepared_and_verified_while(|_| {}, meanwhile)
}

/// The same, where `before` was done to the folder of the files received.
fn prepared_and_verified_while(
    before: impl FnOnce(&Path),
    meanwhile: impl FnOnce(&Path),
) -> (Option<i32>, String) {
    use std::io::Write as _;
    use std::process::Stdio;
    let folder = folder();
    before(&folder.path().join("received"));
    let capture = std::fs::read(folder.path().join("run.pcap")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args("verify - --sent sent/a.jpg --received received".split(' '))
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let (first, rest) = capture.split_at(3000);
    pipe.write_all(first).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    meanwhile(&folder.path().join("received"));
    pipe.write_all(rest).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stderr))
}

#[test]
fn nobody_is_blamed_for_a_file_that_changes_while_it_is_compared() {
    let only = |folder: &Path| {
        let mut entries = std::fs::read_dir(folder).unwrap();
        entries.next().unwrap().unwrap().path()
    };
    let (code, said) = verified_while(|_| {});
    assert_eq!(code, Some(0), "{said}");
    // The same length, other bytes, by renaming and in place; one that grows; one that goes.
    for (how, word) in [
        ("renamed", "was changed or replaced"),
        ("written", "was changed or replaced"),
        ("grows", "was changed or replaced"),
        ("removed", "was removed"),
    ] {
        let (code, said) = verified_while(|folder| {
            let file = only(folder);
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[5000] ^= 1;
            match how {
                "renamed" => {
                    std::fs::write(folder.join("new"), &bytes).unwrap();
                    std::fs::rename(folder.join("new"), &file).unwrap();
                }
                "written" => std::fs::write(&file, &bytes).unwrap(),
                "grows" => std::fs::write(&file, [&bytes[..], b"more"].concat()).unwrap(),
                _ => std::fs::remove_file(&file).unwrap(),
            }
        });
        assert_eq!(code, Some(2), "{how}: {said}");
        assert!(
            said.contains(word) && !said.contains("panicked"),
            "{how}: {said}"
        );
    }
}

#[test]
fn a_ledger_is_no_file_that_is_moved_or_saved_whether_it_is_there_or_not() {
    let folder = folder();
    for (program, arguments, file) in [
        (
            env!("CARGO_BIN_EXE_imgnet-client"),
            "send 127.0.0.1:9 new.jpg --ledger ./new.jpg",
            "new.jpg",
        ),
        (
            env!("CARGO_BIN_EXE_imgnet-client"),
            "get 127.0.0.1:9 1 -o new.jpg --ledger new.jpg",
            "new.jpg",
        ),
        (
            env!("CARGO_BIN_EXE_imgnet-client"),
            "receive 127.0.0.1:9 -o new.png --ledger new.png",
            "new.png",
        ),
        (
            env!("CARGO_BIN_EXE_imgnet-server"),
            "stream --port 0 new.jpg --ledger new.jpg",
            "new.jpg",
        ),
        (
            env!("CARGO_BIN_EXE_imgnet-server"),
            "catalog --port 0 --db new.db --import sent --ledger new.db",
            "new.db",
        ),
    ] {
        let output = Command::new(program)
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains("name another"), "{arguments}: {said}");
        assert!(!folder.path().join(file).exists(), "{arguments}");
    }
}

#[test]
fn a_folder_that_is_made_anew_or_filled_meanwhile_is_called_so() {
    // Made anew: what is in it now nobody gave the right to read, whatever its own rights are.
    let spoil = |folder: &Path| {
        let file = folder.join("a.jpg");
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[5000] ^= 1;
        std::fs::write(file, bytes).unwrap();
    };
    let made_anew = |folder: &Path| {
        let bytes = std::fs::read(folder.join("a.jpg")).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("a.jpg"), bytes).unwrap();
    };
    let filled = |folder: &Path| {
        let sent = folder.with_file_name("sent").join("a.jpg");
        std::fs::copy(sent, folder.join("late.jpg")).unwrap();
    };
    let empty = |folder: &Path| std::fs::remove_file(folder.join("a.jpg")).unwrap();
    let (anew, came) = std::thread::scope(|scope| {
        let anew = scope.spawn(|| prepared_and_verified_while(spoil, made_anew));
        let came = prepared_and_verified_while(empty, filled);
        (anew.join().unwrap(), came)
    });
    assert_eq!(anew.0, Some(2), "{}", anew.1);
    assert!(
        anew.1.contains("replaced") && !anew.1.contains("make it readable"),
        "{}",
        anew.1
    );
    assert_eq!(came.0, Some(2), "{}", came.1);
    assert!(
        came.1
            .contains("late.jpg: came while the others were compared"),
        "{}",
        came.1
    );
    // What comes is nobody's business where nothing was missing.
    let (code, said) = verified_while(filled);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn who_reads_a_capture_that_is_cut_short_says_so() {
    let folder = folder();
    let whole = std::fs::read(folder.path().join("run.pcap")).unwrap();
    std::fs::write(folder.path().join("cut.pcap"), &whole[..5000]).unwrap();
    for arguments in [
        "packets cut.pcap",
        "packets cut.pcap --format json",
        "packet cut.pcap 4",
        "follow cut.pcap --stream 0",
        "layout cut.pcap",
    ] {
        let split: Vec<&str> = arguments.split(' ').collect();
        let output = imgnet(folder.path(), &split);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments}: {said}");
        assert!(
            said.contains("cut.pcap cannot be read on at byte 4,")
                && said.contains("after frame 10"),
            "{arguments}: {said}"
        );
        let whole = arguments.replace("cut.pcap", "run.pcap");
        let split: Vec<&str> = whole.split(' ').collect();
        let output = imgnet(folder.path(), &split);
        assert_eq!(output.status.code(), Some(0), "{whole}");
        assert_eq!(text(&output.stderr), "", "{whole}");
    }
}

#[test]
fn what_cannot_be_annotated_is_the_capture_and_not_the_output() {
    let folder = folder();
    // One frame of Ethernet in a snoop file, which `analyze` reads.
    let mut snoop = b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec();
    for number in [14_u32, 14, 38, 0, 1, 0] {
        snoop.extend(number.to_be_bytes());
    }
    snoop.extend([0; 14]);
    std::fs::write(folder.path().join("run.snoop"), snoop).unwrap();
    let read = imgnet(folder.path(), &["analyze", "run.snoop"]);
    assert_eq!(read.status.code(), Some(0), "{}", text(&read.stderr));
    let output = imgnet(
        folder.path(),
        &["annotate", "run.snoop", "-o", "out.pcapng"],
    );
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.starts_with("imgnet: run.snoop: ") && !said.contains("out.pcapng"),
        "{said}"
    );
    assert!(!folder.path().join("out.pcapng").exists());
}

#[test]
fn a_capture_onto_a_full_disk_keeps_what_fits() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("small")).unwrap();
    // A megabyte over one connection, of which a third has room.
    let program = "import socket,threading\n\
                   server=socket.create_server(('127.0.0.1',65432))\n\
                   def serve():\n \x20 peer,_=server.accept()\n \x20 while peer.recv(65536): pass\n\
                   thread=threading.Thread(target=serve); thread.start()\n\
                   client=socket.create_connection(('127.0.0.1',65432))\n\
                   client.sendall(bytes(1000000)); client.close(); thread.join()\n";
    std::fs::write(folder.path().join("both.py"), program).unwrap();
    let script = r#"mount -t tmpfs -o size=400k tmpfs small || exit 77
        "$1" capture -w small/run.pcapng -- python3 both.py > told
        echo "capture: $?"
        "$1" analyze small/run.pcapng --format json"#;
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "bash",
            "-c",
            script,
            "-",
        ])
        .arg(env!("CARGO_BIN_EXE_imgnet"))
        .current_dir(folder.path())
        .output();
    let output = match output {
        Ok(output) if output.status.code() == Some(0) => output,
        other => {
            println!("SKIPPED a_capture_onto_a_full_disk_keeps_what_fits: {other:?}");
            return;
        }
    };
    let (said, told) = (text(&output.stderr), text(&output.stdout));
    let (code, report) = told.split_once('{').unwrap();
    if code != "capture: 2\n" {
        println!("SKIPPED a_capture_onto_a_full_disk_keeps_what_fits: {code} {said}");
        assert!(code == "capture: 4\n", "{code} {said}");
        return;
    }
    assert!(said.contains("No space left on device"), "{said}");
    let report: serde_json::Value = serde_json::from_str(&format!("{{{report}")).unwrap();
    let capture = &report["captures"][0];
    assert_eq!(capture["truncated"], false, "{capture}");
    assert!(capture["packets"].as_u64() >= Some(3), "{capture}");
    // What found no room is missing, and it says so.
    assert_eq!(capture["kernel_drops"], 0, "{capture}");
    assert!(
        report["coverage"]["unwritten"].as_u64() > Some(0),
        "{report}"
    );
    assert_eq!(report["coverage"]["whole"], false);
    assert!(report["findings"].to_string().contains("disk-full"));
    assert!(!report.to_string().contains("kernel dropped"), "{report}");
    assert!(
        capture["captured_bytes"].as_u64() > Some(100_000),
        "{capture}"
    );
}

#[test]
fn memory_that_is_refused_ends_the_program_with_a_message() {
    // Datagrams of many senders: each is kept.
    let folder = tempfile::tempdir().unwrap();
    let mut capture = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        capture.extend(word.to_le_bytes());
    }
    for sender in 0..30_000_u32 {
        let mut frame = vec![0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10];
        let [_, address @ ..] = sender.to_be_bytes();
        frame.extend(address);
        frame.extend([10, 255, 255, 255, 0, 9, 0, 9, 0, 12, 0, 0, 1, 2, 3, 4]);
        for word in [sender, 0, 32, 32] {
            capture.extend(word.to_le_bytes());
        }
        capture.extend(frame);
    }
    std::fs::write(folder.path().join("many.pcap"), capture).unwrap();
    let run = |kilobytes: u32, more: &str| {
        Command::new("sh")
            .arg("-c")
            .arg(format!(
                "ulimit -v {kilobytes}; exec \"$0\" analyze many.pcap -q --max-memory 4G {more}"
            ))
            .arg(env!("CARGO_BIN_EXE_imgnet"))
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let (mut refused, mut enough) = (0, false);
    for kilobytes in (1..60).map(|step| step * 16_000) {
        let output = run(kilobytes, "");
        let said = text(&output.stderr);
        match output.status.code() {
            // The system could not even load it.
            Some(126 | 127) => {}
            Some(2) => {
                assert!(said.starts_with("imgnet: "), "{said}");
                assert!(!said.contains("panicked"), "{said}");
                refused += u32::from(said.contains("refuses memory"));
            }
            Some(0) => {
                enough = true;
                break;
            }
            // A loader without memory may fail by a signal, before anything of imgnet runs.
            None if refused == 0 && said.is_empty() => {}
            other => panic!("{kilobytes} KB: {other:?}: {said}"),
        }
    }
    assert!(enough, "it never had enough");
    assert!(refused > 0, "it was never refused any");
}

#[test]
fn standard_input_is_called_as_it_was_given() {
    for arguments in [
        "packets -",
        "packet - 1",
        "follow - --stream 0",
        "analyze -",
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(arguments.split(' '))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.starts_with("imgnet: -: "), "{arguments}: {said}");
    }
}

/// What each command writes to standard output.
const TOLD: &[&str] = &[
    "analyze eof.pcap",
    "analyze eof.pcap --format json",
    "analyze eof.pcap --format csv",
    "verify eof.pcap --sent sent --received sent",
    "verify eof.pcap --sent sent --received sent --format json",
    "check eof.pcap --record -",
    "check eof.pcap --expect expect.toml",
    "report eof.pcap -o -",
    "annotate eof.pcap -o -",
    "packets eof.pcap",
    "packet eof.pcap 5",
    "follow eof.pcap --stream 0",
    "packets eof.pcap --format json",
    "layout eof.pcap",
    "layout eof.pcap --format json",
    "fields",
    "fields --format json",
    "explain",
    "explain --format json",
    "explain marker-unanswered",
    "doctor",
    "doctor --format json",
    "doctor --apparmor",
    "capture --list",
    "help",
    "--help",
    "--version",
    "analyze --help",
];

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is_one_in_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    std::fs::copy(captures.join("eof.pcap"), folder.path().join("eof.pcap")).unwrap();
    std::os::unix::fs::symlink(captures.join("eof/sent"), folder.path().join("sent")).unwrap();
    std::fs::write(folder.path().join("expect.toml"), "[run]\npictures = 1\n").unwrap();
    let run = |arguments: &str, out: Stdio| {
        let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(out)
            .output()
            .unwrap();
        (output.status.code(), text(&output.stderr))
    };
    for arguments in TOLD {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, said) = run(arguments, writer.into());
        let (listened_to, _) = run(arguments, Stdio::null());
        assert_eq!(code, listened_to, "{arguments}: {said}");
        assert_ne!(code, Some(2), "{arguments}: {said}");
        assert!(!said.contains("panicked"), "{arguments}: {said}");
        if let Ok(full) = std::fs::File::options().write(true).open("/dev/full") {
            let (code, said) = run(arguments, full.into());
            assert_eq!(code, Some(2), "{arguments}: {said}");
            assert!(!said.contains("panicked"), "{arguments}: {said}");
        }
    }
    // Whoever went away has still to be told by the exit code, and what else is written is.
    std::fs::create_dir(folder.path().join("other")).unwrap();
    std::fs::write(folder.path().join("other/b.jpg"), "no picture").unwrap();
    for (arguments, is) in [
        ("verify eof.pcap --sent sent --received other", 1),
        (
            "verify eof.pcap --sent sent --received other --format json --report page.html --summary-markdown page.md",
            1,
        ),
        ("analyze cut.pcap", 3),
        ("analyze cut.pcap --format json -o /dev/stdout", 3),
        ("capture -- true", 1),
    ] {
        let whole = std::fs::read(folder.path().join("eof.pcap")).unwrap();
        std::fs::write(folder.path().join("cut.pcap"), &whole[..5000]).unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, said) = run(arguments, writer.into());
        let cannot_capture = code == Some(4) && arguments.starts_with("capture");
        assert!(
            code == Some(is) || cannot_capture,
            "{arguments}: {code:?} {said}"
        );
    }
    for page in ["page.html", "page.md"] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
    // What is written there is the page, and the capture, and nothing else.
    for (arguments, begin) in [
        ("report eof.pcap -o -", b"<!DOCTYPE html>".as_slice()),
        ("annotate eof.pcap -o -", &[0x0a, 0x0d, 0x0d, 0x0a]),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments}");
        assert!(output.stdout.starts_with(begin), "{arguments}");
        assert!(!folder.path().join("-").exists(), "{arguments}");
    }
}
