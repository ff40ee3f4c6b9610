//! stub
use super::carve::CarveDecoder;
use super::*;
/// stub
#[derive(Debug, Default)]
pub struct EncodedDecoder(CarveDecoder);
impl Decode for EncodedDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.0.update(bytes, sink);
    }
    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.0.gap(length, sink);
    }
    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.0.finish(end, sink);
    }
}
impl EncodedDecoder {
    /// stub
    pub fn new(_: Encoding, _: &Protocol, _: Role) -> Self {
        Self::default()
    }
    /// stub
    pub fn protocol(&self) -> Protocol {
        self.0.protocol()
    }
}
