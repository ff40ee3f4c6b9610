//! Limits that all connections have in common.

use super::*;

/// Writes rows of 1000 pixels.
fn rows(stream: &mut TcpStream, count: usize) {
    stream.write_all(&vec![90; count * 3000]).unwrap();
}

#[test]
fn rows_of_pixels_of_all_connections_together_are_limited() {
    let folder = Folder::new();
    let (listener, peer) = listener();
    let receive = receiving(&folder, "raw-pixels=1000", 3);
    let limits = Limits {
        memory: 1_000_000,
        ..limits()
    };
    let (told, outcome, ()) = meet(
        limits,
        |session| server::receive::run(&listener, &receive, session),
        || {
            // More than the limit, but alone.
            let mut alone = TcpStream::connect(&peer).unwrap();
            rows(&mut alone, 600);
            drop(alone);
            until("the first is saved", || {
                let saved = folder.saved();
                saved.iter().any(|(name, _)| name.starts_with("image-"))
                    && receive.store.rows_held() == 0
            });

            let mut first = TcpStream::connect(&peer).unwrap();
            rows(&mut first, 100);
            until("its rows are held", || receive.store.rows_held() >= 300_000);
            let mut greedy = TcpStream::connect(&peer).unwrap();
            greedy
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            // It is closed while it still sends, or after: either way the server is done with it then.
            let _ = greedy.write_all(&vec![90; 3_000_000]);
            let _ = greedy.read(&mut [0; 1]);
            rows(&mut first, 1);
        },
    );
    outcome.unwrap();
    let records = told.records();
    let (good, bad): (Vec<&Record>, Vec<&Record>) =
        records.iter().partition(|record| record.problem.is_none());
    let good: Vec<u64> = good.iter().map(|record| record.bytes).collect();
    assert_eq!(good, [1_800_000, 303_000], "{records:?}");
    assert_eq!(bad.len(), 1);
    let problem = bad[0].problem.as_deref().unwrap();
    assert!(
        problem.contains("more than 1,000,000 bytes: --max-memory raises it"),
        "{problem}"
    );
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn those_who_ask_for_the_list_share_it() {
    let folder = Folder::new();
    fs::create_dir(folder.path("pictures")).unwrap();
    fs::write(folder.path("pictures/a.png"), picture(1, Format::Png)).unwrap();
    let catalog = Catalog::of_folder(&folder.path("pictures")).unwrap();
    let (one, other) = (
        catalog.list_answer().unwrap(),
        catalog.list_answer().unwrap(),
    );
    assert!(Arc::ptr_eq(&one, &other));
}
