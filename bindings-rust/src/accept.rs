//! From a byte stream to a guarded connection, or to a refusal that the peer has read.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use wswarden_core::http::{Head, HeadParser, Request};
use wswarden_core::{Admission, Answer, Candidate, Knock, Reason, Refusal, Remote, Session, Timestamp};

use crate::clock;
use crate::guard::Guard;
use crate::guarded::Guarded;
use crate::timer::Timer;

/// So much is read at a time while the request head is awaited.
const PIECE: usize = 2048;

/// How long, and how much, is read after a refusal so that the peer gets to see it: a socket that
/// is closed with bytes unread resets, and the reset can overtake the answer.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

/// So much is kept of what a client sends before it has its answer; the rest waits in the socket.
const EARLY_BYTES: usize = 4 * 1024;

/// What the socket knows about the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Where the connection came from.
    pub remote: Remote,
    /// Whether the stream is encrypted up to here.
    pub tls: bool,
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError {
    /// The request was refused, and the refusal was sent.
    Refused(Refusal),
    /// The stream failed or ended first.
    Io(io::Error),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {}", refusal.reason()),
            Self::Io(error) => write!(f, "the stream failed before the upgrade: {error}"),
        }
    }
}

impl std::error::Error for AcceptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Io(error) => Some(error),
        }
    }
}

impl From<Refusal> for AcceptError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Reason> for AcceptError {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

impl From<io::Error> for AcceptError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<T: Timer> Guard<T> {
    /// Reads an upgrade request from `stream`, judges and answers it.
    ///
    /// The head must be whole within the policy's `transport.head_timeout`, in all, however it is
    /// dripped; the credential must be judged within `deadline.admit`, and a peer that leaves before
    /// that gives its place back at once. A refusal is written as an HTTP answer, and the stream is
    /// closed once the peer had time to read it.
    ///
    /// # Errors
    /// [`AcceptError::Refused`] with what the peer was told, or [`AcceptError::Io`].
    pub async fn accept<S>(&self, mut stream: S, client: Client) -> Result<Guarded<S, T>, AcceptError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // Whoever holds more sockets open than his share, or is banned, costs no more than this answer.
        match self.core.knock(client.remote, clock::mono()) {
            Ok(knock) => self.accept_knocked(stream, client, knock).await,
            Err(refusal) => {
                self.before(clock::mono().after(LINGER), send(&mut stream, &refusal.response().to_bytes())).await;
                Err(refusal.into())
            }
        }
    }

    /// [`Guard::accept`] for who has a slot to wait in.
    pub(crate) async fn accept_knocked<S>(
        &self,
        mut stream: S,
        client: Client,
        knock: Knock,
    ) -> Result<Guarded<S, T>, AcceptError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let head_timeout = self.core.policy().document().transport.head_timeout.get();
        let by = clock::mono().after(head_timeout);
        let mut bytes = Vec::new();
        let opened = match self.before(by, self.read_candidate(&mut stream, &mut bytes, client, knock)).await {
            None => Err(Reason::HandshakeTimeout.into()),
            Some(Err(error)) => Err(error),
            Some(Ok((candidate, consumed))) => {
                match select(pin!(self.admit(candidate)), pin!(left(&mut stream, &mut bytes))).await {
                    Either::Left((judged, _)) => judged.map(|session| (session, consumed)).map_err(AcceptError::from),
                    Either::Right((error, _)) => Err(error.into()),
                }
            }
        };
        match opened {
            Ok((session, consumed)) => {
                let answer = session.response().to_bytes();
                let sent = self.before(clock::mono().after(head_timeout), send(&mut stream, &answer)).await;
                sent.ok_or(io::Error::from(io::ErrorKind::TimedOut))??;
                Ok(Guarded::from_upgraded(self, stream, session, bytes.split_off(consumed)).await)
            }
            Err(AcceptError::Refused(refusal)) => {
                self.before(clock::mono().after(LINGER), send_refusal(&mut stream, &refusal)).await;
                Err(refusal.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Judges an upgrade request that the host's HTTP server has read. The answer to send is
    /// [`Session::response`] or [`Refusal::response`]; give the upgraded stream to
    /// [`Guarded::from_upgraded`].
    ///
    /// # Errors
    /// The refusal to answer with.
    pub async fn upgrade(&self, request: &Request<'_>) -> Result<Session, Refusal> {
        self.admit(self.core.screen(request, clock::now())?).await
    }

    async fn read_candidate<S>(
        &self,
        stream: &mut S,
        bytes: &mut Vec<u8>,
        client: Client,
        knock: Knock,
    ) -> Result<(Candidate, usize), AcceptError>
    where
        S: AsyncRead + Unpin,
    {
        let mut parser = HeadParser::new(&self.core.policy().document().transport);
        let mut piece = [0; PIECE];
        loop {
            let read = stream.read(&mut piece).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
            if let Head::Complete { head, consumed } = parser.parse(bytes)? {
                // The candidate takes a slot of its own.
                drop(knock);
                let candidate = self.core.screen(&head.request(client.remote, client.tls), clock::now())?;
                return Ok((candidate, consumed));
            }
        }
    }

    async fn admit(&self, candidate: Candidate) -> Result<Session, Refusal> {
        let mut arrived = self.arrived.count();
        let mut admission = candidate.admit(clock::now())?;
        loop {
            let waiting = match admission {
                Admission::Open(session) => return Ok(session),
                Admission::Wait(waiting) => waiting,
            };
            let asked = self.find(waiting.need(), waiting.peer(), arrived);
            let answer = self.before(waiting.deadline(), asked).await.unwrap_or(Answer::Unavailable);
            arrived = self.arrived.count();
            admission = waiting.provide(answer, clock::now())?;
        }
    }

    /// The future's result, unless `by` comes first.
    pub(crate) async fn before<F: Future>(&self, by: Timestamp, future: F) -> Option<F::Output> {
        let sleep = self.timer.sleep(by.since(clock::mono()));
        match select(pin!(future), sleep).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(((), _)) => None,
        }
    }
}

/// Ends when the peer has left, so that nobody is looked up for it any longer and its place is free.
/// What it sends meanwhile goes to `bytes`.
async fn left<S: AsyncRead + Unpin>(stream: &mut S, bytes: &mut Vec<u8>) -> io::Error {
    let full = bytes.len().saturating_add(EARLY_BYTES);
    let mut piece = [0; PIECE];
    while bytes.len() < full {
        match stream.read(&mut piece).await {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(read) => bytes.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error) => return error,
        }
    }
    std::future::pending().await
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, answer: &[u8]) -> io::Result<()> {
    stream.write_all(answer).await?;
    stream.flush().await
}

/// Writes the answer, ends the stream, and reads what still comes, for a while.
async fn send_refusal<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, refusal: &Refusal) -> io::Result<()> {
    send(stream, &refusal.response().to_bytes()).await?;
    stream.close().await?;
    let mut piece = [0; PIECE];
    let mut left = LINGER_BYTES;
    loop {
        match stream.read(&mut piece).await? {
            0 => return Ok(()),
            read if read >= left => return Ok(()),
            read => left = left.saturating_sub(read),
        }
    }
}
