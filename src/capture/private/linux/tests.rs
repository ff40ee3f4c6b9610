#![expect(
    clippy::disallowed_methods,
    reason = "threads and a listener to be told apart from the private ones"
)]

use super::*;

#[test]
fn map_lines_are_whole() {
    assert_eq!(MapLine::new(0, 1000).as_bytes(), b"0 1000 1\n");
    assert_eq!(
        MapLine::new(u32::MAX, u32::MAX).as_bytes(),
        b"4294967295 4294967295 1\n"
    );
}

#[test]
fn outcomes_survive_the_way_to_the_parent() {
    for way in [Way::Privileged, Way::Unprivileged] {
        assert_eq!(decode(&encode(Ok(way))), Ok(way));
    }
    let failure = Failure {
        step: Step::Map,
        errno: Errno::PERM,
    };
    assert_eq!(decode(&encode(Err(failure))), Err(failure));
    assert!(
        why(&io::Error::from_raw_os_error(2)).is_none(),
        "ENOENT is not ours"
    );
}

#[test]
fn a_process_with_threads_is_refused_and_told_so() {
    // The test harness has threads of its own.
    let waiting = std::thread::spawn(std::thread::park);
    let forbidden = enter(Identity::Caller).unwrap_err();
    waiting.thread().unpark();
    waiting.join().unwrap();
    assert_eq!(forbidden.step, Step::Threads);
}

/// Runs in a child: the loopback there is up, alone and empty, and the right to capture is there.
#[test]
fn an_enclosed_command_has_a_loopback_of_its_own() {
    if let Err(forbidden) = rehearse(Identity::Root) {
        println!("SKIPPED an_enclosed_command_has_a_loopback_of_its_own: {forbidden}");
        return;
    }
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = occupied.local_addr().unwrap().port();
    let mut command = Command::new("cat");
    command.args(["/proc/self/net/dev", "/proc/self/net/tcp"]);
    enclose(&mut command, Identity::Root);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let interfaces: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim())
        .filter(|name| name.chars().all(char::is_alphabetic))
        .collect();
    assert_eq!(interfaces, ["lo"], "{text}");
    assert!(
        !text.contains(&format!(":{port:04X} ")),
        "the machine's listener is seen: {text}"
    );
}

#[test]
fn a_program_that_does_not_exist_is_not_called_forbidden() {
    if rehearse(Identity::Caller).is_err() {
        println!(
            "SKIPPED a_program_that_does_not_exist_is_not_called_forbidden: no private network here"
        );
        return;
    }
    let mut command = Command::new("/nonexistent/program");
    enclose(&mut command, Identity::Caller);
    let error = command.spawn().unwrap_err();
    assert!(why(&error).is_none());
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
