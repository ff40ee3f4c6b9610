//! The bytes of one layer: what was captured of them, and how many there were on the wire.

use super::Skip;

/// The bytes of one layer. Invariant: `captured.len() <= wire_len`.
///
/// Every header is taken off with [`Span::take`], so that one place alone decides between
/// [`Skip::HeadersCut`] (on the wire, not captured) and [`Skip::Malformed`] (never on the wire).
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<'a> {
    captured: &'a [u8],
    wire_len: u32,
}

impl<'a> Span<'a> {
    /// A layer of which `captured` was captured; `wire_len` is raised to it where it says less.
    #[inline]
    pub(super) fn new(captured: &'a [u8], wire_len: u32) -> Self {
        let least = u32::try_from(captured.len()).unwrap_or(u32::MAX);
        Self {
            captured,
            wire_len: wire_len.max(least),
        }
    }

    /// What was captured.
    #[inline]
    pub(super) fn captured(self) -> &'a [u8] {
        self.captured
    }

    /// How long it was on the wire.
    #[inline]
    pub(super) fn wire_len(self) -> u32 {
        self.wire_len
    }

    /// Whether all of it was captured.
    #[inline]
    pub(super) fn is_whole(self) -> bool {
        self.captured.len() >= self.wire_len as usize
    }

    /// Takes `len` bytes off the front.
    ///
    /// # Errors
    ///
    /// [`Skip::Malformed`] where the layer is shorter than that, [`Skip::HeadersCut`] where it was not captured.
    #[inline]
    pub(super) fn take(self, len: usize) -> Result<(&'a [u8], Self), Skip> {
        match self.captured.split_at_checked(len) {
            Some((head, rest)) => Ok((head, self.rest(len, rest))),
            None => Err(self.lacks(len)),
        }
    }

    /// [`Span::take`] of a length known beforehand.
    #[inline]
    pub(super) fn take_array<const N: usize>(self) -> Result<(&'a [u8; N], Self), Skip> {
        match self.captured.split_first_chunk() {
            Some((head, rest)) => Ok((head, self.rest(N, rest))),
            None => Err(self.lacks(N)),
        }
    }

    /// What follows `len` bytes of which not all were captured: nothing of it was.
    #[cold]
    pub(super) fn behind(self, len: u32) -> Self {
        let (_, nothing) = self.captured.split_at(self.captured.len());
        Self::new(nothing, self.wire_len.saturating_sub(len))
    }

    /// The first `N` bytes, without taking them off.
    #[inline]
    pub(super) fn peek<const N: usize>(self) -> Result<&'a [u8; N], Skip> {
        self.captured.first_chunk().ok_or_else(|| self.lacks(N))
    }

    /// The layer as its own length field limits it: what follows is padding. The field may also say more
    /// than the frame had; then the rest counts as not captured.
    #[inline]
    pub(super) fn limited(self, wire_len: u32) -> Self {
        let captured = self
            .captured
            .get(..wire_len as usize)
            .unwrap_or(self.captured);
        Self { captured, wire_len }
    }

    #[inline]
    fn rest(self, taken: usize, captured: &'a [u8]) -> Self {
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        Self::new(captured, self.wire_len.saturating_sub(taken))
    }

    #[cold]
    fn lacks(self, len: usize) -> Skip {
        if (self.wire_len as usize) < len {
            Skip::Malformed
        } else {
            Skip::HeadersCut
        }
    }
}
