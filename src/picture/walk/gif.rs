//! GIF (`CompuServe`, `GIF87a` and `GIF89a`): blocks and their data sub-blocks, to the trailer.

use super::{Break, Element, Facts, Fault, Grammar, HeaderField, Want, be, le};
use crate::picture::Format;

pub(super) const FIRST_FIELD: u8 = 6;

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Section 17.
    #[default]
    Signature,
    /// Logical screen descriptor, section 18.
    Screen,
    /// A colour table (sections 19 and 21) goes by; then comes a block, or an image's data.
    ColourTable { of_image: bool },
    /// The byte that tells what block it is.
    Block,
    /// Label of an extension (sections 23 to 26).
    Label,
    /// Image descriptor, section 20.
    Image,
    /// LZW minimum code size, section 22.
    CodeSize,
    /// Size of a data sub-block, section 15.
    SubBlock,
    /// A data sub-block goes by.
    SubBlockData,
    /// A gap swallowed structure; nothing of it can be found again.
    Lost,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gif {
    state: State,
}

impl Gif {
    fn want(&mut self, state: State, bytes: u8) -> Want {
        self.state = state;
        Want::Field(bytes)
    }

    /// Colour tables hold 3 × 2^(size + 1) bytes, where the flags' highest bit says that there is one.
    fn colour_table(&mut self, flags: u32, of_image: bool) -> Want {
        self.state = State::ColourTable { of_image };
        Want::Pass(match flags & 0x80 {
            0 => 0,
            _ => 3 << ((flags & 7) + 1),
        })
    }
}

impl Grammar for Gif {
    fn step(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        let byte = field.first().copied().unwrap_or_default();
        Ok(match self.state {
            State::Signature if field == b"GIF87a" || field == b"GIF89a" => {
                self.want(State::Screen, 7)
            }
            State::Signature => return Err(Break::Signature(Format::Gif).at(at)),
            State::Screen => {
                // A logical screen of 0 pixels is not forbidden; decoders then go by the first image.
                facts.width = le(field, 0, 2);
                facts.height = le(field, 2, 2);
                self.colour_table(be(field, 4, 1), false)
            }
            State::ColourTable { of_image: true } => self.want(State::CodeSize, 1),
            State::ColourTable { of_image: false } => self.want(State::Block, 1),
            State::Block => match byte {
                EXTENSION => self.want(State::Label, 1),
                IMAGE => self.want(State::Image, 9),
                TRAILER => Want::End,
                found => return Err(Break::Block { found }.at(at)),
            },
            State::Image => {
                let flags = be(field, 8, 1);
                facts.interlaced.get_or_insert(flags & 0x40 != 0);
                facts.animated = facts.frames > 0;
                facts.frames = facts.frames.saturating_add(1);
                self.colour_table(flags, true)
            }
            State::CodeSize => match byte {
                // Section 22 and appendix F: codes have 3 to 12 bits; 1 is written by some for two colours.
                1..=11 => self.want(State::SubBlock, 1),
                size => {
                    let (format, field) = (Format::Gif, HeaderField::CodeSize);
                    let value = u32::from(size);
                    return Err(Break::Field {
                        format,
                        field,
                        value,
                    }
                    .at(at));
                }
            },
            State::SubBlock if byte == 0 => self.want(State::Block, 1),
            State::SubBlock => {
                self.state = State::SubBlockData;
                Want::Pass(u64::from(byte))
            }
            State::Label | State::SubBlockData => self.want(State::SubBlock, 1),
            State::Lost => Want::Rest,
        })
    }

    fn lose(&mut self, _at: u64, facts: &mut Facts) -> Want {
        facts.uncertain = true;
        self.state = State::Lost;
        Want::Rest
    }

    fn element(&self, _at: u64, _facts: &Facts) -> (Element, u64) {
        match self.state {
            State::Signature => (Element::Header, 7 + 1),
            State::Screen => (Element::Header, 1),
            State::ColourTable { of_image } => (Element::ColourTable, 1 + 2 * u64::from(of_image)),
            State::Block => (Element::Block, 0),
            State::Label => (Element::Block, 2),
            State::Image => (Element::Block, 3),
            State::CodeSize | State::SubBlockData => (Element::SubBlocks, 2),
            State::SubBlock => (Element::SubBlocks, 1),
            State::Lost => (Element::Lost, 0),
        }
    }
}
