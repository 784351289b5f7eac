//! Judging a credential: as far as the core can, and on with what the host has found out.

use std::sync::Arc;

use super::Guard;
use crate::credential::ticket::{Binding, Redeemed};
use crate::credential::{JwtFault, JwtVerifier, Lookup};
use crate::handshake::{Answer, Need, Peer};
use crate::http::Refusal;
use crate::identity::Identity;
use crate::policy::{CredentialKind, Rules};
use crate::reason::Reason;
use crate::secret::Secret;
use crate::time::{Now, UnixTime};

/// What judging a credential comes to.
pub(crate) enum Judged {
    /// It is good.
    Identity(Arc<Identity>),
    /// Something only the host can find out is needed first.
    Ask(Need, Question),
}

/// What a need is about, kept until the answer comes.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// Whose session token it is.
    Owner,
    /// Whether this token is good by keys that are being fetched.
    Token(Secret),
    /// Whether the ticket of this identity was used before, and when the ticket runs out.
    Ticket(Box<Identity>, UnixTime),
}

impl Guard {
    /// Judges a credential as far as that needs nobody else.
    pub(crate) fn judge(
        &self,
        rules: &Rules,
        peer: &Peer,
        kind: CredentialKind,
        secret: Secret,
        now: Now,
    ) -> Result<Judged, Refusal> {
        match (kind, &rules.jwt) {
            (CredentialKind::Session, _) => Ok(Judged::Ask(Need::Identity(secret), Question::Owner)),
            (CredentialKind::Ticket, _) => self.judge_ticket(peer, &secret, now),
            (CredentialKind::Jwt, Some(verifier)) => self.judge_token(verifier, secret, now),
            (CredentialKind::Jwt, None) => Err(Reason::Internal.into()),
        }
    }

    /// Judges a token that came with no upgrade request.
    pub(crate) fn judge_bare(&self, rules: &Rules, token: Secret, now: Now) -> Result<Judged, Refusal> {
        match &rules.jwt {
            Some(verifier) => self.judge_token(verifier, token, now),
            None => Err(Reason::Internal.into()),
        }
    }

    /// Goes on with the host's answer. One that does not fit the question is a mistake of the host's,
    /// and no reason to let anybody in.
    pub(crate) fn answered(
        &self,
        rules: &Rules,
        question: Question,
        answer: Answer,
        now: Now,
    ) -> Result<Judged, Refusal> {
        match (question, answer) {
            (Question::Owner, Answer::Identity(identity)) => Ok(Judged::Identity(Arc::new(identity))),
            // By now the store may have forgotten that another server took it.
            (Question::Ticket(_, until), Answer::Unused) if now.unix >= until => {
                Err(Refusal::from(Reason::TokenExpired).because("expired"))
            }
            (Question::Ticket(identity, _), Answer::Unused) => Ok(Judged::Identity(Arc::new(*identity))),
            (Question::Token(token), Answer::Keys) => match &rules.jwt {
                Some(verifier) => self.judge_token(verifier, token, now),
                // The policy was changed meanwhile, and knows no tokens any more.
                None => Err(Reason::PolicyChanged.into()),
            },
            (Question::Ticket(..), Answer::Refused) => Err(Refusal::from(Reason::CredentialInvalid).because("used")),
            (_, Answer::Refused) => Err(Reason::CredentialInvalid.into()),
            (_, Answer::Unavailable) => Err(Reason::IdentityUnavailable.into()),
            _ => Err(Reason::Internal.into()),
        }
    }

    fn judge_ticket(&self, peer: &Peer, ticket: &Secret, now: Now) -> Result<Judged, Refusal> {
        let binding = Binding { path: &peer.path, origin: peer.origin.as_deref(), address: peer.address };
        let redeemed = self.0.credentials.tickets().redeem(ticket.expose(), &binding, now);
        match redeemed.map_err(|fault| Refusal::from(fault.reason()).because(fault.name()))? {
            Redeemed::Identity(identity) => Ok(Judged::Identity(Arc::new(identity))),
            Redeemed::Opened(ticket) => {
                let need = Need::Ticket { id: *ticket.id(), until: ticket.expires };
                Ok(Judged::Ask(need, Question::Ticket(Box::new(ticket.identity), ticket.expires)))
            }
        }
    }

    fn judge_token(&self, verifier: &JwtVerifier, token: Secret, now: Now) -> Result<Judged, Refusal> {
        let refused = |fault: JwtFault| Refusal::from(fault.reason()).because(fault.name());
        let shared = &self.0.credentials;
        let source = verifier.source();
        let keys = source.map(|source| shared.sources().keys(source, now.mono)).unwrap_or_default();
        let fault = match verifier.verify_published_cached(&keys, &shared.tokens, token.expose(), now.unix) {
            Ok(identity) => return Ok(Judged::Identity(identity)),
            Err(fault) => fault,
        };
        let (Some(source), JwtFault::NoKey | JwtFault::AlgMismatch | JwtFault::BadSignature) = (source, fault) else {
            return Err(refused(fault));
        };
        let header = verifier.unverified_header(token.expose()).map_err(refused)?;
        if fault == JwtFault::BadSignature {
            // The issuer may have another key under this id by now: its first token has the set fetched,
            // and is judged again. All others are refused at once: no crowd of forgeries waits.
            let asked = shared.sources().doubt(source, &header, now.mono);
            let need = || Judged::Ask(Need::Keys(source.url().into()), Question::Token(token));
            return if asked { Ok(need()) } else { Err(refused(fault)) };
        }
        match shared.sources().lookup(source, &header, now.mono) {
            Lookup::Fetch | Lookup::Wait => Ok(Judged::Ask(Need::Keys(source.url().into()), Question::Token(token))),
            Lookup::Unavailable => Err(Refusal::from(Reason::IdentityUnavailable).because("no_keys")),
            // Ready: the key is there, and not in force; or it has come in this very moment, and the
            // next try finds it.
            Lookup::Unknown | Lookup::Ready => Err(refused(fault)),
        }
    }
}

impl Refusal {
    /// Whether the credential is to blame, and its address to be charged: not when nobody could tell.
    pub(crate) fn is_a_failure(&self) -> bool {
        !matches!(
            self.reason(),
            Reason::IdentityUnavailable | Reason::Internal | Reason::Overloaded | Reason::PolicyChanged
        )
    }
}
