//! Which wire format a channel's direction speaks: chosen by its first bytes, worked out from what waits, and named anew when
//! what followed says better.

use super::super::held::{Held, Tried};
use super::{Channel, Context, HEAD, State};
use crate::findings::facts::StrayKind;
use crate::ledger::{Confidence, TransportKind};
use crate::picture::{self, Sniff};
use crate::wire::carve::CarveDecoder;
use crate::wire::detect::{self, Clues, Detection};
use crate::wire::infer::Inferred;
use crate::wire::{self, Decode, Decoder, Fixed, Protocol, Role, StreamEnd};

impl Channel {
    /// A decoder may have learnt from what followed which format it is.
    pub(super) fn refine(&mut self, learnt: &Protocol, context: &mut Context<'_>) {
        let open = match &context.format {
            Some((Protocol::Carve, _)) => true,
            Some((_, Confidence::Given)) | None => false,
            Some((known, _)) => {
                matches!(
                    known,
                    Protocol::Udp
                        | Protocol::UdpIndex(_)
                        | Protocol::SizeHandshake { .. }
                        | Protocol::Length(_)
                ) || (matches!(learnt, Protocol::Marker(_))
                    && (*known == Protocol::Eof || *known == Protocol::pipeline()))
            }
        };
        let known = context.format.as_ref().map(|(known, _)| known);
        if open && known != Some(learnt) && *learnt != Protocol::Carve {
            self.rename(learnt, context);
        }
    }

    fn rename(&mut self, protocol: &Protocol, context: &mut Context<'_>) {
        let confidence = match protocol {
            // Learnt from more than one message.
            Protocol::Layout(_) => Confidence::Confirmed,
            _ => Confidence::Content,
        };
        *context.format = Some((protocol.clone(), confidence));
        for picture in &mut self.pictures {
            picture.protocol = protocol.clone();
        }
    }

    /// The other side answers although this one has closed: that is what a half-closed request looks like.
    pub(super) fn half_closed(&mut self, context: &mut Context<'_>) {
        let plain = match &context.format {
            Some((_, Confidence::Given)) | None => false,
            Some((known, _)) => matches!(known, Protocol::Eof | Protocol::Carve),
        };
        if plain
            && self.end == Some(StreamEnd::Fin)
            && context.role() == Role::Initiator
            && self.pictures.len() == 1
        {
            self.rename(&Protocol::HalfClose, context);
        }
    }

    pub(super) fn retry(&mut self, head: Vec<u8>, ended: bool, context: &mut Context<'_>) {
        if self.decide(&head, ended || head.len() >= HEAD, context) {
            if let State::Held(_) = self.state {
                // What is held is driven when it is settled.
                self.hold(&head, context);
                return;
            }
            self.drive(context, |decoder, sink| decoder.update(&head, sink));
        } else if ended {
            self.stray(&head);
        } else {
            self.state = State::Undecided(head);
        }
    }

    /// Chooses the decoder by a datagram and the short one before it, if there was one.
    pub(super) fn decide_datagrams(
        &mut self,
        before: &[u8],
        payload: &[u8],
        context: &mut Context<'_>,
    ) -> bool {
        if before.is_empty() {
            return self.decide_by(payload, &[], true, context);
        }
        let room = HEAD.saturating_sub(before.len()).min(payload.len());
        let head = [before, payload.get(..room).unwrap_or_default()].concat();
        let sizes = [before, payload].map(|bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let known = context.format.is_some();
        let found = self.decide_by(&head, &sizes, true, context);
        let counts = matches!(&self.state, State::Decoding(decoder) if decoder.protocol() == Protocol::Fixed(Fixed::UdpCount));
        if found && !counts {
            // Whatever it is, it begins with this datagram and not with the one before it.
            self.state = State::Undecided(Vec::new());
            if !known {
                *context.format = None;
            }
            return false;
        }
        found
    }

    /// Chooses the decoder. With `ended` there is no more to wait for.
    pub(super) fn decide(&mut self, head: &[u8], ended: bool, context: &mut Context<'_>) -> bool {
        self.decide_by(head, &[], ended, context)
    }

    fn decide_by(
        &mut self,
        head: &[u8],
        sizes: &[u32],
        ended: bool,
        context: &mut Context<'_>,
    ) -> bool {
        let given = context.format.clone().filter(|(protocol, confidence)| {
            *confidence == Confidence::Given || !matches!(protocol, Protocol::Carve)
        });
        let found = match given {
            Some(known) => Some(known),
            None => match detect::detect(&Clues {
                transport: context.transport,
                from_port: context.from().port(),
                to_port: context.to().port(),
                role: Some(context.role()),
                head: head.get(..HEAD).unwrap_or(head),
                ended,
                sizes,
            }) {
                Detection::Found {
                    protocol,
                    confidence,
                    ..
                } => Some((protocol, confidence)),
                Detection::NeedMore if !ended => None,
                Detection::NeedMore | Detection::Nothing => match context.transport {
                    // Whatever it is, a picture may still be found in it by its own structure.
                    TransportKind::Tcp => Some((Protocol::Carve, Confidence::Content)),
                    TransportKind::Udp => None,
                },
            },
        };
        let Some((protocol, confidence)) = found else {
            return false;
        };
        // Whoever answers pictures in text sends none.
        let pictures_only = matches!(
            protocol,
            Protocol::Marker(_) | Protocol::Eof | Protocol::RawPixels { .. }
        );
        let answers = pictures_only
            && context.format.is_some()
            && context.role() == Role::Acceptor
            && context.transport == TransportKind::Tcp
            && (StrayKind::of(head).is_text() || detect::is_mostly_text(head));
        if answers {
            if !ended {
                return false;
            }
            self.state = State::Decoding(Box::new(Decoder::Carve(CarveDecoder::new())));
            return true;
        }
        // A framing that is none of the known ones, or more than that, is worked out from more bytes.
        let open = match protocol {
            Protocol::Carve => !matches!(picture::sniff(head), Sniff::Is(_)),
            Protocol::Length(_) => confidence == Confidence::Content,
            Protocol::SizeHandshake { bare: true } => true,
            _ => false,
        };
        let undecided = match &context.format {
            None => true,
            Some((known, confidence)) => {
                *known == Protocol::Carve && *confidence != Confidence::Given
            }
        };
        if open && context.transport == TransportKind::Tcp && undecided && self.doubt.is_none() {
            let waiting = Held::new(false, Some((protocol, confidence)));
            self.state = State::Held(Box::new(waiting));
            return true;
        }
        self.decode((protocol, confidence), head, context);
        true
    }

    /// Decodes in this format what begins with `head`.
    fn decode(&mut self, format: (Protocol, Confidence), head: &[u8], context: &mut Context<'_>) {
        let (protocol, confidence) = &format;
        let detected = *confidence != Confidence::Given && self.position == 0;
        let picture = matches!(picture::sniff(head), Sniff::Is(_));
        // A port is no evidence: what the bytes show behind the picture decides.
        let mut decoder = match protocol {
            Protocol::Eof if detected && picture => Decoder::Carve(CarveDecoder::on_eof_port()),
            _ => wire::decoder(protocol, context.role()),
        };
        if *confidence != Confidence::Given {
            decoder.learn();
        }
        if self.doubt.is_some() {
            decoder.doubt();
        }
        self.state = State::Decoding(Box::new(decoder));
        let carved = matches!(&context.format, Some((Protocol::Carve, confidence)) if *confidence != Confidence::Given);
        if context.format.is_none() || carved {
            *context.format = Some(format);
        }
    }

    /// More of what waits until the framing is worked out.
    pub(super) fn hold(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        let State::Held(held) = &mut self.state else {
            return;
        };
        held.add(bytes, self.carrier, (context.frame, context.time));
        if !held.is_due() {
            return;
        }
        match held.look(false) {
            Tried::NotYet => {}
            Tried::Found(found) => self.let_go(Some(found), context),
            Tried::Nothing => self.let_go(None, context),
        }
    }

    /// Nothing more is waited for; with `ended` nothing more comes.
    pub(super) fn settle(&mut self, ended: bool, context: &mut Context<'_>) {
        let State::Held(held) = &mut self.state else {
            return;
        };
        match held.look(ended) {
            Tried::Found(found) => self.let_go(Some(found), context),
            Tried::NotYet | Tried::Nothing => self.let_go(None, context),
        }
    }

    /// Decodes what waited, as if it came now, frame by frame.
    fn let_go(&mut self, found: Option<Box<Inferred>>, context: &mut Context<'_>) {
        let State::Held(held) = std::mem::replace(&mut self.state, State::Undecided(Vec::new()))
        else {
            return;
        };
        if let Some(found) = found {
            let format = held.name(&found);
            if matches!(format.0, Protocol::Layout(_)) {
                self.rare.get_or_insert_default().evidence = found.evidence;
            }
            self.decode(format, &held.bytes, context);
        } else if let Some(format) = held.otherwise.clone() {
            let format = if held.contradicts(&format.0) {
                (Protocol::Carve, Confidence::Content)
            } else {
                format
            };
            self.decode(format, &held.bytes, context);
        }
        let now = (self.carrier, context.frame, context.time);
        for (part, cut) in held.parts().zip(&held.cuts) {
            self.carrier = cut.carrier;
            (context.frame, context.time) = (cut.frame, cut.time);
            if context.transport == TransportKind::Udp {
                self.known_datagram(part, 0, context);
            } else {
                self.drive(context, |decoder, sink| decoder.update(part, sink));
            }
        }
        (self.carrier, context.frame, context.time) = now;
    }
}
