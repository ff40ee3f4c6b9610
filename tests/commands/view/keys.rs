//! Every key that the help lists, and the mouse: sent to the viewer in a terminal, and seen to do what the help says.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::Terminal;
use crate::support::{captures_folder, imgnet};

/// A key, and what it does to a screen of 80×24 on `pipeline-hang.pcap`.
struct Case {
    /// As the help lists it.
    listed: &'static str,
    /// What is pressed before, in tmux's names.
    before: &'static [&'static str],
    key: &'static str,
    /// What is seen after it, and was not before.
    wanted: &'static str,
}

const fn key(
    listed: &'static str,
    before: &'static [&'static str],
    key: &'static str,
    wanted: &'static str,
) -> Case {
    Case {
        listed,
        before,
        key,
        wanted,
    }
}

/// The frame beneath the list names the selected packet whole; the list itself has no room for it.
const KEYS: &[Case] = &[
    key("1", &["2"], "1", "1 overview"),
    key("2", &[], "2", "2 packets"),
    key("3", &[], "3", "3 graph"),
    key("4", &[], "4", "4 picture"),
    key("Tab", &[], "Tab", "┏ Pictures"),
    key("Shift-Tab", &[], "BTab", "┏ Stream 2"),
    // A finding's proof, a picture's first frame, a step of the ladder, a packet's details.
    key("Enter", &[], "Enter", "5050 → 56372 [PSH, ACK] Seq=6081"),
    key(
        "Enter",
        &["Tab"],
        "Enter",
        "5050 → 56372 [PSH, ACK] Seq=1 Ack=1",
    ),
    key("Enter", &["BTab"], "Enter", "56372 → 5050 [SYN] Seq=0"),
    key("Enter", &["2"], "Enter", "┏ Details"),
    key("Enter", &["2", "Tab", "g"], "Enter", "▾ Frame 1"),
    key("Esc", &["2"], "Escape", "1 overview"),
    key("Esc", &["2", "Tab"], "Escape", "┏ Packets"),
    key("Down", &["2"], "Down", "5050 → 56364 [SYN, ACK] Seq=0"),
    key("j", &["2"], "j", "5050 → 56364 [SYN, ACK] Seq=0"),
    key(
        "Up",
        &["2", "G"],
        "Up",
        "56372 → 5050 [PSH, ACK] Seq=1 Ack=6099",
    ),
    key(
        "k",
        &["2", "G"],
        "k",
        "56372 → 5050 [PSH, ACK] Seq=1 Ack=6099",
    ),
    key("Right", &["2", "Right"], "Right", "TSval=169798677"),
    key("l", &["2", "l"], "l", "TSval=169798677"),
    key("Left", &["2", "Right"], "Left", "56364 → 5050 [SYN] Seq=0"),
    key("h", &["2", "l"], "h", "56364 → 5050 [SYN] Seq=0"),
    // Another stream on the ladder, another frame in the graph.
    key("Left", &["BTab"], "Left", "┏ Stream 1"),
    key("Right", &["BTab", "Left"], "Right", "┏ Stream 2"),
    key("Home", &["2", "G"], "Home", "56364 → 5050 [SYN] Seq=0"),
    key("g", &["2", "G"], "g", "56364 → 5050 [SYN] Seq=0"),
    key("End", &["2"], "End", "5050 → 56372 [RST] Seq=6099"),
    key("G", &["2"], "G", "5050 → 56372 [RST] Seq=6099"),
    key(
        "PgUp",
        &["2", "G"],
        "PPage",
        "5050 → 56372 [FIN, ACK] Seq=6098",
    ),
    key("PgDn", &["2"], "NPage", "56364 → 5050 [PSH, ACK] Seq=4097"),
    key(
        "Ctrl-b",
        &["2", "G"],
        "C-b",
        "5050 → 56372 [FIN, ACK] Seq=6098",
    ),
    key("Ctrl-f", &["2"], "C-f", "56364 → 5050 [PSH, ACK] Seq=4097"),
    key(
        "Ctrl-u",
        &["2", "G"],
        "C-u",
        "5050 → 56364 [FIN, ACK] Seq=1",
    ),
    key("Ctrl-d", &["2"], "C-d", "5050 → 56364 [ACK] Seq=1 Ack=2049"),
    // Nothing of this stream is selected: half of its time, from its beginning.
    key("+", &["3"], "+", "1.28 s across"),
    key("-", &["3", "+"], "-", "2.57 s across"),
    key("Space", &["2", "Tab", "g"], "Space", "▾ Frame 1"),
    key("b", &[], "b", "┏ Bytes"),
    key("/", &[], "/", "/_"),
    key(":", &[], ":", ":_   frame number"),
    key("n", &["2"], "n", "5050 → 56372 [PSH, ACK] Seq=1 Ack=1"),
    key("N", &["2", "G"], "N", "5050 → 56372 [FIN, ACK] Seq=6098"),
    key("[", &["2"], "[", "56366 → 5050 [PSH, ACK] Seq=1 Ack=5831"),
    key("]", &["2"], "]", "56372 → 5050 [PSH, ACK] Seq=1 Ack=6099"),
    key("e", &[], "e", "┏ Explained"),
    key(
        "y",
        &[],
        "y",
        "copied: frame.number in {44, 48, 50, 51, 54}",
    ),
    key("s", &[], "s", "saved stream-2-image-0003.jpg, 6,080 bytes"),
    key("?", &[], "?", "┏ Keys"),
    key("q", &[], "q", "code 0"),
    key("Ctrl-c", &[], "C-c", "code 0"),
];

/// Held by the tests of live views.
const LIVE: [&str; 1] = ["p"];

fn shell(capture: &str, folder: &Path) -> String {
    format!(
        "sh -c 'cd {}; {} view --color never {}; echo code $?; sleep 60'",
        folder.display(),
        env!("CARGO_BIN_EXE_imgnet"),
        captures_folder().join(capture).display()
    )
}

#[test]
fn every_key_does_what_the_help_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = shell("pipeline-hang.pcap", folder.path());
    std::thread::scope(|scope| {
        for keys in KEYS.chunks(KEYS.len().div_ceil(4)) {
            let (shell, folder) = (&shell, folder.path());
            scope.spawn(move || tried(keys, shell, folder));
        }
    });
}

fn tried(keys: &[Case], shell: &str, folder: &Path) {
    for key in keys {
        let name = format!("key-{:?}", std::ptr::from_ref(key));
        let Some(terminal) = Terminal::run(&name, 80, 24, shell) else {
            return;
        };
        terminal.wait_for("silence");
        if !key.before.is_empty() {
            terminal.keys(key.before);
        }
        let before = terminal.settled("", false);
        assert!(
            !before.contains(key.wanted),
            "{}: {} is there already:\n{before}",
            key.listed,
            key.wanted
        );
        terminal.keys(&[key.key]);
        let screen = terminal.wait_for(key.wanted);
        match key.listed {
            "4" => {
                // Drawn without colours: in shades.
                let drawn = terminal.wait_for("-----");
                assert!(drawn.contains("Picture 3: 6,080 bytes"), "{drawn}");
            }
            "3" => assert!(screen.contains(". data   r sent again"), "{screen}"),
            "e" => {
                assert!(screen.contains("marker-unanswered"), "{screen}");
                terminal.keys(&["NPage", "NPage", "NPage", "NPage"]);
                terminal.wait_for("How it is proved");
            }
            "s" => saved(folder),
            _ => {}
        }
    }
}

/// What was saved is what `analyze` extracts.
fn saved(folder: &Path) {
    let name = "stream-2-image-0003.jpg";
    let saved = std::fs::read(folder.join(name)).expect("it was saved");
    let extracted = folder.join("extracted");
    let capture = captures_folder().join("pipeline-hang.pcap");
    let [capture, into] = [&capture, &extracted].map(|path| path.to_str().expect("UTF-8"));
    imgnet(&["analyze", capture, "--extract", into]);
    let files = std::fs::read_dir(&extracted).expect("extracted");
    let mut same = files.filter(|file| {
        let path = file.as_ref().expect("an entry").path();
        std::fs::read(path).is_ok_and(|bytes| bytes == saved)
    });
    assert!(same.next().is_some(), "no picture of {} bytes", saved.len());
}

#[test]
fn the_help_lists_no_key_that_is_not_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = shell("pipeline-hang.pcap", folder.path());
    let Some(terminal) = Terminal::run("help", 120, 40, &shell) else {
        return;
    };
    terminal.wait_for("silence");
    terminal.keys(&["?"]);
    let screen = terminal.wait_for("Ctrl-c");
    // The keys stand in the first 15 columns of the box.
    let begin = screen.lines().find_map(|line| line.split_once("┏ Keys"));
    let begin = begin.expect("the help").0.chars().count() + 1;
    let lines = screen.lines().skip_while(|line| !line.contains("┏ Keys"));
    let listed: BTreeSet<String> = lines
        .skip(1)
        .take_while(|line| !line.contains("Colours:"))
        .flat_map(|line| {
            let column: String = line.chars().skip(begin).take(15).collect();
            let keys = column.split_whitespace().map(str::to_owned);
            keys.collect::<Vec<_>>()
        })
        .collect();
    let tried: BTreeSet<String> = KEYS
        .iter()
        .map(|key| key.listed)
        .chain(LIVE)
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, tried, "{screen}");
}

#[test]
fn what_is_copied_is_on_the_clipboard() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = shell("pipeline-hang.pcap", folder.path());
    let Some(terminal) = Terminal::run("clipboard", 80, 24, &shell) else {
        return;
    };
    terminal.tmux(&["set-option", "-g", "set-clipboard", "on"]);
    terminal.wait_for("silence");
    for (keys, wanted) in [
        (&["y"][..], "frame.number in {44, 48, 50, 51, 54}"),
        (&["Tab", "y"], "tcp.stream == 2"),
        (&["Tab", "y"], "frame.number >= 21 && frame.number <= 21"),
        (&["2", ":", "5", "0", "Enter", "y"], "frame.number == 50"),
    ] {
        terminal.keys(keys);
        terminal.wait_for(&format!("copied: {wanted}"));
        let mut pasted = String::new();
        for _ in 0..100 {
            pasted = terminal.tmux(&["show-buffer"]);
            if pasted.trim() == wanted {
                break;
            }
            sleep(Duration::from_millis(50));
        }
        assert_eq!(pasted.trim(), wanted);
    }
}

#[test]
fn filters_and_frame_numbers_are_typed() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = shell("pipeline-hang.pcap", folder.path());
    let Some(terminal) = Terminal::run("typed", 80, 24, &shell) else {
        return;
    };
    terminal.wait_for("silence");
    terminal.typed("/tcp.flags.syn == 1");
    terminal.wait_for("/tcp.flags.syn == 1_");
    terminal.keys(&["Enter"]);
    terminal.wait_for("Packets: tcp.flags.syn == 1 (6)");
    terminal.wait_for("6 frames chosen");
    // A mistake stays to be mended, and the nearest name is told.
    terminal.keys(&["/", "C-u"]);
    terminal.typed("tcp.prot == 1");
    terminal.keys(&["Enter"]);
    terminal.wait_for("did you mean tcp.port?");
    terminal.keys(&[
        "BSpace", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace",
    ]);
    terminal.typed("t == 1");
    terminal.keys(&["Escape"]);
    terminal.wait_for("2 packets");
    // A frame that the filter leaves out takes it off.
    terminal.typed(":50");
    terminal.wait_for(":50_");
    terminal.keys(&["Enter"]);
    let screen = terminal.wait_for("Seq=6081");
    assert!(
        screen.contains("the filter left that frame out: it is off now"),
        "{screen}"
    );
    terminal.typed(":5000");
    terminal.keys(&["Enter"]);
    terminal.wait_for("there is no frame 5000: the last one is 61");
    terminal.typed(":x");
    terminal.keys(&["Enter"]);
    terminal.wait_for("\"x\" is no frame number");
    // An empty filter takes it off too.
    terminal.typed("/udp");
    terminal.keys(&["Enter"]);
    terminal.wait_for("no frame is chosen");
    terminal.keys(&["/", "C-u", "Enter"]);
    terminal.wait_for("No.     Time");
}

/// Column and line of a text on the screen, from 1 as terminals count.
fn place(screen: &str, wanted: &str) -> (usize, usize) {
    let found = screen.lines().zip(1..).find_map(|(line, at)| {
        let (before, _) = line.split_once(wanted)?;
        Some((before.chars().count() + 1, at))
    });
    found.unwrap_or_else(|| panic!("no {wanted} in:\n{screen}"))
}

impl Terminal {
    /// Types text as it is.
    fn typed(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Presses the first button there, and lets go of it.
    fn click(&self, (column, line): (usize, usize)) {
        self.typed(&format!("\x1b[<0;{column};{line}M"));
        self.typed(&format!("\x1b[<0;{column};{line}m"));
    }

    /// Turns the wheel by a notch.
    fn wheel(&self, (column, line): (usize, usize), down: bool) {
        let button = if down { 65 } else { 64 };
        self.typed(&format!("\x1b[<{button};{column};{line}M"));
    }
}

#[test]
fn the_mouse_selects_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = shell("pipeline-hang.pcap", folder.path());
    let Some(terminal) = Terminal::run("mouse", 80, 24, &shell) else {
        return;
    };
    let screen = terminal.wait_for("silence");
    // A picture's row, then twice for its first frame.
    terminal.click(place(&screen, "12,088 bytes     6 chunks"));
    let screen = terminal.wait_for("Stream 0");
    terminal.click(place(&screen, "12,088 bytes     6 chunks"));
    let screen = terminal.wait_for("56364 → 5050 [PSH, ACK] Seq=1 Ack=1");
    // A row of the list.
    terminal.click(place(&screen, "ACK to byte 2,048 of picture 0"));
    let screen = terminal.wait_for("5050 → 56364 [ACK] Seq=1 Ack=2049");
    // The wheel turns the list three rows a notch, without a click.
    let list = place(&screen, "ACK to byte 2,048 of picture 0");
    terminal.wheel(list, true);
    terminal.wait_for("56364 → 5050 [PSH, ACK] Seq=4097");
    terminal.wheel(list, false);
    terminal.wait_for("5050 → 56364 [ACK] Seq=1 Ack=2049");
    // A cell of the strip is a chunk: its frame, its first byte in the dump, its line in the details.
    let (column, line) = place(&terminal.screen(), "111111");
    terminal.click((column + 3, line));
    terminal.wait_for("56364 → 5050 [PSH, ACK] Seq=6145");
    let screen = terminal.wait_for("picture 0 byte 6,144 · chunk 3");
    assert!(screen.contains("chunks of 2,048, chunk 3"), "{screen}");
    // A byte of the dump: its place in the picture.
    let (column, line) = place(&screen, "0050  ");
    terminal.click((column + 6, line));
    let screen = terminal.wait_for("Bytes: 80 · picture 0 byte 6,158 · chunk 3");
    // The pane that has the keys is higher now.
    let (column, line) = place(&screen, "0050  ");
    terminal.click((column + 6 + 3 * 5, line));
    terminal.wait_for("Bytes: 85 · picture 0 byte 6,163 · chunk 3");
    // A line of the details: its first byte.
    terminal.keys(&["Escape", "Enter"]);
    let screen = terminal.wait_for("┏ Details");
    terminal.click(place(&screen, "Chunk 3: bytes"));
    let screen = terminal.wait_for("Bytes: 66 · picture 0 byte 6,144");
    // A character beside the digits is the same byte.
    let (column, line) = place(&screen, "0040  ");
    terminal.click((column + 56, line));
    terminal.wait_for("Bytes: 64");
}

#[test]
fn a_byte_that_is_selected_anywhere_is_selected_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = shell("pipeline-hang.pcap", folder.path());
    let Some(terminal) = Terminal::run("linked", 80, 24, &shell) else {
        return;
    };
    terminal.wait_for("silence");
    terminal.keys(&[":", "4", "8", "Enter", "b", "Down"]);
    // In the dump, in the tree, in the strip, and in the picture.
    terminal.wait_for("Bytes: 82 · picture 3 byte 4,112 · chunk 2");
    let screen = terminal.wait_for("chunks of 2,048, chunk 2");
    assert!(
        screen.contains("JPEG SOS, scan 1") || screen.contains("Chunk 2: bytes"),
        "{screen}"
    );
    terminal.keys(&["4"]);
    let screen = terminal.wait_for("byte 4,112 of the picture, in frame 48, chunk 2: row ");
    assert!(screen.contains('▶'), "{screen}");
    // Above it another byte of the same picture: another frame, chunk and byte in the list.
    let (_, line) = place(&screen, "▶");
    terminal.click((10, line - 10));
    let screen = terminal.settled("of the picture, in frame 4", false);
    assert!(!screen.contains("byte 4,112 of"), "{screen}");
    let between = |before: &str, behind: &str| {
        let (_, rest) = screen.split_once(before).expect("the place");
        rest.split_once(behind).expect("its end").0.to_owned()
    };
    let byte = between("┗ byte ", " of the picture");
    let chunk = between(", chunk ", ": row");
    terminal.keys(&["Enter", "Tab", "Tab"]);
    let screen = terminal.wait_for("┏ Bytes");
    for words in [
        format!("picture 3 byte {byte} · chunk {chunk}"),
        format!("chunks of 2,048, chunk {chunk} "),
    ] {
        assert!(screen.contains(&words), "{words}: {screen}");
    }
}

#[test]
fn the_graph_marks_what_was_sent_again_and_selects_frames() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, mark) in [("eof-lossy.pcap", 'r'), ("eof.pcap", '.')] {
        let Some(terminal) = Terminal::run(
            &format!("graph-{name}"),
            100,
            30,
            &shell(name, folder.path()),
        ) else {
            return;
        };
        terminal.wait_for("1 overview");
        terminal.keys(&["3"]);
        let screen = terminal.wait_for("3 graph");
        let plot: Vec<Vec<char>> = screen
            .lines()
            .skip_while(|line| !line.contains("┏ Stream"))
            .skip(1)
            .take_while(|line| line.starts_with('┃'))
            .map(|line| line.chars().skip(1).take(98).collect())
            .collect();
        assert!(plot.iter().flatten().any(|cell| *cell == mark), "{screen}");
        assert!(plot.iter().flatten().any(|cell| *cell == '-'), "{screen}");
        // The first byte lower left, the last upper right.
        let data = |line: &[char]| line.iter().position(|cell| ['.', 'r'].contains(cell));
        let columns: Vec<usize> = plot.iter().filter_map(|line| data(line)).collect();
        assert!(columns.first() > columns.last(), "{screen}");
        // A click below at the left: a frame near the beginning; above at the right: near the end.
        let frame_at = |place: (usize, usize)| -> u64 {
            terminal.keys(&["3"]);
            terminal.wait_for("3 graph");
            terminal.click(place);
            terminal.keys(&["y"]);
            let screen = terminal.wait_for("copied: frame.number == ");
            let (_, number) = screen
                .split_once("copied: frame.number == ")
                .expect("a number");
            number
                .split_whitespace()
                .next()
                .and_then(|n| n.parse().ok())
                .expect("a number")
        };
        let lines = plot.len();
        let first = frame_at((2, 2 + lines));
        let last = frame_at((98, 3));
        assert!(first < 8 && last > 20, "{first} {last}");
        // Enter: in the list.
        terminal.keys(&["Enter"]);
        terminal.wait_for("2 packets");
    }
}

#[test]
fn a_terminal_that_changes_its_size_is_drawn_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = shell("pipeline-hang.pcap", folder.path());
    let Some(terminal) = Terminal::run("resize", 80, 24, &shell) else {
        return;
    };
    terminal.wait_for("silence");
    let resize = |width: usize, height: usize| {
        let size = [width.to_string(), height.to_string()];
        let [width, height] = size.each_ref().map(String::as_str);
        terminal.tmux(&["resize-window", "-x", width, "-y", height]);
    };
    for (width, height) in [(120, 40), (200, 50), (60, 16), (80, 24)] {
        resize(width, height);
        // The boxes reach from the first column to the last.
        let mut edge = String::from("┏ Findings ");
        edge.push_str(&"━".repeat(width - 12));
        edge.push('┓');
        let screen = terminal.wait_for(&edge);
        assert_eq!(screen.lines().count(), height, "{screen}");
        let last = screen.lines().last().expect("a line");
        assert!(last.starts_with("1 overview"), "{screen}");
    }
    resize(39, 12);
    terminal.wait_for("too small");
    resize(100, 30);
    terminal.wait_for("┏ Findings");
    terminal.keys(&["q"]);
    terminal.wait_for("code 0");
}

#[test]
fn no_colour_is_sent_to_who_wants_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = captures_folder().join("pipeline-hang.pcap");
    for (name, setting, colours) in [
        ("no-color", "NO_COLOR=1", false),
        ("mono", "TERM=vt100", false),
        ("colours", "TERM=tmux-256color", true),
    ] {
        let shell = format!(
            "sh -c 'cd {}; {setting} {} view {}; sleep 60'",
            folder.path().display(),
            env!("CARGO_BIN_EXE_imgnet"),
            capture.display()
        );
        let Some(terminal) = Terminal::run(name, 80, 24, &shell) else {
            return;
        };
        let screen = terminal.settled("silence", true);
        // What tmux writes where a cell has a colour of its own.
        let coloured = screen.contains("38;5;");
        assert_eq!(coloured, colours, "{name}: {screen:?}");
        // What is selected is seen nevertheless.
        assert!(
            screen.contains("\x1b[7m") || screen.contains(";7m"),
            "{name}: {screen:?}"
        );
    }
}
