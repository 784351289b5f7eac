//! An open WebSocket, seen by a client that need not keep any rule.

use std::io;
use std::time::{Duration, Instant};

use crate::frame::{self, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT};
use crate::outcome::Outcome;
use crate::wire::Wire;

/// So long a late reply may come after the server has been seen to have read everything.
pub(crate) const GRACE: Duration = Duration::from_millis(300);

/// An open WebSocket.
pub(crate) struct Peer {
    wire: Wire,
    buffer: Vec<u8>,
    message: Vec<u8>,
    /// The head of the 101.
    pub(crate) head: String,
    /// Whether pings are answered, as they must be.
    pub(crate) answers_pings: bool,
    /// Whether a close frame is answered, as it must be.
    pub(crate) answers_close: bool,
    /// Whether the server has closed.
    closed: bool,
}

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Message(String),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The code; 1005 when there is none.
    Close(u16),
    Cut,
    /// Nothing, until the deadline.
    Nothing,
}

/// What came back in some time.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Messages that contain the mark, and are no error replies.
    pub(crate) delivered: u64,
    /// Error replies.
    pub(crate) replies: u64,
    /// Pongs other than the one that was waited for.
    pub(crate) pongs: u64,
    /// How the connection ended, if it did.
    pub(crate) end: Option<Outcome>,
}

impl Peer {
    /// A connection on which the 101 has been read; `rest` came behind it.
    pub(crate) fn new(wire: Wire, head: String, rest: Vec<u8>) -> Self {
        Self { wire, buffer: rest, message: Vec::new(), head, answers_pings: true, answers_close: true, closed: false }
    }

    /// Sends any bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.send(bytes)
    }

    /// Sends a text message in one frame.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.send(&Frame::new(TEXT, text.as_bytes()).bytes())
    }

    /// What arrives next.
    pub(crate) fn next(&mut self, deadline: Instant) -> io::Result<Event> {
        loop {
            while let Some(frame) = frame::take(&mut self.buffer) {
                if let Some(event) = self.event(frame) {
                    return Ok(event);
                }
            }
            let mut bytes = [0; 16 << 10];
            match self.wire.receive(&mut bytes, deadline)? {
                Some(0) => return Ok(Event::Cut),
                Some(count) => self.buffer.extend_from_slice(&bytes[..count]),
                None => return Ok(Event::Nothing),
            }
        }
    }

    /// Waits for the end of the connection; `None` when the deadline comes first.
    pub(crate) fn end(&mut self, deadline: Instant) -> io::Result<Option<Outcome>> {
        loop {
            match self.next(deadline)? {
                Event::Close(code) => return Ok(Some(Outcome::Close(code))),
                Event::Cut => return Ok(Some(Outcome::Cut)),
                Event::Nothing => return Ok(None),
                Event::Message(_) | Event::Ping(_) | Event::Pong(_) => {}
            }
        }
    }

    /// Waits until the server has read all that was sent so far, and counts what came back.
    ///
    /// A ping stands behind what was sent: its pong tells that all before it has been judged.
    pub(crate) fn settle(&mut self, mark: &str, errors: &[String], patience: Duration) -> io::Result<Seen> {
        let mut seen = Seen::default();
        // A server that has closed may still have a close frame for us to read.
        let _ = self.send(&Frame::new(PING, mark.as_bytes()).bytes());
        let mut deadline = Instant::now() + patience;
        loop {
            match self.next(deadline)? {
                Event::Message(text) if errors.iter().any(|error| text.contains(error.as_str())) => seen.replies += 1,
                Event::Message(text) if text.contains(mark) => seen.delivered += 1,
                Event::Message(_) | Event::Ping(_) => {}
                Event::Pong(payload) if payload == mark.as_bytes() => deadline = deadline.min(Instant::now() + GRACE),
                Event::Pong(_) => seen.pongs += 1,
                Event::Close(code) => {
                    seen.end = Some(Outcome::Close(code));
                    return Ok(seen);
                }
                Event::Cut => {
                    seen.end = Some(Outcome::Cut);
                    return Ok(seen);
                }
                Event::Nothing => return Ok(seen),
            }
        }
    }

    /// Closes as a good client does, and waits a little for the answer.
    pub(crate) fn close(mut self) {
        if self.closed {
            return;
        }
        let _ = self.send(&Frame::new(CLOSE, &1000_u16.to_be_bytes()).bytes());
        let _ = self.end(Instant::now() + Duration::from_secs(1));
    }

    /// Ends the connection with a TCP reset.
    pub(crate) fn reset(self) {
        self.wire.reset();
    }

    fn event(&mut self, frame: frame::Received) -> Option<Event> {
        match frame.opcode {
            PING => {
                if self.answers_pings {
                    let _ = self.send(&Frame::new(PONG, &frame.payload).bytes());
                }
                Some(Event::Ping(frame.payload))
            }
            PONG => Some(Event::Pong(frame.payload)),
            CLOSE => {
                self.closed = true;
                if self.answers_close {
                    let _ = self.send(&Frame::new(CLOSE, &frame.payload).bytes());
                }
                Some(Event::Close(frame.payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))))
            }
            opcode => {
                if opcode != CONTINUATION {
                    self.message.clear();
                }
                self.message.extend_from_slice(&frame.payload);
                frame
                    .fin
                    .then(|| Event::Message(String::from_utf8_lossy(&std::mem::take(&mut self.message)).into_owned()))
            }
        }
    }
}
