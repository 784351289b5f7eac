//! Checking frame headers below a WebSocket library that is lax about them.

use crate::reason::Reason;

/// Reads the frame headers of a peer's byte stream (RFC 6455 section 5.2) and counts how many
/// frames make up a message.
///
/// A library that bounds only a message's bytes lets a peer send it in endless empty frames: work
/// without end that no message limit ever sees (CVE-2026-48779). One that takes a length in more
/// bytes than it needs reads one stream in two ways that something in between may not (RFC 6455
/// section 5.2: "the minimal number of bytes MUST be used"). What is wrong with a frame otherwise,
/// the library says.
#[derive(Clone, Debug)]
pub struct FrameMeter {
    limit: u32,
    fragments: u32,
    /// Payload and mask bytes of the frame that is passing.
    passing: u64,
    /// The header that is being collected.
    header: [u8; 10],
    collected: usize,
}

impl FrameMeter {
    /// A meter that lets messages of up to `limit` frames pass.
    pub const fn new(limit: u32) -> Self {
        Self { limit, fragments: 0, passing: 0, header: [0; 10], collected: 0 }
    }

    /// Counts the frames in `bytes`, the next ones of the stream.
    ///
    /// # Errors
    /// [`Reason::TooManyFragments`] as soon as a message has one frame too many,
    /// [`Reason::ProtocolError`] for a length that is longer than it need be.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Reason> {
        loop {
            let skipped = usize::try_from(self.passing).unwrap_or(usize::MAX).min(bytes.len());
            self.passing = self.passing.saturating_sub(u64::try_from(skipped).unwrap_or(u64::MAX));
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            if let Some(place) = self.header.get_mut(self.collected) {
                *place = byte;
            }
            self.collected = self.collected.saturating_add(1);
            if let Some(payload) = self.payload_length()? {
                self.passing = payload;
                self.collected = 0;
                self.count()?;
            }
        }
    }

    /// How many bytes follow the header, once it is whole: the mask and the payload.
    fn payload_length(&self) -> Result<Option<u64>, Reason> {
        let [_, second, a, b, c, d, e, f, g, h] = self.header;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let (needed, payload, least) = match second & 0x7f {
            126 => (4, u64::from(u16::from_be_bytes([a, b])), 126),
            127 => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]), 0x1_0000),
            short => (2, u64::from(short), 0),
        };
        if self.collected < needed {
            return Ok(None);
        }
        if payload < least { Err(Reason::ProtocolError) } else { Ok(Some(payload.saturating_add(mask))) }
    }

    fn count(&mut self) -> Result<(), Reason> {
        let [first, ..] = self.header;
        let is_control = first & 0x08 != 0;
        if is_control {
            return Ok(());
        }
        self.fragments = self.fragments.saturating_add(1);
        if self.fragments > self.limit {
            return Err(Reason::TooManyFragments);
        }
        if first & 0x80 != 0 {
            self.fragments = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(fin: bool, opcode: u8, payload: usize) -> Vec<u8> {
        let mut frame = vec![u8::from(fin) << 7 | opcode];
        match payload {
            0..126 => frame.push(0x80 | payload as u8),
            126..0x1_0000 => {
                frame.push(0x80 | 126);
                frame.extend((payload as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((payload as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0x81; payload + 4]);
        frame
    }

    fn message(fragments: usize, payload: usize) -> Vec<u8> {
        let parts = (0..fragments).map(|i| frame(i + 1 == fragments, if i == 0 { 1 } else { 0 }, payload));
        parts.collect::<Vec<_>>().concat()
    }

    #[test]
    fn t59_a_message_of_too_many_fragments_is_cut_even_if_they_are_empty() {
        let mut meter = FrameMeter::new(64);
        assert_eq!(meter.feed(&message(64, 0)), Ok(()));
        assert_eq!(meter.feed(&message(64, 3)), Ok(()));
        assert_eq!(meter.feed(&message(65, 0)), Err(Reason::TooManyFragments));
    }

    #[test]
    fn control_frames_between_fragments_do_not_count() {
        let mut meter = FrameMeter::new(2);
        let stream = [frame(false, 1, 5), frame(true, 9, 0), frame(true, 10, 125), frame(true, 0, 5)].concat();
        assert_eq!(meter.feed(&stream), Ok(()));
    }

    #[test]
    fn t62_lengths_near_every_border_are_skipped_exactly() {
        for payload in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 0x1_0001] {
            let mut meter = FrameMeter::new(1);
            for _ in 0..3 {
                assert_eq!(meter.feed(&message(1, payload)), Ok(()), "{payload}");
            }
            assert_eq!(meter.feed(&message(2, payload)), Err(Reason::TooManyFragments), "{payload}");
        }
    }

    #[test]
    fn t62_a_length_in_more_bytes_than_it_needs_is_refused() {
        let long = |header: &[u8]| FrameMeter::new(1).feed(&[header, &[0; 4]].concat());
        assert_eq!(long(&[0x81, 0xfe, 0, 125]), Err(Reason::ProtocolError));
        assert_eq!(long(&[0x81, 0xfe, 0, 126]), Ok(()));
        assert_eq!(long(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), Err(Reason::ProtocolError));
        assert_eq!(long(&[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]), Ok(()));
    }

    proptest! {
        #[test]
        fn how_the_stream_is_cut_changes_nothing(
            messages in prop::collection::vec((1..6_usize, 0..300_usize), 1..8),
            limit in 1..6_u32,
            step in 1..40_usize,
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|(fragments, payload)| message(*fragments, *payload)).collect();
            let whole = FrameMeter::new(limit).feed(&stream);
            let mut meter = FrameMeter::new(limit);
            let cut = stream.chunks(step).try_for_each(|piece| meter.feed(piece));
            prop_assert_eq!(whole, cut);
            let most = messages.iter().map(|(fragments, _)| *fragments).max().unwrap_or(0);
            prop_assert_eq!(whole.is_err(), most > limit as usize);
        }
    }
}
