//! Captures that go on while they are looked at.

use super::*;

/// Every capture below `captures/` that is no compressed one.
fn plain_captures() -> Vec<PathBuf> {
    let mut folders = vec![capture("")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|ext| ext == "pcap" || ext == "pcapng")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 100, "{}", found.len());
    found
}

#[test]
fn a_capture_that_grows_is_shown_as_a_reading_from_its_start_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live");
    let mut readings = 0;
    for capture in plain_captures() {
        let bytes = std::fs::read(&capture).unwrap();
        let mut follow = None;
        // Anywhere: within a header, within a frame.
        for part in [3, 31, 64, 90, 100] {
            let end = (bytes.len() * part / 100).max(24);
            std::fs::write(&path, &bytes[..end.min(bytes.len())]).unwrap();
            let whole = load::read_some(
                std::slice::from_ref(&path),
                &Options::default(),
                None,
                &mut |_| {},
            )
            .unwrap();
            if follow.is_none() {
                follow = Some(load::Follow::open(&path, &Options::default()).unwrap());
            }
            let grown = follow.as_mut().unwrap().read_on().unwrap();
            let what = format!("{} at {part} %", capture.display());
            assert_eq!(
                format!("{:?}", grown.index),
                format!("{:?}", whole.index),
                "{what}"
            );
            assert_eq!(grown.truncated, whole.truncated, "{what}");
            assert_eq!(grown.drops, whole.drops, "{what}");
            let (ours, theirs) = (&grown.records, &whole.records);
            assert_eq!(ours.len(), theirs.len(), "{what}");
            for at in 0..ours.len() {
                assert_eq!(
                    format!("{:?}", ours.frame(at)),
                    format!("{:?}", theirs.frame(at)),
                    "{what}"
                );
                assert_eq!(
                    format!("{:?}", ours.place(at)),
                    format!("{:?}", theirs.place(at)),
                    "{what}"
                );
            }
            readings += 1;
        }
    }
    assert!(readings > 500);
}

#[test]
fn to_read_on_costs_what_is_new_and_not_what_there_is() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let path = long_capture(folder.path(), 60_000);
    let bytes = std::fs::read(&path).unwrap();
    let most = bytes.len() * 99 / 100;
    std::fs::write(&path, &bytes[..most]).unwrap();
    let mut follow = load::Follow::open(&path, &Options::default()).unwrap();
    let timed = |follow: &mut load::Follow| {
        let begun = std::time::Instant::now();
        let data = follow.read_on().unwrap();
        (begun.elapsed(), data)
    };
    let (all, first) = timed(&mut follow);
    let mut quickest = all;
    let mut end = most;
    while end < bytes.len() {
        let next = (end + bytes.len() / 500).min(bytes.len());
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        file.write_all(&bytes[end..next]).unwrap();
        end = next;
        let (took, more) = timed(&mut follow);
        assert!(more.records.len() > first.records.len());
        quickest = quickest.min(took);
    }
    assert!(
        quickest * 8 < all,
        "{quickest:?} for a five hundredth of what took {all:?}"
    );
}

#[test]
fn a_filter_and_the_ladder_go_on_with_a_capture_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live");
    let bytes = std::fs::read(capture("pipeline-hang.pcap")).unwrap();
    for filter in [
        "tcp.len > 0",
        "imgnet.role == framing || imgnet.finding",
        "!imgnet.verdict",
    ] {
        let mut model = Model::new("live".to_owned(), true);
        let mut follow = None;
        for part in [20, 21, 50, 85, 100] {
            std::fs::write(&path, &bytes[..bytes.len() * part / 100]).unwrap();
            if follow.is_none() {
                follow = Some(load::Follow::open(&path, &Options::default()).unwrap());
            }
            model.take(follow.as_mut().unwrap().read_on().unwrap());
            if model.filter.is_none() {
                model.set_filter(filter);
            }
            let anew = model.data.chosen(model.filter.as_ref().unwrap());
            assert_eq!(model.chosen.as_ref(), Some(&anew), "{filter} at {part} %");
        }
        // The ladder waits until it is looked at.
        assert_eq!(model.screen, Screen::Packets);
        model.key(Key::Char('1'));
        let anew = model.data.ladder(crate::units::StreamId(model.stream));
        assert_eq!(
            format!("{:?}", model.rungs),
            format!("{anew:?}"),
            "{filter}"
        );
    }
}
