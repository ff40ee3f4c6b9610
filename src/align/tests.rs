//! Alignment finds what is there, and nothing that is not.

use proptest::prelude::*;

use super::*;
use crate::units::ByteRange;

/// Noise that is the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32).to_le_bytes()[0]
        })
        .collect()
}

fn aligned(texts: &[&[u8]], stream: &[u8]) -> Vec<Vec<Span>> {
    let index = Index::new(texts.to_vec());
    let mut aligner = Aligner::new(&index);
    aligner.bytes(stream);
    of_each(&index, aligner)
}

/// The spans of each text, none where it was not found.
fn of_each(index: &Index<'_>, aligner: Aligner<'_, '_>) -> Vec<Vec<Span>> {
    let mut each = vec![Vec::new(); index.len()];
    for (number, spans) in aligner.finish() {
        each[number] = spans;
    }
    each
}

fn placed(text: &[u8], stream: &[u8]) -> Vec<Placement> {
    let spans = aligned(&[text], stream).remove(0);
    for span in &spans {
        let range = |range: ByteRange| {
            usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
        };
        assert_eq!(
            stream[range(span.stream.clone())],
            text[range(span.in_text())],
            "a span is of equal bytes"
        );
    }
    placements(&spans, text.len() as u64, true)
}

#[test]
fn a_file_is_found_whole_where_it_lies() {
    let file = noise(1, 20_000);
    let mut stream = noise(2, 777);
    stream.extend_from_slice(&file);
    stream.extend(noise(3, 99));
    let found = placed(&file, &stream);
    assert_eq!(found.len(), 1);
    assert!(found[0].is_whole());
    assert_eq!(found[0].stream(), 777..20_777);
    assert_eq!(found[0].spans.len(), 1);
}

#[test]
fn a_file_sent_three_times_is_three_passages() {
    let file = noise(1, 9_000);
    let stream = file.repeat(3);
    let found = placed(&file, &stream);
    let places: Vec<ByteRange> = found.iter().map(Placement::stream).collect();
    assert_eq!(places, [0..9_000, 9_000..18_000, 18_000..27_000]);
    assert!(found.iter().all(Placement::is_whole));
}

#[test]
fn one_byte_put_in_left_out_or_changed_shows_where() {
    let file = noise(7, 6_000);
    for at in [0, 1, 33, 1_000, 5_000, 5_998, 5_999] {
        let mut more = file.clone();
        more.insert(at, file[at] ^ 0x55);
        let found = placed(&file, &more);
        assert_eq!(found.len(), 1, "{at}");
        assert!(
            found[0].is_whole() || !(4..5_997).contains(&at),
            "{at}: {found:?}"
        );
        let mut fewer = file.clone();
        fewer.remove(at);
        let found = placed(&file, &fewer);
        assert_eq!(found.len(), 1, "{at}");
        assert!(found[0].covered() >= 5_990, "{at}: {found:?}");
        assert!(!found[0].is_whole(), "{at}: {found:?}");
        let mut other = file.clone();
        other[at] ^= 0x10;
        let found = placed(&file, &other);
        assert!(
            !found[0].is_whole() && found[0].covered() >= 5_990,
            "{at}: {found:?}"
        );
        if (40..5_960).contains(&at) {
            let missing = found[0].missing();
            assert_eq!((missing.len(), missing[0].start), (1, at as u64), "{at}");
        }
    }
}

#[test]
fn many_short_texts_are_found_where_each_of_them_alone_is() {
    // Of several lengths; some begin alike, two are one in the other, and a few are shorter than what they are known by.
    let mut texts: Vec<Vec<u8>> = (1..61)
        .zip(9..)
        .map(|(seed, length)| noise(seed, length))
        .collect();
    texts.extend((0..20).map(|seed| [&[7; 12], &noise(seed + 100, 20)[..]].concat()));
    texts.extend([vec![9; 40], vec![9; 20], vec![1, 2, 3], vec![5; 7]]);
    let mut stream = noise(77, 300);
    for ((number, text), seed) in texts.iter().enumerate().zip(500..) {
        if number % 3 != 1 {
            stream.extend_from_slice(text);
            stream.extend(noise(seed, number % 5));
        }
    }
    stream.extend_from_slice(&texts[0]);
    let all: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    let found = aligned(&all, &stream);
    for (text, found) in texts.iter().zip(&found) {
        assert_eq!(found, &aligned(&[text], &stream)[0], "{text:?}");
    }
    assert!(found.iter().filter(|found| !found.is_empty()).count() > 50);
}

#[test]
fn after_a_gap_a_file_goes_on_where_it_must() {
    let file = noise(5, 5_000);
    let index = Index::new(vec![&file]);
    let mut aligner = Aligner::new(&index);
    aligner.bytes(&file[..1_000]);
    aligner.gap(500);
    // Too little for an anchor.
    aligner.bytes(&file[1_500..1_520]);
    aligner.gap(480);
    aligner.bytes(&file[2_000..]);
    let found = placements(&of_each(&index, aligner)[0], 5_000, true);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].missing(), [1_000..1_500, 1_520..2_000]);
}

#[test]
fn small_files_and_flat_ones_are_found_as_a_whole() {
    for file in [b"x".repeat(5_000), noise(3, 20), vec![0; 64]] {
        let mut stream = noise(9, 300);
        stream.extend_from_slice(&file);
        stream.push(1);
        let found = placed(&file, &stream);
        assert!(
            found
                .iter()
                .any(|place| place.is_whole() && place.stream().start <= 300),
            "{found:?}"
        );
    }
}

#[test]
fn datagrams_in_any_order_are_one_passage() {
    let file = noise(4, 14_000);
    let mut pieces: Vec<(usize, &[u8])> = file.chunks(1_400).enumerate().collect();
    pieces.swap(2, 3);
    pieces.swap(7, 9);
    let mut stream = Vec::new();
    for (number, piece) in pieces {
        stream.push(u8::try_from(number).unwrap());
        stream.extend_from_slice(piece);
    }
    let found = placed(&file, &stream);
    assert_eq!(found.len(), 1);
    assert!(found[0].is_whole(), "{:?}", found[0].missing());
    assert!(!found[0].is_in_order());
}

#[test]
fn the_index_is_small() {
    // Just below each border of the steps, and above the last one.
    let noise = noise(6, 36 << 20);
    for size in [4 << 20, 16 << 20, 32 << 20, (36 << 20) + 1] {
        let (one, two) = noise[..size - 1].split_at(size / 3);
        let memory = Index::new(vec![one, two]).memory();
        let most = (size * 3 / 100).max(1 << 20);
        // A twentieth for what is random.
        assert!(memory * 20 <= most * 21, "{memory} of {size}");
    }
}

#[test]
fn conversions_are_what_they_say() {
    assert_eq!(
        viewed(b"\xff\xd8", View::Latin1ToUtf8).unwrap(),
        b"\xc3\xbf\xc3\x98"
    );
    assert_eq!(
        viewed(b"a\xff\xd8b", View::LossyUtf8).unwrap(),
        b"a\xef\xbf\xbd\xef\xbf\xbdb"
    );
    // Two bytes of a character and of a surrogate, and a whole surrogate: one, two and three bytes of it are replaced.
    let broken = b"\xe2\x82x\xed\xa0y\xed\xa0\x80z\xed\xbf";
    let mark = "\u{fffd}";
    for (view, times) in [
        (View::LossyUtf8, [1, 2, 3, 2]),
        (View::LossyUtf8Java, [1, 1, 1, 1]),
        (View::LossyUtf8Go, [2, 2, 3, 2]),
    ] {
        let [one, two, three, four] = times.map(|count| mark.repeat(count));
        let text = format!("{one}x{two}y{three}z{four}");
        assert_eq!(viewed(broken, view).unwrap(), text.as_bytes(), "{view:?}");
    }
    // What all do alike is one conversion.
    assert_eq!(viewed(b"a\xff\xd8b", View::LossyUtf8Java), None);
    assert_eq!(viewed(b"a\nb", View::LfToCrlf).unwrap(), b"a\r\nb");
    assert_eq!(viewed(b"a\r\n\rb", View::CrlfToLf).unwrap(), b"a\n\rb");
    assert_eq!(viewed(b"ab", View::CrlfToLf), None);
    assert_eq!(
        viewed(b"a\r\n\rb\n\n\r\r", View::Newlines).unwrap(),
        b"a\n\nb\n\n\n\n"
    );
    // A byte that is left out joins CR and LF: bytes are made text first.
    assert_eq!(
        viewed(b"a\r\xff\nb", View::NewlinesIgnored).unwrap(),
        b"a\nb"
    );
    assert_eq!(
        viewed(b"\r\xff", View::NewlinesLossy).unwrap(),
        b"\n\xef\xbf\xbd"
    );
    assert_eq!(
        viewed(b"\r\xff", View::NewlinesLatin1).unwrap(),
        b"\n\xc3\xbf"
    );
    assert_eq!(viewed(b"a\xff", View::Utf16Le).unwrap(), b"a\0\xff\0");
    assert_eq!(viewed(b"a\xff", View::AsciiQuestion).unwrap(), b"a?");
    assert_eq!(
        viewed(b"a\xc3\xbf", View::AsciiReplaced).unwrap(),
        b"a\xef\xbf\xbd\xef\xbf\xbd"
    );
    assert_eq!(
        viewed(b"a\xff\xc3\xbf\xc3", View::Utf8Ignored).unwrap(),
        b"a\xc3\xbf"
    );
    assert_eq!(
        viewed(b"\x80\x81\xff", View::Cp1252ToUtf8).unwrap(),
        b"\xe2\x82\xac\xc2\x81\xc3\xbf"
    );
    assert_eq!(
        viewed(b"\x89P\r\\'\0", View::PythonRepr).unwrap(),
        br#"b"\x89P\r\\'\x00""#
    );
}

#[test]
fn pieces_out_of_turn_are_found_between_those_that_go_on() {
    for (length, step) in [(100, 7), (150, 3), (200, 5), (2_000, 9)] {
        for seed in 0..20 {
            let file = noise(seed, length * 22 + 31);
            let pieces: Vec<&[u8]> = file.chunks(length).collect();
            let mut stream = Vec::new();
            for turn in 0..pieces.len() {
                let number = (turn * step + 3) % pieces.len();
                stream.extend([0, 0, 0, 109, 7, 0, 0, 0, u8::try_from(number).unwrap()]);
                stream.extend(pieces[number]);
            }
            let found = placed(&file, &stream);
            let covered: u64 = found.iter().map(Placement::covered).sum();
            // A short piece may have no place that is sampled.
            let missing = file.len() as u64 - covered;
            assert!(
                missing <= 2 * length as u64,
                "{length} {step} {seed}: {missing}"
            );
            assert_eq!(found.len(), 1, "{length} {step} {seed}");
            let end = stream.len() as u64;
            let place = |at: u64| usize::try_from(at).unwrap();
            let bytes = |range: &ByteRange| stream.get(place(range.start)..place(range.end));
            let rested = with_short_piece(&found[0], &file, end, &bytes);
            if missing == 31 {
                assert!(
                    rested.is_some_and(|rested| rested.is_whole()),
                    "{length} {step} {seed}: {:?}",
                    found[0].spans
                );
                // Other bytes are none of it, and with a byte more there is no room for it.
                let other = |_: &ByteRange| Some(&file[..31]);
                assert_eq!(with_short_piece(&found[0], &file, end, &other), None);
                let last = found[0].spans.last().unwrap().stream.end;
                if last < end {
                    assert_eq!(with_short_piece(&found[0], &file, end + 1, &bytes), None);
                }
            } else {
                assert!(missing == 0 || length < 200, "{step} {seed}: {missing}");
                assert_eq!(rested, None);
            }
        }
    }
}

/// Headers of pieces that come in any order: a few of their bytes are the text's by chance, and one piece comes twice.
#[test]
fn pieces_in_any_order_are_one_passage_whatever_their_headers_begin_and_end_with() {
    let mut moved = 0;
    for seed in 0..12 {
        let file = noise(seed, 300 * 40);
        let mut order: Vec<usize> = (0..40).map(|turn| (turn * 11 + 5) % 40).collect();
        order.insert(20, order[7]);
        let mut stream = Vec::new();
        for (turn, number) in order.iter().enumerate() {
            let at = number * 300;
            // The end of every third header is what stands before its piece, the beginning of each is what goes on behind the last one.
            let before = if turn % 3 == 0 && at > 0 {
                file[at - 1]
            } else {
                0x99
            };
            let behind = turn.checked_sub(1).map(|turn| order[turn] * 300 + 300);
            let behind = behind.and_then(|at| file.get(at)).filter(|_| turn % 5 == 0);
            moved += usize::from(behind.is_some());
            stream.extend([*behind.unwrap_or(&0x77), 0x11, 0x22, before]);
            stream.extend(&file[at..at + 300]);
        }
        let found = placed(&file, &stream);
        assert_eq!(found.len(), 1, "{seed}");
        assert!(found[0].is_whole(), "{seed}: {:?}", found[0].missing());
        let betweens = found[0].spans.iter().zip(found[0].spans.iter().skip(1));
        let betweens: Vec<u64> = betweens
            .map(|(one, next)| next.stream.start - one.stream.end)
            .collect();
        // Around the copy there are two headers and it.
        let odd = betweens.iter().filter(|length| **length != 4).count();
        assert!(odd == 1 && betweens.contains(&308), "{seed}: {betweens:?}");
    }
    assert!(moved > 50, "{moved}");
}

#[test]
fn a_million_places_of_noise_are_no_place_of_a_file() {
    let files: Vec<Vec<u8>> = (0..4).map(|seed| noise(seed, 16_000)).collect();
    let texts: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    // Each byte of the stream begins a window that is tried.
    let stream = noise(99, 1_000_031);
    assert!(aligned(&texts, &stream).iter().all(Vec::is_empty));
}

proptest! {
    #[test]
    fn any_file_cut_into_pieces_with_other_bytes_between_is_found(
        seed in any::<u64>(),
        pieces in prop::collection::vec((64_usize..3_000, 0_usize..200), 1..20),
    ) {
        let mut stream = noise(seed ^ 1, 50);
        let mut file = Vec::new();
        for (number, (length, between)) in pieces.iter().enumerate() {
            let piece = noise(seed.wrapping_add(number as u64 + 10), *length);
            file.extend_from_slice(&piece);
            stream.extend_from_slice(&piece);
            stream.extend(noise(seed.wrapping_mul(number as u64 + 3), *between));
        }
        let found = placed(&file, &stream);
        prop_assert_eq!(found.len(), 1);
        prop_assert!(found[0].is_whole(), "{:?}", found[0].missing());
    }

    #[test]
    fn nothing_is_found_in_noise(seed in any::<u64>(), length in 64_usize..20_000) {
        let file = noise(seed, 8_000);
        let stream = noise(seed ^ 0xffff_0000, length);
        prop_assert!(aligned(&[&file], &stream)[0].is_empty());
    }

    #[test]
    fn any_split_of_the_stream_gives_the_same(
        seed in any::<u64>(),
        cuts in prop::collection::vec(1_usize..500, 1..30),
    ) {
        let (file, other) = (noise(seed, 4_000), noise(seed ^ 0x4d, 2_000));
        let mut stream = noise(seed ^ 5, 100);
        stream.extend_from_slice(&other[..1_500]);
        stream.extend_from_slice(&file[..2_500]);
        stream.extend_from_slice(&file[2_600..]);
        stream.extend_from_slice(&other);
        let index = Index::new(vec![&file, &other]);
        let mut aligner = Aligner::new(&index);
        let (mut rest, mut cuts) = (stream.as_slice(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            aligner.bytes(now);
            rest = later;
        }
        prop_assert_eq!(of_each(&index, aligner), aligned(&[&file, &other], &stream));
    }
}

#[test]
fn datagrams_that_are_sent_again_are_one_passage() {
    let text = noise(77, 6_000);
    let piece = |number: usize| text[number * 400..(number * 400 + 400).min(text.len())].to_vec();
    // Go back N: after the fifth, the third and all behind it come again.
    for (last, from) in [(4, 3), (4, 1), (9, 7), (13, 13)] {
        let numbers = (0..=last).chain(from..15);
        let mut stream = Vec::new();
        for number in numbers {
            stream.extend([0xaa, u8::try_from(number % 8).unwrap(), 0x55]);
            stream.extend(piece(number));
        }
        let index = Index::new(vec![&text]);
        let mut aligner = Aligner::new(&index);
        aligner.bytes(&stream);
        let spans = &of_each(&index, aligner)[0];
        let found = placements(spans, text.len() as u64, false);
        let header = 3_u64;
        let datagram = |at: u64| at / (400 + header) * (400 + header);
        let length = |span: &Span| i64::try_from(span.stream.start - datagram(span.stream.start));
        let beside = |span: &Span| {
            let end = datagram(span.stream.start) + 400 + header;
            let behind = i64::try_from(end).ok()? - i64::try_from(span.stream.end).ok()?;
            Some((length(span).ok()?, behind))
        };
        let again = |found: &[Placement], reaches: bool| {
            let datagrams = Datagrams {
                beside: &beside,
                reaches: &|_, _| reaches,
            };
            with_repeats(found, &datagrams)
        };
        let joined = again(&found, true);
        assert_eq!(joined.len(), 1, "{last} {from}");
        assert!(joined[0].is_whole() && joined[0].is_in_order());
        let turned = |change: fn(&mut Span, &mut Span)| {
            let mut turned = found.clone();
            if let [one, two, ..] = turned[1].spans.as_mut_slice() {
                change(one, two);
            }
            turned
        };
        // A header that begins as the next piece does is none of the piece before it, where the next one has those bytes as well.
        let over = turned(|one, two| {
            one.stream.end += 1;
            two.stream.start += 1;
            two.text += 1;
        });
        if over != found {
            assert_eq!(again(&over, true), joined, "{last} {from}");
            assert_eq!(again(&over, false), over);
        }
        // Nor is the end of a header that is the text's before it.
        let early = turned(|one, _| {
            one.stream.start -= 1;
            one.text -= 1;
        });
        assert_eq!(again(&early, true), joined);
        // A copy without a byte at either end is none, and one that has another header is none.
        for change in [
            (|one: &mut Span, _: &mut Span| one.stream.end -= 1) as fn(&mut Span, &mut Span),
            |one, _| {
                one.stream.start += 1;
                one.text += 1;
            },
            |one, _| one.stream.start -= 1,
        ] {
            let odd = turned(change);
            if odd != found {
                assert_eq!(again(&odd, true), odd, "{last} {from}");
            }
        }
    }
}
