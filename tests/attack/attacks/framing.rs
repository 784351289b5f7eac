//! Frames that break RFC 6455 section 5.

use super::Attack;
use super::message::{IfSilent, judged};
use crate::frame::{CLOSE, CONTINUATION, Frame, PING, TEXT};
use crate::lab::Probe;
use crate::outcome::Tried;

macro_rules! frames {
    ($($name:literal, $expect:literal, $about:literal, $bytes:expr;)+) => {
        &[$(Attack { name: $name, expect: $expect, about: $about, run: |p| send(p, $bytes) }),+]
    };
}

pub(super) const ATTACKS: &[Attack] = frames! {
    "frame.unmasked", "close 1002", "a text frame without mask",
        |good| Frame { masked: false, ..Frame::new(TEXT, good) }.bytes();
    "frame.rsv1", "close 1002", "RSV1: compressed, though nothing was agreed", |good| Frame { rsv: 4, ..Frame::new(TEXT, good) }.bytes();
    "frame.rsv2", "close 1002", "RSV2", |good| Frame { rsv: 2, ..Frame::new(TEXT, good) }.bytes();
    "frame.rsv3", "close 1002", "RSV3", |good| Frame { rsv: 1, ..Frame::new(TEXT, good) }.bytes();
    "frame.reserved-data", "close 1002", "opcode 3", |good| Frame::new(3, good).bytes();
    "frame.reserved-control", "close 1002", "opcode 11", |_| Frame::new(11, b"").bytes();
    "frame.long-ping", "close 1002", "a ping of 126 bytes", |_| Frame::new(PING, &[0; 126]).bytes();
    "frame.cut-ping", "close 1002", "a ping in fragments", |_| Frame::new(PING, b"x").unfinished().bytes();
    "frame.nothing-to-continue", "close 1002", "a continuation of nothing", |good| Frame::new(CONTINUATION, good).bytes();
    "frame.two-messages-at-once", "close 1002", "a text begins inside a text", |good| {
        [Frame::new(TEXT, b"{").unfinished().bytes(), Frame::new(TEXT, good).bytes()].concat()
    };
    "frame.length-in-two-bytes", "close 1002", "a length longer than it need be", |good| {
        Frame::new(TEXT, good).bytes_with_length(u64::try_from(good.len()).unwrap_or(0), 2)
    };
    "frame.length-in-eight-bytes", "close 1002", "a length much longer than it need be", |good| {
        Frame::new(TEXT, good).bytes_with_length(u64::try_from(good.len()).unwrap_or(0), 8)
    };
    "frame.length-2^62", "close 1009|close 1002", "declares 2^62 bytes and sends none", |_| {
        Frame::new(TEXT, b"").bytes_with_length(1 << 62, 8)
    };
    "frame.length-2^63", "close 1002|close 1009", "a length whose highest bit is set", |_| {
        Frame::new(TEXT, b"").bytes_with_length(1 << 63, 8)
    };
    "frame.invalid-utf8", "close 1007", "a text that is no UTF-8", |_| Frame::new(TEXT, b"{\"type\":\"\xff\"}").bytes();
    "frame.invalid-utf8-overlong", "close 1007", "an overlong slash", |_| Frame::new(TEXT, b"\"\xc0\xaf\"").bytes();
    "frame.invalid-utf8-surrogate", "close 1007", "a surrogate in UTF-8", |_| Frame::new(TEXT, b"\"\xed\xa0\x80\"").bytes();
    "frame.invalid-utf8-in-fragments", "close 1007", "a letter cut in two and wrongly joined", |_| {
        [Frame::new(TEXT, b"\"\xe2\x82").unfinished().bytes(), Frame::new(CONTINUATION, b"\"").bytes()].concat()
    };
    "frame.cut-utf8", "close 1007", "a text that ends inside a letter", |_| Frame::new(TEXT, b"\"\xe2\x82").bytes();
    "frame.close-one-byte", "close 1002|close 1007", "a close frame with half a code", |_| Frame::new(CLOSE, b"\x03").bytes();
    "frame.close-1005", "close 1002", "a code that is never sent", |_| Frame::new(CLOSE, &1005_u16.to_be_bytes()).bytes();
    "frame.close-999", "close 1002", "a code below all codes", |_| Frame::new(CLOSE, &999_u16.to_be_bytes()).bytes();
    "frame.close-bad-utf8", "close 1007|close 1002", "a reason that is no UTF-8", |_| Frame::new(CLOSE, b"\x03\xe8\xff").bytes();
    "frame.data-after-close", "close 1000", "a message behind a close frame", |good| {
        [Frame::new(CLOSE, &1000_u16.to_be_bytes()).bytes(), Frame::new(TEXT, good).bytes()].concat()
    };
};

/// Sends what is made from a valid message.
fn send(p: &Probe<'_>, make: fn(&[u8]) -> Vec<u8>) -> Tried {
    let mark = p.mark();
    let bytes = make(p.message(&mark).as_bytes());
    judged(p, &mark, IfSilent::Taken, |peer| peer.send(&bytes))
}
