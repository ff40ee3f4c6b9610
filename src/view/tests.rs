//! Tests of the screens without a terminal: keys go to the model, the drawing is compared as text.

mod growing;

use std::path::{Path, PathBuf};

use ratatui_core::backend::TestBackend;
use ratatui_core::terminal::Terminal;

use super::data::Data;
use super::draw::{Look, draw};
use super::load::{self, Known, News};
use super::model::{Focus, Key, Model, Screen, Wish};
use crate::analysis::Options;

const PLAIN: Look = Look {
    color: false,
    true_color: false,
    unicode: true,
    graphics: None,
    cell: None,
};

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("captures")
        .join(name)
}

fn viewing(name: &str) -> Model {
    let mut model = Model::new(format!("imgnet view {name}"), false);
    let data = load::read_some(&[capture(name)], &Options::default(), None, &mut |_| {}).unwrap();
    model.take(data);
    model
}

fn screen(model: &mut Model, look: Look, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, look, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..height {
        let line: String = (0..width)
            .map(|x| buffer.cell((x, y)).map_or(" ", |cell| cell.symbol()))
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Gives keys to the model and answers what it asks for, as the program does.
fn press(model: &mut Model, name: &str, keys: &[Key]) {
    for key in keys {
        if let Some(Wish::Fetch(id)) = model.key(*key) {
            let picture =
                load::fetch(&[capture(name)], &Options::default(), id, Known::default()).unwrap();
            model.fetched(Box::new(picture));
        }
    }
}

#[test]
fn from_the_finding_to_its_frame_to_its_bytes_in_three_keys() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    assert_eq!(
        (model.screen, model.focus),
        (Screen::Overview, Focus::Findings)
    );
    press(&mut model, name, &[Key::Enter]);
    let record = model.record(model.row).unwrap();
    assert_eq!(model.data.records.number(record), 50);
    press(&mut model, name, &[Key::Tab, Key::Tab]);
    assert_eq!((model.screen, model.focus), (Screen::Packets, Focus::Bytes));
    let drawn = screen(&mut model, PLAIN, 80, 24);
    assert!(drawn.contains("%IMAGE_C"), "{drawn}");
}

#[test]
fn the_keys_are_read_to_their_end_and_back_and_say_that_there_is_more() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    let seen = |model: &mut Model, key: Key| {
        press(model, name, &[key]);
        screen(model, PLAIN, 80, 24)
    };
    let first = seen(&mut model, Key::Char('?'));
    assert!(first.contains(" more: Down, Space "), "{first}");
    assert!(!first.contains("quit  "), "{first}");
    // Far beyond the end, and one line back: no key is without effect.
    for _ in 0..60 {
        seen(&mut model, Key::Down);
    }
    let last = seen(&mut model, Key::PageDown);
    assert!(last.contains("q Ctrl-c       quit"), "{last}");
    assert!(last.contains(" before: Up "), "{last}");
    let before = seen(&mut model, Key::Up);
    assert_ne!(before, last);
    assert_eq!(seen(&mut model, Key::End), last);
    assert_eq!(seen(&mut model, Key::Home), first);
    model.wheel(10, 10, true);
    assert_ne!(screen(&mut model, PLAIN, 80, 24), first);
    // A click takes it away, and does nothing else.
    let finding = model.finding;
    assert_eq!(model.click(10, 4), None);
    let bare = screen(&mut model, PLAIN, 80, 24);
    assert!(!bare.contains(" Keys "), "{bare}");
    assert_eq!(model.finding, finding);
}

#[test]
fn a_low_screen_shows_the_pane_that_has_the_keys() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    let seen = |model: &mut Model, keys: &[Key]| {
        press(model, name, keys);
        screen(model, PLAIN, 60, 12)
    };
    let findings = seen(&mut model, &[]);
    assert!(findings.contains("marker-unanswered"), "{findings}");
    let pictures = seen(&mut model, &[Key::Tab]);
    assert!(pictures.contains("  4  incomplete"), "{pictures}");
    assert!(seen(&mut model, &[Key::Tab]).contains("2.52 s silence"));
    let list = seen(&mut model, &[Key::Tab, Key::Enter]);
    assert!(list.contains("  50 0.852742 TCP"), "{list}");
    let details = seen(&mut model, &[Key::Tab]);
    assert!(details.contains("Framing: marker, 17 bytes"), "{details}");
    // Lines of eight bytes, where there is no room for more.
    let bytes = seen(&mut model, &[Key::Tab]);
    assert!(
        bytes.contains("0040  c8 f6 25 49 4d 41 47 45  ..%IMAGE  marker"),
        "{bytes}"
    );
    let pane = *model.panes.last().unwrap();
    let line = u16::try_from(0x48 / 8 - pane.top).unwrap();
    for column in [6 + 3 * 2, 31 + 2] {
        model.byte = 0;
        model.click(pane.x + column, pane.y + line);
        assert_eq!(model.byte, 0x4a);
    }
    model.key(Key::Up);
    assert_eq!(model.byte, 0x42);
}

#[test]
fn what_a_narrow_list_cuts_is_shown_beneath_it_and_across() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    press(&mut model, name, &[Key::Enter]);
    let drawn = screen(&mut model, PLAIN, 80, 24);
    // All of the selected packet's summary, which the column of its row has no room for.
    assert!(
        drawn
            .contains("┗ 5050 → 56372 [PSH, ACK] Seq=6081 Ack=1 Win=65536 Len=17 TSval=1816148700"),
        "{drawn}"
    );
    press(
        &mut model,
        name,
        &[Key::Right, Key::Char('l'), Key::Char('l')],
    );
    let across = screen(&mut model, PLAIN, 80, 24);
    assert!(across.contains("TSecr="), "{across}");
    assert_ne!(drawn, across);
    press(&mut model, name, &[Key::Left, Key::Left, Key::Left]);
    assert_eq!(screen(&mut model, PLAIN, 80, 24), drawn);
    // On a wide screen nothing is cut, and nothing moves.
    let wide = screen(&mut model, PLAIN, 200, 50);
    press(&mut model, name, &[Key::Right]);
    assert_eq!(screen(&mut model, PLAIN, 200, 50), wide);
}

#[test]
fn what_is_said_is_wrapped() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    let small = screen(&mut model, PLAIN, 20, 5);
    assert_eq!(
        small.trim_end(),
        "The terminal is too\nsmall: 40 x 10 at\nleast. q quits."
    );
    model.message = Some("a message of many words, ".repeat(4) + "and its end");
    let drawn = screen(&mut model, PLAIN, 60, 20);
    assert!(drawn.contains("and its end"), "{drawn}");
    // So many words that the screen has no room for them.
    model.message = Some("words ".repeat(400));
    for (width, height) in [(40, 10), (41, 11), (80, 24), (3, 1), (1, 1)] {
        let _ = screen(&mut model, PLAIN, width, height);
    }
}

#[test]
fn screens_are_as_they_were() {
    let name = "pipeline-hang.pcap";
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let mut model = viewing(name);
        insta::assert_snapshot!(
            format!("overview-{width}x{height}"),
            screen(&mut model, PLAIN, width, height)
        );
        press(&mut model, name, &[Key::Enter]);
        insta::assert_snapshot!(
            format!("packets-{width}x{height}"),
            screen(&mut model, PLAIN, width, height)
        );
        press(&mut model, name, &[Key::Tab]);
        insta::assert_snapshot!(
            format!("details-{width}x{height}"),
            screen(&mut model, PLAIN, width, height)
        );
    }
    let mut model = viewing(name);
    press(&mut model, name, &[Key::Char('3')]);
    insta::assert_snapshot!("graph-80x24", screen(&mut model, PLAIN, 80, 24));
    press(&mut model, name, &[Key::Char('?')]);
    insta::assert_snapshot!("help-80x24", screen(&mut model, PLAIN, 80, 24));
    let ascii = Look {
        unicode: false,
        ..PLAIN
    };
    press(&mut model, name, &[Key::Escape, Key::Char('1')]);
    let drawn = screen(&mut model, ascii, 80, 24);
    assert!(drawn.is_ascii(), "{drawn}");
}

#[test]
fn a_byte_that_is_selected_is_selected_in_the_tree_and_the_chunk_strip() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    model.go_to(4);
    let first = model.byte;
    assert_eq!(model.picture_offset(), Some(0));
    press(&mut model, name, &[Key::Char('b')]);
    for _ in 0..129 {
        press(&mut model, name, &[Key::Down]);
    }
    let picture = model.picture_offset();
    let size = model.image().unwrap().chunk_size.unwrap();
    assert_eq!(model.chunk, picture.unwrap() / size, "{first}");
    let line = &model.lines[model.line];
    assert!(
        line.bytes.clone().unwrap().contains(&model.byte),
        "{}",
        line.label
    );
    // And from the chunk back to the byte.
    model.focus = Focus::Chunks;
    press(&mut model, name, &[Key::Home]);
    assert_eq!(model.picture_offset(), Some(0));
}

#[test]
fn filters_choose_rows_and_mistakes_keep_the_prompt() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    let type_in = |model: &mut Model, text: &str| {
        let mut keys = vec![Key::Char('/'), Key::Control('u')];
        keys.extend(text.chars().map(Key::Char));
        keys.push(Key::Enter);
        press(model, name, &keys);
    };
    type_in(&mut model, "tcp.flags.syn == 1");
    assert_eq!(model.rows(), 6);
    type_in(&mut model, "tcp.prot == 1");
    assert!(model.prompt.is_some());
    assert!(model.message.as_deref().unwrap_or("").contains("tcp.port"));
    press(&mut model, name, &[Key::Escape]);
    type_in(&mut model, "");
    assert_eq!(model.rows(), 61);
}

#[test]
fn the_picture_is_drawn_where_it_can_be() {
    let name = "eof.pcap";
    let mut model = viewing(name);
    press(&mut model, name, &[Key::Char('4')]);
    let drawn = screen(&mut model, PLAIN, 80, 24);
    let shades = drawn.chars().filter(|c| ":-=+*#%@".contains(*c)).count();
    assert!(shades > 300, "{drawn}");
}

/// The picture of a capture, with these files beside it, at 120×40.
fn beside(files: [Option<(PathBuf, Option<bool>)>; 2]) -> String {
    let name = "udp-receiver-overflow.pcap";
    let mut model = viewing(name);
    press(&mut model, name, &[Key::Char('4')]);
    let known = Known {
        files,
        ..Known::default()
    };
    let picture = load::fetch(&[capture(name)], &Options::default(), 0, known).unwrap();
    model.fetched(Box::new(picture));
    screen(&mut model, PLAIN, 120, 40)
}

#[test]
fn sent_stands_beside_the_wire_beside_what_was_received_and_the_damage_is_outlined() {
    let sent = capture("udp-receiver-overflow/sent/a.png");
    let received = capture("udp-receiver-overflow/received/a.png");
    let drawn = beside([
        Some((sent.clone(), Some(true))),
        Some((received, Some(false))),
    ]);
    let head = drawn.lines().nth(2).unwrap();
    let place = |words: &str| {
        head.find(words)
            .unwrap_or_else(|| panic!("{words}: {drawn}"))
    };
    assert!(place("✔ sent: a.png") < place("on the wire"));
    assert!(place("on the wire") < place("✖ received: a.png"));
    // The outline and what could not be decoded are in the last of three columns alone.
    let column = |wanted: char| -> Vec<usize> {
        drawn
            .lines()
            .flat_map(|line| line.chars().enumerate())
            .filter(|(_, c)| *c == wanted)
            .map(|(at, _)| at)
            .collect()
    };
    for (wanted, least) in [('═', 60), ('║', 10), ('╱', 200)] {
        let found = column(wanted);
        assert!(found.len() > least, "{wanted}: {drawn}");
        assert!(found.iter().all(|at| *at > 78), "{wanted}: {drawn}");
    }
    // Where nothing differs nothing is outlined; a file that is gone is said.
    let drawn = beside([Some((sent, Some(true))), None]);
    assert!(!drawn.contains('═') && drawn.contains("✔ sent"), "{drawn}");
    let drawn = beside([None, Some((capture("nowhere.png"), Some(false)))]);
    assert!(
        drawn.contains("It cannot be drawn: No such file"),
        "{drawn}"
    );
}

#[test]
fn of_a_picture_that_is_cut_what_came_is_drawn_and_the_rest_is_hatched() {
    for (name, hatched) in [("eof-early-close.pcap", true), ("eof.pcap", false)] {
        let mut model = viewing(name);
        press(&mut model, name, &[Key::Char('4')]);
        let drawn = screen(&mut model, PLAIN, 80, 24);
        let shades = drawn.chars().filter(|c| ":-=+*#%@".contains(*c)).count();
        assert!(shades > 150, "{name}: {drawn}");
        assert_eq!(drawn.contains('╱'), hatched, "{name}: {drawn}");
    }
}

#[test]
fn no_size_and_no_key_makes_it_panic() {
    let name = "udp-receiver-overflow.pcap";
    let mut model = viewing(name);
    let keys = [
        Key::Enter,
        Key::Tab,
        Key::Down,
        Key::PageDown,
        Key::End,
        Key::Char('3'),
        Key::Char('4'),
        Key::Char('2'),
        Key::BackTab,
        Key::Right,
        Key::Char('b'),
        Key::PageUp,
        Key::Home,
        Key::Char('n'),
        Key::Char('e'),
        Key::Escape,
        Key::Char(']'),
        Key::Char('1'),
        Key::Left,
        Key::Char('y'),
        Key::Escape,
    ];
    for (at, key) in keys.iter().enumerate() {
        press(&mut model, name, &[*key]);
        for (width, height) in [(1, 1), (39, 9), (40, 10), (80, 24), (300, 80)] {
            screen(&mut model, PLAIN, width, height);
        }
        let at = u16::try_from(at).unwrap();
        model.click(at * 3, at);
        model.wheel(at, at * 2, true);
    }
    let mut empty = Model::new("nothing".to_owned(), false);
    for key in keys {
        empty.key(key);
        screen(&mut empty, PLAIN, 80, 24);
    }
}

/// A capture of more frames than the first screen takes: one small capture's over and over.
fn long_capture(folder: &Path, frames: usize) -> PathBuf {
    let bytes = std::fs::read(capture("eof.pcap")).unwrap();
    let (header, records) = bytes.split_at(24);
    let mut all = header.to_vec();
    let length = |at: usize| u32::from_le_bytes(records[at + 8..at + 12].try_into().unwrap());
    let mut at = 0;
    for _ in 0..frames {
        let end = at + 16 + length(at) as usize;
        all.extend_from_slice(&records[at..end]);
        at = if end < records.len() { end } else { 0 };
    }
    let path = folder.join("long.pcap");
    std::fs::write(&path, all).unwrap();
    // A file that was written to just now is not mapped.
    let file = std::fs::File::options().append(true).open(&path).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    file.set_modified(long_ago).unwrap();
    path
}

#[test]
fn the_first_screen_waits_for_the_first_frames_only_and_says_how_far_the_rest_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = long_capture(folder.path(), 40_000);
    let (to, news) = std::sync::mpsc::channel();
    load::load(vec![path], Options::default(), true, to);
    let mut model = Model::new("imgnet view long.pcap".to_owned(), false);
    let Ok(News::Data(first)) = news.recv() else {
        panic!("first of all something to be shown")
    };
    assert!(!first.complete);
    assert_eq!(first.records.len(), 20_000);
    model.take(*first);
    let drawn = screen(&mut model, PLAIN, 100, 24);
    assert!(drawn.contains("20,000 frames so far"), "{drawn}");
    let mut told = Vec::new();
    let all = loop {
        match news.recv() {
            Ok(News::Progress(load::Progress::Percent(percent))) => {
                model.progress = Some(load::Progress::Percent(percent));
                told.push(percent);
            }
            Ok(News::Data(all)) => break all,
            _ => panic!("only progress before the whole"),
        }
    };
    assert!(told.len() >= 2 && told.is_sorted(), "{told:?}");
    let drawn = screen(&mut model, PLAIN, 100, 24);
    let last = format!("20,000 frames so far, {} % read", told.last().unwrap());
    assert!(drawn.contains(&last), "{drawn}");
    assert!(all.complete);
    assert_eq!(all.records.len(), 40_000);
    model.take(*all);
    let drawn = screen(&mut model, PLAIN, 100, 24);
    assert!(drawn.contains("40,000 frames ·"), "{drawn}");
}

#[test]
fn packed_records_say_what_the_inspector_says_of_every_frame() {
    for name in [
        "pipeline-hang.pcap",
        "eof-lossy.pcap",
        "udp-fragments.pcap",
        "ipv6.pcap",
    ] {
        let path = capture(name);
        let model = viewing(name);
        let mut capture = crate::source::Capture::open(&[path]).unwrap();
        let streams = Options::default().limits.streams;
        let mut inspector = crate::dissect::Inspector::new(streams);
        let mut at = 0;
        capture
            .for_each_frame(&mut |frame| {
                inspector.frame(frame, &model.data.index, &mut |seen| {
                    let packed = model.data.records.place(at);
                    assert_eq!(
                        format!("{packed:?}"),
                        format!("{:?}", seen.place),
                        "{name} {at}"
                    );
                    assert_eq!(model.data.records.frame(at).unwrap().data, frame.data);
                });
                at += 1;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(at, model.data.records.len());
    }
}

#[test]
fn a_click_into_the_picture_or_the_graph_selects_everywhere() {
    let name = "eof.pcap";
    let mut model = viewing(name);
    press(&mut model, name, &[Key::Char('4')]);
    screen(&mut model, PLAIN, 110, 36);
    let drawn = model.drawn.unwrap();
    let mut before = 0;
    for line in [2, drawn.lines / 2, drawn.lines - 2] {
        model.click(5, drawn.top + line);
        let offset = model.picture_offset().unwrap();
        assert!(offset > before, "{line}: {offset} after {before}");
        before = offset;
        assert_eq!(model.chunk, offset / 1_024);
        let row = model.row_of_byte().unwrap();
        let wanted = drawn.rows * u32::from(line) / u32::from(drawn.lines);
        assert!(
            row.abs_diff(wanted) <= drawn.rows / 8,
            "{line}: row {row}, not {wanted}"
        );
        let selected = &model.lines[model.line];
        assert!(selected.bytes.clone().unwrap().contains(&model.byte));
        let marked = screen(&mut model, PLAIN, 110, 36);
        assert!(marked.contains('▶'), "{marked}");
        assert!(
            marked.contains(&format!("chunk {}: row", model.chunk)),
            "{marked}"
        );
    }
    // From frame to frame, and to its packet.
    let here = model.row;
    press(&mut model, name, &[Key::Left]);
    assert!(model.row < here);
    press(&mut model, name, &[Key::Enter]);
    assert_eq!((model.screen, model.focus), (Screen::Packets, Focus::List));
    // The first byte is sent at the lower left of the graph, the last at the upper right.
    press(&mut model, name, &[Key::Char('3')]);
    screen(&mut model, PLAIN, 110, 36);
    let plot = model.plot.unwrap();
    model.click(plot.x, plot.y + plot.height - 1);
    let first = model.row;
    model.click(plot.x + plot.width - 1, plot.y);
    assert!(first < 5 && model.row > 20, "{first} {}", model.row);
}

#[test]
fn the_graph_is_made_larger_around_the_selected_frame() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    press(&mut model, name, &[Key::Enter, Key::Char('3')]);
    let whole = screen(&mut model, PLAIN, 80, 24);
    assert!(whole.contains("6,097 bytes up, 2.57 s across"), "{whole}");
    // All that was sent stands in the first column: nothing is to be seen of it.
    let columns = |screen: &str, mark: char| -> std::collections::BTreeSet<usize> {
        let all = screen.lines().skip(2).take(20);
        let marks = all.flat_map(|line| line.chars().enumerate().filter(|(_, c)| *c == mark));
        marks.map(|(at, _)| at).collect()
    };
    assert!(columns(&whole, '.').len() <= 2, "{whole}");
    press(&mut model, name, &[Key::Char('+'); 14]);
    let part = screen(&mut model, PLAIN, 80, 24);
    assert!(part.contains("157 µs across"), "{part}");
    assert!(columns(&part, '.').len() >= 4, "{part}");
    let plot = model.plot.unwrap();
    let selected = model.data.records.time(model.row).unwrap().0;
    assert!((plot.low..=plot.low + plot.span).contains(&selected));
    assert_eq!((plot.bottom, plot.top), (0, 6_097));
    // A click goes to a frame that is seen.
    model.click(plot.x, plot.y + plot.height - 1);
    let clicked = model.data.records.time(model.row).unwrap().0;
    assert!((plot.low..=plot.low + plot.span).contains(&clicked));
    // Nearer still, only a part of the bytes is to be seen.
    press(&mut model, name, &[Key::Char('+'); 2]);
    screen(&mut model, PLAIN, 80, 24);
    let plot = model.plot.unwrap();
    assert!(plot.bottom > 0 || plot.top < 6_097, "{plot:?}");
    press(&mut model, name, &[Key::Enter, Key::Char('-')]);
    // On another screen the key means nothing.
    assert_eq!(model.zoom, 16);
    press(&mut model, name, &[Key::Char('3')]);
    press(&mut model, name, &[Key::Char('-'); 20]);
    assert_eq!(model.zoom, 0);
    let again = screen(&mut model, PLAIN, 80, 24);
    assert_eq!(again.lines().nth(1), whole.lines().nth(1));
}

#[test]
fn what_is_selected_stays_so_when_more_of_the_capture_comes() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    let again =
        || load::read_some(&[capture(name)], &Options::default(), None, &mut |_| {}).unwrap();
    press(
        &mut model,
        name,
        &[Key::Down, Key::Tab, Key::Down, Key::Down, Key::Char(':')],
    );
    press(
        &mut model,
        name,
        &[
            Key::Char('2'),
            Key::Char('8'),
            Key::Enter,
            Key::Char('b'),
            Key::Right,
        ],
    );
    let selected = |model: &Model| {
        let place = (model.screen, model.focus, model.row, model.byte, model.line);
        (
            place,
            model.picture,
            model.finding,
            model.chunk,
            model.stream,
        )
    };
    let before = selected(&model);
    model.take(again());
    assert_eq!(selected(&model), before);
    // A view that is paused takes nothing.
    model.paused = true;
    model.take(Data::default());
    assert_eq!(model.data.records.len(), 61);
    assert_eq!(selected(&model), before);
    // Until it goes on: then it shows what came last, though nothing comes any more.
    model.live = true;
    model.take(Data::default());
    model.take(again());
    press(&mut model, name, &[Key::Char('p')]);
    assert!(!model.paused);
    assert_eq!(selected(&model), before);
    press(&mut model, name, &[Key::Char('p')]);
    model.take(Data::default());
    press(&mut model, name, &[Key::Char('p')]);
    assert_eq!(model.data.records.len(), 0);
}

#[test]
fn the_next_picture_is_selected_in_the_list_and_the_chunk_strip() {
    let name = "pipeline-hang.pcap";
    let mut model = viewing(name);
    // The finding's proof: the last chunk of picture 3.
    press(&mut model, name, &[Key::Enter]);
    press(&mut model, name, &[Key::Char('[')]);
    assert_eq!((model.picture, model.chunk), (2, 0));
    let first = model.image().unwrap().first_packet.unwrap().0;
    assert_eq!(model.row as u64 + 1, first);
    press(&mut model, name, &[Key::Char('G'), Key::Char(']')]);
    assert_eq!((model.picture, model.chunk), (3, 0));
    press(&mut model, name, &[Key::Char('n')]);
    let number = |model: &Model| model.row as u64 + 1;
    let next = number(&model);
    assert_eq!(next, 48, "the next frame that a finding names");
    press(&mut model, name, &[Key::Char('n'), Key::Char('N')]);
    assert_eq!(number(&model), next);
    // On the overview the list's selection and a filter stay.
    press(&mut model, name, &[Key::Char('1'), Key::Char('[')]);
    assert_eq!((number(&model), model.picture, model.chunk), (next, 2, 0));
}

#[test]
fn pixels_are_placed_where_the_terminal_shows_them_and_not_under_a_box() {
    let name = "eof.pcap";
    let mut model = viewing(name);
    let look = Look {
        graphics: Some(super::Graphics::Kitty),
        cell: Some((8, 16)),
        ..PLAIN
    };
    press(&mut model, name, &[Key::Char('4')]);
    let drawn = screen(&mut model, look, 80, 24);
    let placed = model.placed.first().unwrap();
    assert_eq!(placed.pixels.dimensions(), (300, 220));
    assert_eq!((placed.area.width, placed.area.height), (38, 14));
    // Its cells stay empty.
    assert!(
        drawn
            .lines()
            .nth(4)
            .unwrap()
            .trim_matches(['┃', ' '])
            .is_empty(),
        "{drawn}"
    );
    press(&mut model, name, &[Key::Char('?')]);
    screen(&mut model, look, 80, 24);
    assert!(model.placed.is_empty());
}
