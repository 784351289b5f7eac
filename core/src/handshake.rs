//! The upgrade: from a request to a session, one check after the other, cheapest first.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::credential::{Located, token_entries};
use crate::guard::{Guard, Judged, Question, Refused, Seats};
use crate::http::{self, Refusal, Request, Response};
use crate::identity::Identity;
use crate::policy::Rules;
use crate::reason::Reason;
use crate::secret::Secret;
use crate::session::{Opening, Session};
use crate::time::{Now, Timestamp, UnixTime};
use crate::verdict::Outcome;

/// Where a connection comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    /// The client's address, as the socket or a trusted proxy tells it; none on a local socket.
    pub address: Option<IpAddr>,
    /// The page's origin, as it was sent; none where none was.
    pub origin: Option<Box<str>>,
    /// The path that was asked for, before any decoding and without the query.
    pub path: Box<str>,
    /// Whether the credential was one the browser sends of itself.
    pub(crate) ambient: bool,
    /// The host that was asked for.
    pub(crate) host: Box<str>,
    /// Whether the client's connection is encrypted.
    pub(crate) secure: bool,
    pub(crate) response: Response,
}

/// Only the address: origin and path are the peer's words.
impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// An upgrade request that passed every check that needs no credential judged.
///
/// It holds an unauthenticated slot of its address until it is admitted, refused or dropped.
#[derive(Debug)]
pub struct Candidate {
    guard: Guard,
    rules: Arc<Rules>,
    epoch: u32,
    seats: Seats,
    peer: Arc<Peer>,
    located: Located,
    deadline: Timestamp,
}

/// What became of a candidate.
#[derive(Debug)]
#[must_use]
pub enum Admission {
    /// Send [`Session::response`] and go on with the session.
    Open(Session),
    /// Something only the host can find out is needed first.
    Wait(Waiting),
}

/// A candidate whose credential the host has to look up.
#[derive(Debug)]
pub struct Waiting {
    candidate: Candidate,
    need: Need,
    question: Question,
}

/// What only the host can find out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// Whose session token this is.
    Identity(Secret),
    /// Whether this identity still holds, and what it may do now.
    Revalidate(Identity),
    /// The keys that are published at this URL. They are being fetched:
    /// [`Guard::handle_timeout`] has said so, or does now. Answer with [`Answer::Keys`] when
    /// [`Guard::keys_fetched`] or [`Guard::keys_failed`] was called for it.
    Keys(Box<str>),
    /// Whether a ticket was used before: mark it as used, in one step, in the store that your servers
    /// share, and answer [`Answer::Unused`] if it was not there. Keep it until `until`, and longer by as
    /// much as your servers' clocks may differ.
    Ticket {
        /// What the ticket is known by. It is no secret, and opens nothing.
        id: [u8; 32],
        /// When the ticket runs out.
        until: UnixTime,
    },
}

/// The host's answer to a [`Need`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The token is this user's.
    Identity(Identity),
    /// The keys were fetched, or could not be: look again.
    Keys,
    /// The ticket was not used before, and is marked as used now.
    Unused,
    /// The token is nobody's, or the ticket was used before.
    Refused,
    /// The host cannot tell just now. The connection is refused: fail closed.
    Unavailable,
}

/// What became of a credential on a live connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Judgement {
    /// It is decided; do what the outcome says.
    Done(Outcome),
    /// Something only the host can find out is needed first; hand the answer to
    /// [`Session::provide`].
    Wait(Need),
}

impl Guard {
    /// Judges an upgrade request by all that needs no credential judged.
    ///
    /// The order is: size and syntax - transport - client address - the address's limits - Host -
    /// where the credential stands - Origin, as strictly as that place demands - RFC 6455. A
    /// stranger therefore costs no more than reading the request.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn screen(&self, request: &Request<'_>, now: Now) -> Result<Candidate, Refusal> {
        let screened = self.screen_unrecorded(request, now);
        screened.inspect_err(|refusal| self.count_refusal(refusal.reason()))
    }

    fn screen_unrecorded(&self, request: &Request<'_>, now: Now) -> Result<Candidate, Refusal> {
        // Read before the policy: a change in between is then noticed at the first message.
        let epoch = self.epoch();
        let policy = self.policy();
        // The request's size does not depend on its path, so that no path can lift the limit.
        http::check_size(request, &policy.document().transport)?;
        let target = http::check_syntax(request)?;
        let rules = policy.rules(target.path());
        let document = &rules.document;

        let secure = http::require_secure(request, &document.transport)?;
        let address = http::client_address(request, &document.transport)?;
        let seats = Seats::take(self, rules, address, now.mono).map_err(|refused| refused.at(now.mono))?;
        let host = http::check_host(request.headers, &document.transport.hosts, secure)?;
        let offered = http::values_of(request.headers, "sec-websocket-protocol");
        let offered = http::subprotocols(&offered)?;
        let located = rules.locator.locate(request.headers, &target, &offered)?;
        let is_guest = located == Located::None && document.credential.anonymous;
        // A guest has nothing a foreign page could not have: only the Origin tells the two apart.
        let ambient = is_guest || matches!(located, Located::Ambient { .. });
        let origin = http::single(request.headers, "origin")?;
        let own_host = (!document.transport.hosts.is_empty()).then_some(&host);
        rules.origins.judge(origin, ambient, own_host, secure, &document.origin)?;
        let upgrade = http::upgrade(request)?;
        let tokens = token_entries(&offered);
        let subprotocol = http::negotiate(&offered, &tokens, &document.subprotocols)?;
        if located == Located::None && !is_guest {
            return Err(Reason::CredentialMissing.into());
        }
        let limited = |until| Refused::until(Reason::RateLimited, until).at(now.mono);
        seats.may_try(rules, now.mono).map_err(limited)?;
        let peer = Peer {
            address,
            origin: origin.map(|origin| String::from_utf8_lossy(origin).into()),
            path: target.path().into(),
            ambient,
            secure,
            host: http::single(request.headers, "host")?
                .map(|host| String::from_utf8_lossy(host).into())
                .unwrap_or_default(),
            response: upgrade.accept(subprotocol)?,
        };
        Ok(Candidate {
            guard: self.clone(),
            rules: Arc::clone(rules),
            epoch,
            seats,
            peer: Arc::new(peer),
            located,
            deadline: now.mono.after(document.deadline.admit.get()),
        })
    }
}

impl Candidate {
    /// Where it comes from.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// When it must have been admitted; past that, [`admit`](Self::admit) and
    /// [`Waiting::provide`] refuse.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// Judges the credential, as far as that needs nobody else.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn admit(self, now: Now) -> Result<Admission, Refusal> {
        let guard = self.guard.clone();
        self.admit_unrecorded(now).inspect_err(|refusal| guard.count_refusal(refusal.reason()))
    }

    fn admit_unrecorded(mut self, now: Now) -> Result<Admission, Refusal> {
        self.in_time(now.mono)?;
        match std::mem::replace(&mut self.located, Located::None) {
            Located::Deferred => Ok(Admission::Open(self.open(None, now))),
            Located::None => self.identified(Arc::new(Identity::guest()), now),
            Located::Explicit { kind, secret, .. } | Located::Ambient { kind, secret } => {
                let judged = self.guard.judge(&self.rules, &self.peer, kind, secret, now);
                self.judged(judged, now)
            }
        }
    }

    fn judged(mut self, judged: Result<Judged, Refusal>, now: Now) -> Result<Admission, Refusal> {
        match judged {
            Ok(Judged::Identity(identity)) => self.identified(identity, now),
            Ok(Judged::Ask(need, question)) => Ok(Admission::Wait(Waiting { candidate: self, need, question })),
            Err(refusal) => Err(self.rejected(refusal, now.mono)),
        }
    }

    /// Rules that changed while the host was asked hold for the answer, too.
    fn recheck(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let epoch = self.guard.epoch();
        if epoch == self.epoch {
            return Ok(());
        }
        if self.guard.is_draining() {
            return Err(Refused::until(Reason::Draining, now.after(self.rules.document.deadline.drain.get())).at(now));
        }
        let rules = self.guard.rules(&self.peer);
        if !Arc::ptr_eq(&rules, &self.rules) && !rules.still_allows(&self.peer) {
            return Err(Reason::PolicyChanged.into());
        }
        (self.rules, self.epoch) = (rules, epoch);
        Ok(())
    }

    fn identified(mut self, identity: Arc<Identity>, now: Now) -> Result<Admission, Refusal> {
        self.recheck(now.mono)?;
        let admitted = self.seats.admit(&self.rules, &identity, now);
        admitted.map_err(|refused| refused.at(now.mono))?;
        Ok(Admission::Open(self.open(Some(identity), now)))
    }

    fn rejected(&mut self, refusal: Refusal, now: Timestamp) -> Refusal {
        if refusal.is_a_failure() {
            self.seats.failed(&self.rules, now);
        }
        refusal
    }

    fn in_time(&self, now: Timestamp) -> Result<(), Refusal> {
        if now >= self.deadline { Err(Reason::HandshakeTimeout.into()) } else { Ok(()) }
    }

    fn open(self, identity: Option<Arc<Identity>>, now: Now) -> Session {
        let Self { guard, rules, epoch, seats, peer, located: _, deadline: _ } = self;
        Session::open(Opening { guard, rules, epoch, seats, peer, identity }, now)
    }
}

impl Waiting {
    /// What the host has to find out.
    pub fn need(&self) -> &Need {
        &self.need
    }

    /// Where the candidate comes from.
    pub fn peer(&self) -> &Peer {
        self.candidate.peer()
    }

    /// When the answer must have come.
    pub fn deadline(&self) -> Timestamp {
        self.candidate.deadline
    }

    /// Takes the host's answer.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn provide(self, answer: Answer, now: Now) -> Result<Admission, Refusal> {
        let guard = self.candidate.guard.clone();
        self.provide_unrecorded(answer, now).inspect_err(|refusal| guard.count_refusal(refusal.reason()))
    }

    fn provide_unrecorded(mut self, answer: Answer, now: Now) -> Result<Admission, Refusal> {
        self.candidate.in_time(now.mono)?;
        // What was changed meanwhile holds before the credential is looked at again.
        self.candidate.recheck(now.mono)?;
        let judged = self.candidate.guard.answered(&self.candidate.rules, self.question, answer, now);
        self.candidate.judged(judged, now)
    }
}
