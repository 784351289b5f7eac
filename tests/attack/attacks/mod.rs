//! The attacks, by the part of the guide they try.

mod control;
mod credential;
mod forgery;
mod framing;
mod lifecycle;
mod message;
mod origin;
mod rate;
mod transport;
mod upgrade;

use crate::lab::Probe;
use crate::outcome::Tried;

/// One attack.
#[derive(Clone, Copy)]
pub(crate) struct Attack {
    /// `part.what`.
    pub(crate) name: &'static str,
    /// The right outcomes, as [`Expected`](crate::outcome::Expected) reads them: those of wswarden's `app` dialect.
    pub(crate) expect: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
    /// Does it.
    pub(crate) run: fn(&Probe<'_>) -> Tried,
}

/// Every attack, controls first and last: an attack proves nothing where good clients are refused too.
pub(crate) fn all() -> Vec<Attack> {
    [
        control::ATTACKS,
        transport::ATTACKS,
        credential::ATTACKS,
        forgery::ATTACKS,
        forgery::BEYOND,
        origin::ATTACKS,
        origin::BEYOND,
        upgrade::ATTACKS,
        upgrade::BYTES,
        upgrade::BEYOND,
        message::ATTACKS,
        message::BEYOND,
        framing::ATTACKS,
        rate::ATTACKS,
        lifecycle::ATTACKS,
        control::AFTERWARDS,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Expected;

    #[test]
    fn names_are_told_apart_and_expectations_can_be_read() {
        let all = all();
        for (index, attack) in all.iter().enumerate() {
            assert!(Expected::parse(attack.expect).is_ok(), "{}", attack.name);
            assert!(attack.name.contains('.') && !attack.about.is_empty(), "{}", attack.name);
            assert!(all[..index].iter().all(|other| other.name != attack.name), "{}", attack.name);
        }
    }
}
