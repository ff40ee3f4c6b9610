//! The page: opened in headless Chromium and held against the JSON of the same captures; the same twice; nothing from
//! outside becomes markup; small; the other commands make it, too.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test reads files and the environment, says when it skips, and may fail"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{captures_folder, imgnet};

/// Eight captures that are not alike: healthy, late, lost, cut, of many pictures, of datagrams.
const CAPTURES: [&str; 8] = [
    "eof",
    "eof-lossy",
    "marker-in-file",
    "pipeline-hang",
    "catalog",
    "udp-receiver-overflow",
    "loss-before-capture",
    "snaplen-96",
];

/// Whether pages can be opened. Without Chromium: a failure under CI, else a loud word and `false`.
fn chromium_is_there() -> bool {
    let there = ["chromedriver", "chromium"]
        .iter()
        .all(|program| Command::new(program).arg("--version").output().is_ok());
    if there {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "chromium is missing, and under CI the pages must be opened: apt-get install chromium chromium-driver"
    );
    eprintln!("SKIPPED: no page is opened, because chromium or chromedriver is missing");
    false
}

fn capture(name: &str) -> PathBuf {
    captures_folder().join(format!("{name}.pcap"))
}

/// The options that give a capture its files, where it has some.
fn files(name: &str) -> Vec<String> {
    let mut options = Vec::new();
    for side in ["sent", "received"] {
        let folder = captures_folder().join(name).join(side);
        let some = std::fs::read_dir(&folder).is_ok_and(|mut files| files.next().is_some());
        if some {
            options.push(format!("--{side}"));
            options.push(folder.display().to_string());
        }
    }
    options
}

/// Runs imgnet, and wants one of these exit codes.
fn run(arguments: &[String], codes: &[i32]) -> std::process::Output {
    let output = imgnet(arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output
            .status
            .code()
            .is_some_and(|code| codes.contains(&code)),
        "imgnet {arguments:?} ended with {}: {errors}",
        output.status
    );
    output
}

fn page(name: &str, into: &Path) -> String {
    let mut arguments = vec!["report".to_owned(), capture(name).display().to_string()];
    arguments.extend(files(name));
    arguments.extend(["-o".to_owned(), into.display().to_string()]);
    run(&arguments, &[0, 3]);
    std::fs::read_to_string(into).expect("the page was written")
}

#[test]
fn eight_pages_in_a_browser_say_what_the_json_says() {
    if !chromium_is_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut pairs = Vec::new();
    for name in CAPTURES {
        let html = folder.path().join(format!("{name}.html"));
        page(name, &html);
        let files = files(name);
        let command = if files.is_empty() {
            "analyze"
        } else {
            "verify"
        };
        let mut arguments = vec![command.to_owned(), capture(name).display().to_string()];
        arguments.extend(files);
        arguments.extend(["--format".to_owned(), "json".to_owned()]);
        let json = folder.path().join(format!("{name}.json"));
        std::fs::write(&json, run(&arguments, &[0, 1, 3]).stdout).expect("a file");
        pairs.push(format!("{}={}", html.display(), json.display()));
    }
    let mut browser = Command::new("python3");
    browser.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/browser.py"));
    if let Some(screenshots) = std::env::var_os("IMGNET_SCREENSHOTS") {
        browser.arg("--screenshots").arg(screenshots);
    }
    let output = browser.args(&pairs).output().expect("python3 starts");
    let (said, errors) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(output.status.success(), "{said}{errors}");
    assert_eq!(said.lines().count(), CAPTURES.len(), "{said}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let html = folder.path().join("page.html");
    for name in ["pipeline-hang", "udp-receiver-overflow"] {
        let first = page(name, &html);
        assert_eq!(first, page(name, &html), "{name}");
        assert!(
            !first.contains("http://") && !first.contains("https://"),
            "{name}: it names another place"
        );
    }
}

#[test]
fn a_name_of_a_file_is_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let hostile = "a\"><script>window.pwned=1<!-- ' &amp;.jpg";
    let sent = folder.path().join("sent");
    std::fs::create_dir(&sent).expect("a folder");
    let original = captures_folder().join("eof/sent");
    let file = std::fs::read_dir(original)
        .expect("the files sent")
        .next()
        .expect("one of them")
        .expect("its entry");
    std::fs::copy(file.path(), sent.join(hostile)).expect("a copy");
    let html = folder.path().join("page.html");
    let arguments = [
        "report",
        &capture("eof").display().to_string(),
        "--sent",
        &sent.display().to_string(),
        "-o",
        &html.display().to_string(),
    ]
    .map(str::to_owned);
    run(&arguments, &[0]);
    let page = std::fs::read_to_string(&html).expect("the page");
    assert_eq!(page.matches("<script").count(), 1, "its own alone");
    assert!(
        page.contains("&lt;script&gt;window.pwned"),
        "the name is shown"
    );
}

#[test]
fn verify_and_check_leave_a_page_and_say_where_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let html = folder.path().join("page.html");
    let shown = html.display().to_string();
    let mut arguments = vec![
        "verify".to_owned(),
        capture("marker-in-file").display().to_string(),
    ];
    arguments.extend(files("marker-in-file"));
    arguments.extend(["--report".to_owned(), shown.clone()]);
    let output = run(&arguments, &[1]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        said.lines().last(),
        Some(format!("Report: {shown}").as_str())
    );
    assert!(
        std::fs::read_to_string(&html)
            .expect("the page")
            .contains("mismatch")
    );

    std::fs::remove_file(&html).expect("it was there");
    let expectations = folder.path().join("expect.toml");
    std::fs::write(&expectations, "[run]\npictures = 7\n").expect("a file");
    let arguments = [
        "check",
        &capture("eof").display().to_string(),
        "--expect",
        &expectations.display().to_string(),
        "--report",
        &shown,
    ]
    .map(str::to_owned);
    let output = run(&arguments, &[1]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        said.lines().last(),
        Some(format!("Report: {shown}").as_str())
    );
    let page = std::fs::read_to_string(&html).expect("the page");
    assert!(page.contains("does not hold"), "what was expected is shown");
}

#[test]
fn drawings_are_files_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let drawings = folder.path().join("drawings");
    let arguments = [
        "report",
        &capture("eof-lossy").display().to_string(),
        "--plots",
        &drawings.display().to_string(),
        "--theme",
        "dark",
    ]
    .map(str::to_owned);
    run(&arguments, &[0]);
    for name in ["sequence", "chunks", "throughput"] {
        let svg =
            std::fs::read_to_string(drawings.join(format!("picture-0-{name}.svg"))).expect(name);
        assert!(
            svg.starts_with("<svg ") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\""),
            "{name}"
        );
        assert!(svg.ends_with("</svg>"), "{name}");
        let file = std::fs::read(drawings.join(format!("picture-0-{name}.png"))).expect(name);
        let png = image::load_from_memory(&file).expect(name).into_rgb8();
        let number = |name: &str| {
            let (_, rest) = svg.split_once(&format!(" {name}=\"")).expect(name);
            let (number, _) = rest.split_once('"').expect(name);
            number.parse::<f64>().expect(name) * 2.0
        };
        assert!(
            (f64::from(png.width()) - number("width")).abs() <= 1.0,
            "{name}"
        );
        assert!(
            (f64::from(png.height()) - number("height")).abs() <= 1.0,
            "{name}"
        );
        // The theme's ground, its letters, and what is drawn.
        let letters = svg.contains("<text").then_some([0xa3, 0xad, 0xba]);
        for colour in [[0x0f, 0x13, 0x18]].into_iter().chain(letters) {
            assert!(
                png.pixels().any(|pixel| pixel.0 == colour),
                "{name} {colour:x?}"
            );
        }
    }
    let sequence = std::fs::read(drawings.join("picture-0-sequence.png")).expect("it");
    let sequence = image::load_from_memory(&sequence)
        .expect("a PNG")
        .into_rgb8();
    let again = [0xff, 0x7b, 0x72];
    assert!(
        sequence.pixels().any(|pixel| pixel.0 == again),
        "what came again is red"
    );
    let sequence = std::fs::read_to_string(drawings.join("picture-0-sequence.svg")).expect("it");
    assert!(
        sequence.contains("class=\"again\""),
        "what came again is drawn"
    );
}

/// The time is the one that `bench/page.py` measures on a machine that does nothing else; tests run beside each other.
#[test]
fn a_page_of_twenty_thousand_pictures_is_made_and_opens_soon() {
    if !chromium_is_there() {
        return;
    }
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/page.py"))
        .arg(env!("CARGO_BIN_EXE_imgnet"))
        .args(["--slack", "4"])
        .output()
        .expect("python3 starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("20,000 pictures"), "{said}");
    assert!(said.contains("page     loaded after"), "{said}");
}
