use super::*;

fn data(spool: &mut Spool, picture: u32, bytes: &[u8]) {
    spool.see(&Event::PictureData {
        picture: PictureId(picture),
        at: None,
        bytes,
    });
}

#[test]
fn interleaved_pictures_come_back_with_their_gaps() {
    let mut spool = Spool::new();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for index in 0..3000_u32 {
        let piece = index.to_be_bytes().repeat(16);
        data(&mut spool, 0, &piece);
        first.extend_from_slice(&piece);
        let piece = index.to_le_bytes().repeat(5);
        data(&mut spool, 1, &piece);
        second.extend_from_slice(&piece);
    }
    spool.see(&Event::PictureGap {
        picture: PictureId(1),
        length: 1000,
    });
    data(&mut spool, 1, b"end");
    spool.finish().unwrap();
    let wire = spool.wire(PictureId(0), u64::MAX).unwrap().unwrap();
    assert_eq!(wire.whole(), Some(first.as_slice()));
    let wire = spool.wire(PictureId(1), u64::MAX).unwrap().unwrap();
    assert_eq!(wire.length, second.len() as u64 + 1003);
    assert_eq!(wire.runs.len(), 2);
    assert_eq!(wire.runs[0].bytes, second);
    assert_eq!(wire.runs[1].offset, second.len() as u64 + 1000);
    assert_eq!(wire.runs[1].bytes, b"end");
    assert_eq!(wire.whole(), None);
    assert!(spool.wire(PictureId(0), 10).unwrap().is_none());
    assert!(spool.sha256(PictureId(1)).unwrap().is_none());
    let mut hasher = Hasher::new(DigestKind::Sha256);
    hasher.update(&first);
    assert_eq!(spool.sha256(PictureId(0)).unwrap(), hasher.finish());
}

#[test]
fn room_of_pictures_that_are_files_is_used_again() {
    let mut spool = Spool::with(
        Box::new(SpooledTempFile::new(MEMORY)),
        usize::MAX,
        1000,
        5000,
    );
    let mut folder = tempfile::NamedTempFile::new().unwrap();
    let same = b"0123456789".repeat(200);
    folder.write_all(&same).unwrap();
    for picture in 0..100 {
        for piece in same.chunks(300) {
            data(&mut spool, picture, piece);
        }
        spool.is_file(PictureId(picture), folder.path(), &sha256(&same));
    }
    assert!(spool.end <= 2000, "{}", spool.end);
    let wire = spool.wire(PictureId(7), u64::MAX).unwrap().unwrap();
    assert_eq!(wire.whole(), Some(same.as_slice()));
    assert_eq!(spool.sha256(PictureId(7)).unwrap(), Some(sha256(&same)));
    // Two that interleave, in the room that is free and beyond.
    let other = b"abcdefghij".repeat(200);
    for (left, right) in same.chunks(300).zip(other.chunks(300)) {
        data(&mut spool, 100, left);
        data(&mut spool, 101, right);
    }
    spool.finish().unwrap();
    for (picture, bytes) in [(100, &same), (101, &other)] {
        let wire = spool.wire(PictureId(picture), u64::MAX).unwrap().unwrap();
        assert_eq!(wire.whole(), Some(bytes.as_slice()));
        assert_eq!(
            spool.sha256(PictureId(picture)).unwrap(),
            Some(sha256(bytes))
        );
    }
    // A file that was changed is not what was on the wire.
    folder.write_all(b"more").unwrap();
    assert!(spool.wire(PictureId(7), u64::MAX).unwrap().is_none());
}

#[test]
fn without_room_the_oldest_that_ended_are_given_up() {
    let mut spool = Spool::with(
        Box::new(SpooledTempFile::new(MEMORY)),
        usize::MAX,
        1000,
        5000,
    );
    for picture in 0..4 {
        for _ in 0..20 {
            data(&mut spool, picture, &[picture.to_le_bytes()[0]; 100]);
        }
        if let Some(kept) = spool.pictures.get_mut(&Key::Picture(PictureId(picture))) {
            kept.ended = true;
        }
    }
    spool.finish().unwrap();
    let kept: Vec<bool> = (0..4)
        .map(|id| spool.wire(PictureId(id), u64::MAX).unwrap().is_some())
        .collect();
    assert_eq!(kept, [false, false, true, true]);
    assert!(spool.sha256(PictureId(0)).unwrap().is_none());
    assert!(spool.end <= 5000);
    // One that is larger than all the room is given up itself.
    data(&mut spool, 9, &[9; 6000]);
    assert!(spool.wire(PictureId(9), u64::MAX).unwrap().is_none());
}
