//! What an attack led to, what it should have led to, and how the two compare.

use std::fmt;

/// What was seen at the far end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It got in: the handshake was accepted, the message delivered, the limit passed.
    In(String),
    /// An HTTP answer other than 101.
    Status(u16),
    /// A close frame with this code; 1005 stands for one without a code.
    Close(u16),
    /// The connection ended without an HTTP answer or a close frame.
    Cut,
    /// An error reply; nothing was delivered and the connection is still open.
    Reply,
    /// Nothing was delivered and nothing was said.
    Silence,
    /// The defence held in a way that has no code of its own.
    Held(String),
    /// The attack could not be carried out: it proves nothing.
    Broken(String),
    /// The target's description lacks what this attack needs.
    Skipped(String),
}

/// Why an attack ended before it came to an outcome of its own.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The connection failed.
    Io(std::io::Error),
    /// The outcome is clear already.
    With(Outcome),
}

/// What an attack led to.
pub(crate) type Tried = Result<Outcome, Stop>;

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::With(outcome)
    }
}

impl Outcome {
    /// The outcome of an attack. That the server cut the connection is an answer; other errors are not.
    pub(crate) fn of(tried: Tried) -> Self {
        match tried {
            Ok(outcome) | Err(Stop::With(outcome)) => outcome,
            Err(Stop::Io(error)) if is_cut(&error) => Self::Cut,
            Err(Stop::Io(error)) => Self::Broken(error.to_string()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(how) => write!(f, "let in: {how}"),
            Self::Status(status) => write!(f, "refused {status}"),
            Self::Close(code) => write!(f, "closed {code}"),
            Self::Cut => f.write_str("cut"),
            Self::Reply => f.write_str("error reply"),
            Self::Silence => f.write_str("dropped"),
            Self::Held(how) => write!(f, "held: {how}"),
            Self::Broken(why) => write!(f, "could not attack: {why}"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

/// Whether the other side has ended the connection.
pub(crate) fn is_cut(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

/// The outcomes that are right, as text: `403`, `close 4400`, `cut`, `reply`, `silence`, `held`, `in`, joined by `|`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected(Vec<Right>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Right {
    In,
    Status(u16),
    Close(u16),
    Cut,
    Reply,
    Silence,
    Held,
}

impl Expected {
    /// Reads the text form.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        text.split('|').map(|one| Right::parse(one.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// How the outcome compares. With `any_code`, every refusal is as good as the one expected.
    pub(crate) fn judge(&self, outcome: &Outcome, any_code: bool) -> Grade {
        if let Outcome::Skipped(_) = outcome {
            return Grade::Skipped;
        }
        if self.0.iter().any(|right| right.matches(outcome)) {
            return Grade::Right;
        }
        match outcome {
            Outcome::In(_) => Grade::LetIn,
            Outcome::Broken(_) => Grade::Broken,
            // A control that is refused is a fault whatever the code.
            _ if self.0 == [Right::In] => Grade::OtherCode,
            _ if any_code => Grade::Right,
            _ => Grade::OtherCode,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, right) in self.0.iter().enumerate() {
            let bar = if index == 0 { "" } else { "|" };
            match right {
                Right::In => write!(f, "{bar}in")?,
                Right::Status(status) => write!(f, "{bar}{status}")?,
                Right::Close(code) => write!(f, "{bar}close {code}")?,
                Right::Cut => write!(f, "{bar}cut")?,
                Right::Reply => write!(f, "{bar}reply")?,
                Right::Silence => write!(f, "{bar}silence")?,
                Right::Held => write!(f, "{bar}held")?,
            }
        }
        Ok(())
    }
}

impl Right {
    fn parse(text: &str) -> Result<Self, String> {
        let unknown =
            || format!("expected outcome {text:?} is none of: 403, close 4400, cut, reply, silence, held, in");
        Ok(match text {
            "in" => Self::In,
            "cut" => Self::Cut,
            "reply" => Self::Reply,
            "silence" => Self::Silence,
            "held" => Self::Held,
            _ => match text.strip_prefix("close ") {
                Some(code) => Self::Close(code.parse().map_err(|_| unknown())?),
                None => Self::Status(text.parse().map_err(|_| unknown())?),
            },
        })
    }

    fn matches(&self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Status(right), Outcome::Status(seen)) | (Self::Close(right), Outcome::Close(seen)) => right == seen,
            (Self::In, Outcome::In(_))
            | (Self::Cut, Outcome::Cut)
            | (Self::Reply, Outcome::Reply)
            | (Self::Silence, Outcome::Silence)
            | (Self::Held, Outcome::Held(_)) => true,
            _ => false,
        }
    }
}

/// How an outcome compares with what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
    /// As the table says.
    Right,
    /// The attack worked.
    LetIn,
    /// Refused, but not with the code of the table.
    OtherCode,
    /// The attack could not be carried out.
    Broken,
    /// The attack does not apply to this target.
    Skipped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_read_and_written_alike() {
        for text in ["403", "close 4400|cut", "in", "reply|silence|held"] {
            assert_eq!(Expected::parse(text).unwrap().to_string(), text);
        }
        assert!(Expected::parse("no").is_err());
        assert!(Expected::parse("close").is_err());
        assert!(Expected::parse("").is_err());
    }

    #[test]
    fn getting_in_is_never_right_unless_it_is_a_control() {
        let refused = Expected::parse("403|cut").unwrap();
        assert_eq!(refused.judge(&Outcome::In("101".into()), true), Grade::LetIn);
        assert_eq!(refused.judge(&Outcome::Status(403), false), Grade::Right);
        assert_eq!(refused.judge(&Outcome::Status(400), false), Grade::OtherCode);
        assert_eq!(refused.judge(&Outcome::Status(400), true), Grade::Right);
        assert_eq!(refused.judge(&Outcome::Broken("no server".into()), true), Grade::Broken);

        let control = Expected::parse("in").unwrap();
        assert_eq!(control.judge(&Outcome::In("101".into()), false), Grade::Right);
        assert_eq!(control.judge(&Outcome::Status(403), true), Grade::OtherCode);
    }
}
