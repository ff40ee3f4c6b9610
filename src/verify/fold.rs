//! What only follows from a finding that the files prove is folded into it.

use crate::findings::{Finding, Name, Severity};

/// What a mistake of the sender, proven by the files, makes of the stream.
const OF_SENDER: [Name; 8] = [
    Name::EarlyClose,
    Name::LengthMismatch,
    Name::WrongSizeGiven,
    Name::ImplausibleLength,
    Name::MissingInside,
    Name::StrayBytes,
    Name::TrailingBytes,
    Name::BadEncoding,
];

/// What follows from a cause, for people: its name in words.
fn follows(cause: Name) -> &'static [Name] {
    match cause {
        Name::CutAtNul
        | Name::ThumbnailSent
        | Name::HeaderNotCounted
        | Name::NotFlushed
        | Name::StaleBuffer
        | Name::SecondStreamHeader
        | Name::TextMode
        | Name::UrgentData => &OF_SENDER,
        Name::ReceiverStopped | Name::ReadPastEnd | Name::HeaderInFile => &[Name::UnreadDataReset],
        _ => &[],
    }
}

/// Makes notes of the findings that only follow from another one.
pub(crate) fn fold(findings: &mut [Finding]) {
    let causes: Vec<(
        Name,
        Option<crate::units::StreamId>,
        Option<crate::units::PictureId>,
    )> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error || finding.name == Name::UrgentData)
        .filter(|finding| !follows(finding.name).is_empty())
        .map(|finding| (finding.name, finding.stream, finding.image))
        .collect();
    for finding in findings {
        let cause = causes.iter().find(|(name, stream, image)| {
            // Of another picture of the stream it tells for itself, unless it is how all of it ended.
            let own = finding.image.is_none()
                || *name == Name::UrgentData
                || *image == finding.image
                || finding.name == Name::UnreadDataReset;
            *stream == finding.stream && own && follows(*name).contains(&finding.name)
        });
        if let Some((name, ..)) = cause {
            finding.only_follows(name.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Certainty;
    use crate::units::{PictureId, StreamId};

    fn finding(name: Name, image: u32) -> Finding {
        Finding {
            name,
            severity: Severity::Error,
            certainty: Certainty::Proven,
            stream: Some(StreamId(0)),
            image: Some(PictureId(image)),
            packets: Vec::new(),
            more_packets: 0,
            message: "So it is.".to_owned(),
            fix: String::new(),
        }
    }

    #[test]
    fn only_what_follows_from_the_same_picture_is_folded() {
        let mut findings = [
            finding(Name::EarlyClose, 1),
            finding(Name::CutAtNul, 1),
            finding(Name::EarlyClose, 2),
            finding(Name::WrongDigest, 1),
        ];
        fold(&mut findings);
        let notes = findings
            .iter()
            .map(|finding| finding.severity == Severity::Note);
        assert_eq!(notes.collect::<Vec<_>>(), [true, false, false, false]);
        assert!(findings[0].message.ends_with("follows from cut-at-nul."));
    }
}
