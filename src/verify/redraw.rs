//! The map of a direction once the files have shown where its pictures lie: what they do not show stays as it was.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::ledger::map::{MOST_REGIONS, Region, RegionKind, Sums};
use crate::ledger::{Carriers, Direction};
use crate::units::{ByteRange, FrameNumber, PictureId};

/// A picture of a direction.
#[derive(Debug, Clone)]
pub(crate) struct Drawn<'d> {
    /// Which one.
    pub picture: PictureId,
    /// Where its bytes lie in the stream, ascending; absent where the map has it already.
    pub spans: Option<&'d [ByteRange]>,
}

/// What a byte of a map is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct What {
    kind: RegionKind,
    words: Option<Cow<'static, str>>,
    image: Option<PictureId>,
}

/// Draws the pictures of a direction where the files show that they lie; pictures that are none of `pictures` are no more. `explained`:
/// what stands beside them belongs to their framing. Nothing is changed where too much of the map is not listed.
pub(crate) fn redraw(direction: &mut Direction, pictures: &[Drawn<'_>], explained: bool) {
    let living: BTreeSet<PictureId> = pictures.iter().map(|one| one.picture).collect();
    let mut spans: Vec<(ByteRange, PictureId)> = pictures
        .iter()
        .flat_map(|one| {
            one.spans
                .unwrap_or_default()
                .iter()
                .map(|span| (span.clone(), one.picture))
        })
        .collect();
    spans.sort_by_key(|(span, _)| span.start);
    let gone = |region: &Region| {
        region.kind == RegionKind::Picture
            && region.image.is_none_or(|image| !living.contains(&image))
    };
    let changes = !spans.is_empty()
        || direction
            .map
            .iter()
            .any(|region| gone(region) || explained && region.kind == RegionKind::Stray);
    if direction.map_omitted > 0 || !changes {
        return;
    }
    let placed: BTreeSet<PictureId> = spans.iter().map(|(_, picture)| *picture).collect();
    let mut drawn: Vec<(ByteRange, What)> = Vec::new();
    let mut spans = spans.into_iter().peekable();
    for region in &direction.map {
        let mut at = region.offset;
        while at < region.end() {
            while spans.next_if(|(span, _)| span.end <= at).is_some() {}
            let own = spans.peek().filter(|(span, _)| span.start < region.end());
            let (to, what) = match own {
                Some((span, picture)) if span.start <= at && region.kind != RegionKind::Gap => {
                    let what = What {
                        kind: RegionKind::Picture,
                        words: None,
                        image: Some(*picture),
                    };
                    (span.end.min(region.end()), what)
                }
                other => {
                    let to = other.map_or(region.end(), |(span, _)| {
                        if span.start > at {
                            span.start
                        } else {
                            span.end.min(region.end())
                        }
                    });
                    (to, beside(region, gone(region), &placed))
                }
            };
            push(&mut drawn, at..to, what);
            at = to;
        }
    }
    if explained {
        explain(&mut drawn);
    }
    let mut sums = Sums::default();
    for (range, what) in &drawn {
        *sums.of(what.kind) += range.end - range.start;
    }
    direction.map_omitted = drawn.len().saturating_sub(MOST_REGIONS) as u64;
    drawn.truncate(MOST_REGIONS);
    let carriers = direction.carriers.as_ref();
    direction.map = drawn
        .into_iter()
        .map(|(range, what)| region(carriers, &range, what))
        .collect();
    direction.picture_bytes = sums.picture;
    direction.framing_bytes = sums.framing;
    direction.answer_bytes = sums.answer;
    direction.stray_bytes = sums.stray;
}

/// What bytes are that are no picture's that the files show.
fn beside(region: &Region, gone: bool, placed: &BTreeSet<PictureId>) -> What {
    if gone
        || region.kind == RegionKind::Picture
            && region.image.is_some_and(|image| placed.contains(&image))
    {
        return What {
            kind: RegionKind::Stray,
            words: Some(Cow::Borrowed("unknown")),
            image: None,
        };
    }
    What {
        kind: region.kind,
        words: region.what.clone(),
        image: region.image,
    }
}

fn push(drawn: &mut Vec<(ByteRange, What)>, range: ByteRange, what: What) {
    match drawn.last_mut() {
        Some((last, before)) if *before == what && last.end == range.start => last.end = range.end,
        _ => drawn.push((range, what)),
    }
}

/// What nothing names, and belongs to the framing, is called by its place.
fn explain(drawn: &mut Vec<(ByteRange, What)>) {
    let image = |one: Option<&(ByteRange, What)>| {
        one.filter(|(_, what)| what.kind == RegionKind::Picture)
            .and_then(|(_, what)| what.image)
    };
    let names: Vec<&'static str> = (0..drawn.len())
        .map(|at| {
            let before = image(at.checked_sub(1).and_then(|at| drawn.get(at)));
            let behind = image(drawn.get(at + 1));
            match (before, behind) {
                (Some(one), Some(other)) if one == other => "piece-header",
                (_, Some(_)) => "header",
                (Some(_), None) => "trailer",
                (None, None) => "message",
            }
        })
        .collect();
    for ((_, what), name) in drawn.iter_mut().zip(names) {
        if what.kind == RegionKind::Stray {
            what.kind = RegionKind::Framing;
            let zeros = what.words.as_deref() == Some("zeros") && name == "trailer";
            what.words = Some(Cow::Borrowed(if zeros { "padding" } else { name }));
        }
    }
    let all = std::mem::take(drawn);
    for (range, what) in all {
        push(drawn, range, what);
    }
}

/// A region, with the frames that carry its first byte and its last.
fn region(carriers: Option<&Carriers>, range: &ByteRange, what: What) -> Region {
    let frame = |at: u64| -> Option<FrameNumber> {
        let carriers = carriers.filter(|_| what.kind != RegionKind::Gap)?;
        let mut there = carriers.0.overlapping(at..at + 1);
        there.next().map(|extent| extent.frame)
    };
    Region {
        offset: range.start,
        length: range.end - range.start,
        first_packet: frame(range.start),
        last_packet: frame(range.end - 1),
        kind: what.kind,
        what: what.words,
        image: what.image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(regions: &[(RegionKind, u64, Option<u32>)]) -> Direction {
        let address = "127.0.0.1:1".parse().unwrap();
        let mut offset = 0;
        let map = regions.iter().map(|&(kind, length, image)| {
            offset += length;
            Region {
                kind,
                offset: offset - length,
                length,
                what: None,
                image: image.map(PictureId),
                first_packet: None,
                last_packet: None,
            }
        });
        Direction {
            map: map.collect(),
            ..Direction::new(address, address)
        }
    }

    fn told(direction: &Direction) -> Vec<(RegionKind, u64, Option<u32>, &str)> {
        let mut next = 0;
        for region in &direction.map {
            assert_eq!(region.offset, next);
            next = region.end();
        }
        let told = direction.map.iter().map(|region| {
            let image = region.image.map(|image| image.0);
            (
                region.kind,
                region.length,
                image,
                region.what.as_deref().unwrap_or_default(),
            )
        });
        told.collect()
    }

    #[test]
    fn pictures_lie_where_the_files_show_them_and_all_else_stays() {
        use RegionKind::{Answer, Framing, Gap, Picture, Stray};
        let found = [
            (Framing, 4, None),
            (Picture, 10, Some(0)),
            (Gap, 6, None),
            (Stray, 20, None),
            (Answer, 2, None),
            (Picture, 8, Some(7)),
        ];
        // One that is refuted, in whose place another lies, in two pieces, and one that stays.
        let spans = [6..14, 20..25, 27..38];
        let pictures = [
            Drawn {
                picture: PictureId(1),
                spans: Some(&spans),
            },
            Drawn {
                picture: PictureId(7),
                spans: None,
            },
        ];
        let mut one = direction(&found);
        redraw(&mut one, &pictures, false);
        let expected = [
            (Framing, 4, None, ""),
            (Stray, 2, None, "unknown"),
            (Picture, 8, Some(1), ""),
            (Gap, 6, None, ""),
            (Picture, 5, Some(1), ""),
            (Stray, 2, None, ""),
            (Picture, 11, Some(1), ""),
            (Stray, 2, None, ""),
            (Answer, 2, None, ""),
            (Picture, 8, Some(7), ""),
        ];
        assert_eq!(told(&one), expected);
        assert_eq!(
            (
                one.picture_bytes,
                one.framing_bytes,
                one.answer_bytes,
                one.stray_bytes
            ),
            (32, 4, 2, 6)
        );
        let mut other = direction(&found);
        redraw(&mut other, &pictures, true);
        let names: Vec<&str> = told(&other).into_iter().map(|(.., what)| what).collect();
        assert_eq!(
            names,
            [
                "",
                "header",
                "",
                "",
                "",
                "piece-header",
                "",
                "trailer",
                "",
                ""
            ]
        );
        assert_eq!((other.framing_bytes, other.stray_bytes), (10, 0));
        // Where nothing is to be drawn, nothing changes.
        let mut same = direction(&found);
        let living = [0, 7].map(|picture| Drawn {
            picture: PictureId(picture),
            spans: None,
        });
        redraw(&mut same, &living, false);
        assert_eq!(same.map, direction(&found).map);
    }
}
