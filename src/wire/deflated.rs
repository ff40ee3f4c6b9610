//! A decompressor of deflate data that may be copied, so that the accounts of a stream can be drawn up while it goes on.

use flate2::{Decompress, DecompressError, FlushDecompress, Status};

/// Decompresses deflate data, in the zlib or gzip format or bare.
///
/// zlib's state cannot be copied. A copy says how much came in and out, and takes no further byte: it is for whoever closes a
/// copy of a stream, where no further bytes come.
#[derive(Debug)]
pub(super) struct Inflater {
    stream: Option<Box<Decompress>>,
    total_in: u64,
    total_out: u64,
}

impl Inflater {
    /// Of the gzip format.
    pub(super) fn gzip() -> Self {
        Self::of(Decompress::new_gzip(15))
    }

    /// Of the zlib format, or of bare deflate data.
    pub(super) fn new(zlib: bool) -> Self {
        Self::of(Decompress::new(zlib))
    }

    fn of(stream: Decompress) -> Self {
        Self {
            stream: Some(Box::new(stream)),
            total_in: 0,
            total_out: 0,
        }
    }

    /// Bytes taken so far.
    pub(super) fn total_in(&self) -> u64 {
        self.total_in
    }

    /// Bytes given so far.
    pub(super) fn total_out(&self) -> u64 {
        self.total_out
    }

    /// Takes of `input` and fills `output`, as far as either goes.
    ///
    /// # Errors
    /// The input is no deflate data.
    pub(super) fn decompress(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        flush: FlushDecompress,
    ) -> Result<Status, DecompressError> {
        let Some(stream) = &mut self.stream else {
            return Ok(Status::BufError);
        };
        let status = stream.decompress(input, output, flush);
        (self.total_in, self.total_out) = (stream.total_in(), stream.total_out());
        status
    }
}

impl Clone for Inflater {
    fn clone(&self) -> Self {
        Self {
            stream: None,
            total_in: self.total_in,
            total_out: self.total_out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_counts_and_takes_nothing() {
        let mut inflater = Inflater::new(false);
        let stored = [1, 3, 0, 0xfc, 0xff, b'a', b'b', b'c'];
        let mut out = [0; 16];
        let (first, rest) = stored.split_at(6);
        inflater
            .decompress(first, &mut out, FlushDecompress::Sync)
            .unwrap();
        let mut copy = inflater.clone();
        assert_eq!((copy.total_in(), copy.total_out()), (6, 1));
        let status = copy.decompress(rest, &mut out, FlushDecompress::Sync);
        assert_eq!(status.unwrap(), Status::BufError);
        assert_eq!((copy.total_in(), copy.total_out()), (6, 1));
        // The one that was copied goes on.
        inflater
            .decompress(rest, &mut out, FlushDecompress::Sync)
            .unwrap();
        assert_eq!((inflater.total_in(), inflater.total_out()), (8, 3));
    }
}
