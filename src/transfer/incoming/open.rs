//! The picture that is under way: what its bytes are, and where they are kept.

use super::*;

/// A picture that is under way.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    pub(super) chunks: Vec<u32>,
    pub(super) started: Timestamp,
    pub(super) content: Content,
    pub(super) problem: Option<String>,
    pub(super) repeats: Option<u64>,
    /// Declared length; absent where the wire format has none.
    pub(super) length: Option<u64>,
    pub(super) told: Instant,
}

#[derive(Debug)]
pub(super) enum Content {
    /// Too few bytes to tell what it is.
    Head(Vec<u8>),
    /// A picture file.
    Picture { walker: Box<Walker>, body: Body },
    /// Rows of pixels: what they become has to be made of all of them.
    Rows(Held),
    /// Refused.
    None,
}

#[derive(Debug)]
pub(super) enum Body {
    Draft(Draft),
    Memory(Vec<u8>),
}

impl Body {
    pub(super) fn new(destination: &Destination<'_>) -> Self {
        match destination {
            Destination::Memory | Destination::Named { .. } => Self::Memory(Vec::new()),
            _ => Self::Draft(Draft::new(destination)),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Draft(draft) => draft.write(bytes),
            Self::Memory(memory) => {
                memory.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

impl Open {
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        route: &Route<'_>,
        limits: &Limits,
    ) -> Result<(), Error> {
        let most_pixels = limits.pixels;
        match &mut self.content {
            Content::Head(head) => {
                head.extend_from_slice(bytes);
                match sniff(head.get(..SNIFF_BYTES).unwrap_or(head)) {
                    Sniff::NeedMore => {}
                    Sniff::No => {
                        self.problem = Some(refusal(head));
                        self.content = Content::None;
                    }
                    Sniff::Is(format) => {
                        let mut walker = Box::new(Walker::new(format));
                        let mut body = Body::new(&route.destination);
                        walker.update(head);
                        body.write(head)?;
                        self.content = Content::Picture { walker, body };
                    }
                }
            }
            Content::Picture { walker, body } => {
                walker.update(bytes);
                body.write(bytes)?;
            }
            Content::Rows(rows) => {
                if !rows.extend(bytes, limits.memory) {
                    return Err(Error::Memory {
                        peer: route.from,
                        limit: limits.memory,
                    });
                }
            }
            Content::None => {}
        }
        if let Content::Picture { walker, .. } = &self.content {
            let info = walker.info();
            if let (Some(width), Some(height)) = (info.width, info.height)
                && u64::from(width).saturating_mul(u64::from(height)) > most_pixels
            {
                self.problem = Some(format!(
                    "refused: {width}×{height} pixels are more than the limit of {most_pixels}: --max-pixels raises it"
                ));
                self.content = Content::None;
            }
        }
        Ok(())
    }
}

pub(super) fn refusal(head: &[u8]) -> String {
    let head = head.get(..12).unwrap_or(head);
    format!(
        "refused: not a JPEG, PNG, GIF, WebP or BMP; it begins with \"{}\"",
        head.escape_ascii()
    )
}
