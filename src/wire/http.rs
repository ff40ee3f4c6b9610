//! stub
use super::carve::CarveDecoder;
use super::*;
/// stub
#[derive(Debug, Default)]
pub struct HttpDecoder(CarveDecoder);
impl Decode for HttpDecoder {
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
