//! Pictures of the damage, in the folder of `--damage`.

use std::io::Write as _;
use std::path::Path;

use crate::cli::output::{Draft, trouble};
use crate::ledger::comparison::SideOfMismatch;
use crate::verify::{Wire, Work, painting};

/// Paints a mismatch into the folder; returns the file's name. None where there are no pixels to show.
pub(in crate::cli::verify) fn paint(
    folder: &Path,
    work: &Work<'_>,
    side: SideOfMismatch,
) -> anyhow::Result<Option<String>> {
    let raw = work.image.is_raw_pixels();
    let sent = work.sent.and_then(|subject| subject.bytes);
    let received = work.received.and_then(|subject| subject.bytes);
    let file = |bytes: Option<&[u8]>| painting::as_far_as_possible(bytes?, None);
    let (sent, received) = (file(sent), file(received));
    let width = [&sent, &received]
        .into_iter()
        .flatten()
        .map(painting::Decoded::width)
        .next();
    let wire = work.wire.and_then(Wire::whole).and_then(|bytes| {
        painting::as_far_as_possible(bytes, if raw { Some(width?) } else { None })
    });
    let (expected, found, name) = match side {
        SideOfMismatch::SenderToWire => (sent, wire, "sender-to-wire"),
        SideOfMismatch::WireToReceiver => (wire, received, "wire-to-receiver"),
        SideOfMismatch::SenderToReceiver => (sent, received, "sender-to-receiver"),
    };
    let Some(expected) = expected else {
        return Ok(None);
    };
    let (picture, _) = painting::paint(&expected, found.as_ref());
    let name = format!(
        "stream-{}-image-{:04}-{name}.png",
        work.image.stream, work.image.id.0
    );
    let path = folder.join(&name);
    let cannot = trouble(
        &path,
        "cannot be written",
        "see whether the disk is full, or choose another folder",
    );
    let mut draft = Draft::in_folder(folder).map_err(&cannot)?;
    let bytes = crate::imaging::encode(&picture.into(), crate::picture::Format::Png, 100)?;
    draft.file().write_all(&bytes).map_err(&cannot)?;
    draft.keep_as(&path).map_err(&cannot)?;
    Ok(Some(name))
}
