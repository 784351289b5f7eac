//! Step 4: messages that must not be delivered.

use std::time::Duration;

use serde_json::Value;

use super::Attack;
use crate::frame::{BINARY, CONTINUATION, Frame, TEXT};
use crate::lab::Probe;
use crate::outcome::{Outcome, Tried};
use crate::peer::Peer;

/// So long a server may think about one message.
const PATIENCE: Duration = Duration::from_secs(5);

macro_rules! texts {
    ($($name:literal, $expect:literal, $about:literal, $make:expr;)+) => {
        &[$(Attack { name: $name, expect: $expect, about: $about, run: |p| text(p, $make) }),+]
    };
}

/// Texts made from the valid message, which is a JSON object.
pub(super) const ATTACKS: &[Attack] = texts! {
    "message.no-json", "reply|close 4400", "no JSON", |m| format!("hello {}", m.mark);
    "message.cut-json", "reply|close 4400", "JSON without its end", |m| m.valid.trim_end_matches('}').into();
    "message.empty", "reply|close 4400", "an empty message", |_| String::new();
    "message.trailing", "reply|close 4400", "something behind the JSON", |m| format!("{} x", m.valid);
    "message.two-values", "reply|close 4400", "two messages in one", |m| format!("{0}{0}", m.valid);
    "message.comment", "reply|close 4400", "JSON with a comment", |m| format!("/**/{}", m.valid);
    "message.trailing-comma", "reply|close 4400", "a trailing comma", |m| m.valid.replacen('}', ",}", 1);
    "message.single-quotes", "reply|close 4400", "JSON with single quotes", |m| m.valid.replace('"', "'");
    "message.byte-order-mark", "reply|close 4400", "a BOM before the JSON", |m| format!("\u{feff}{}", m.valid);
    "message.no-object", "reply|close 4400", "an array around the message", |m| format!("[{}]", m.valid);
    "message.string", "reply|close 4400", "the message inside a string", |m| Value::from(m.valid.as_str()).to_string();
    "message.null", "reply|close 4400", "null", |_| "null".into();
    "message.duplicate-key", "reply|close 4400", "the type twice, the last one good", |m| m.with(&format!(r#""{}":"x""#, m.discriminator));
    "message.duplicate-same", "reply|close 4400", "a member twice, both good", |m| m.with(&m.member());
    "message.duplicate-escaped", "reply|close 4400", "the same key in two spellings", |m| m.with(&format!(r#""{}":"x""#, m.escaped()));
    "message.proto", "reply|close 4400", "a member __proto__", |m| m.with(r#""__proto__":{"admin":true}"#);
    "message.proto-escaped", "reply|close 4400", "__proto__ in another spelling", |m| m.with(r#""\u005f_proto__":{"admin":true}"#);
    "message.constructor", "reply|close 4400", "a member constructor.prototype", |m| m.with(r#""constructor":{"prototype":{"admin":true}}"#);
    "message.deep-arrays", "reply|close 4400|close 1009", "100,000 nested arrays", |m| m.with(&nested("[", "]", m.max_bytes));
    "message.deep-objects", "reply|close 4400|close 1009", "nested objects", |m| m.with(&nested(r#"{"a":"#, "}", m.max_bytes));
    "message.deep-unclosed", "reply|close 4400|close 1009", "arrays that are never closed", |m| "[".repeat(m.max_bytes.min(100_000));
    "message.lone-surrogate", "reply|close 4400", "half a pair of surrogates", |m| m.valid.replacen(&m.mark, &format!("{}\\ud800", m.mark), 1);
    "message.swapped-surrogates", "reply|close 4400", "a pair the wrong way round", |m| m.valid.replacen(&m.mark, &format!("{}\\udc00\\ud800", m.mark), 1);
    "message.bad-escape", "reply|close 4400", "an escape that is none", |m| m.valid.replacen(&m.mark, &format!("{}\\x41", m.mark), 1);
    "message.raw-control", "reply|close 4400", "a line break inside a string", |m| m.valid.replacen(&m.mark, &format!("{}\n", m.mark), 1);
    "message.number-huge", "reply|close 4400", "1e400", |m| m.with(r#""number":1e400"#);
    "message.number-long", "reply|close 4400", "a number of a thousand digits", |m| m.with(&format!(r#""number":{}"#, "9".repeat(1000)));
    "message.number-nan", "reply|close 4400", "NaN", |m| m.with(r#""number":NaN"#);
    "message.many-members", "reply|close 4400|close 1009", "thousands of members", |m| {
        let members: Vec<String> = (0..m.max_bytes / 10).map(|n| format!(r#""k{n}":0"#)).collect();
        m.with(&members.join(","))
    };
    "message.unknown-type", "reply|close 4400", "a type nobody knows", |m| m.typed(r#""shutdown""#);
    "message.no-type", "reply|close 4400", "no type", |m| m.valid.replacen(&m.discriminator, "kind", 1);
    "message.type-number", "reply|close 4400", "a type that is a number", |m| m.typed("1");
    "message.type-inherited", "reply|close 4400", "a type that every JavaScript object has", |m| m.typed(r#""toString""#);
    "message.type-other-case", "reply|close 4400", "the type in capitals", |m| m.valid.replacen("chat", "CHAT", 1);
};

/// The ones that are not just another text.
pub(super) const BEYOND: &[Attack] = &[
    Attack {
        name: "message.unknown-member",
        expect: "reply|close 4400",
        about: "a member the schema does not know",
        run: |p| {
            if !p.target().message.closed {
                return Ok(Outcome::Skipped("the target takes unknown members".into()));
            }
            text(p, |m| m.with(r#""admin":true"#))
        },
    },
    Attack {
        name: "message.too-long-text",
        expect: "reply|close 4400|close 1009",
        about: "a text one character longer than the schema allows",
        run: |p| {
            let long = p.target().message.long.as_ref();
            let long = long.ok_or_else(|| Outcome::Skipped("no longest text described".into()))?;
            let material = Material::of(p);
            let Ok(mut message) = serde_json::from_str::<Value>(&material.valid) else {
                return Ok(Outcome::Broken("the valid message is no JSON".into()));
            };
            let pad = long.max.saturating_add(1).saturating_sub(material.mark.len());
            message[long.field.as_str()] = Value::from(format!("{}{}", material.mark, "x".repeat(pad)));
            judged(p, &material.mark, IfSilent::Dropped, |peer| peer.text(&message.to_string()))
        },
    },
    Attack {
        name: "message.samples",
        expect: "reply|close 4400",
        about: "each invalid message of the target's description",
        run: samples,
    },
    Attack {
        name: "message.binary",
        expect: "close 1003",
        about: "the valid message as bytes",
        run: |p| {
            let m = Material::of(p);
            judged(p, &m.mark, IfSilent::Taken, |peer| peer.send(&Frame::new(BINARY, m.valid.as_bytes()).bytes()))
        },
    },
    Attack {
        name: "message.one-byte-too-big",
        expect: "close 1009",
        about: "one byte more than the largest message",
        run: |p| {
            let m = Material::of(p);
            judged(p, &m.mark, IfSilent::Taken, |peer| peer.text(&m.padded(m.max_bytes + 1)))
        },
    },
    Attack {
        name: "message.one-mebibyte",
        expect: "close 1009",
        about: "a message of 1 MiB",
        run: |p| {
            let m = Material::of(p);
            judged(p, &m.mark, IfSilent::Taken, |peer| peer.text(&m.padded((1 << 20).max(m.max_bytes + 1))))
        },
    },
    Attack {
        name: "message.too-big-in-fragments",
        expect: "close 1009",
        about: "fragments that are small one by one",
        run: |p| {
            let m = Material::of(p);
            judged(p, &m.mark, IfSilent::Taken, |peer| {
                let text = m.padded(2 * m.max_bytes);
                let size = text.len().div_ceil(8);
                fragments(peer, text.as_bytes().chunks(size))
            })
        },
    },
    Attack {
        name: "message.many-fragments",
        expect: "close 1009",
        about: "thousands of fragments of one byte",
        run: |p| {
            let m = Material::of(p);
            judged(p, &m.mark, IfSilent::Taken, |peer| {
                fragments(peer, m.padded((2 * m.max_fragments).max(5000)).as_bytes().chunks(1))
            })
        },
    },
    Attack {
        name: "message.empty-fragments",
        expect: "close 1009",
        about: "thousands of fragments of no bytes, without end",
        run: |p| {
            judged(p, &p.mark(), IfSilent::Taken, |peer| {
                peer.send(&Frame::new(TEXT, b"").unfinished().bytes())?;
                peer.send(&Frame::new(CONTINUATION, b"").unfinished().bytes().repeat(10_000))
            })
        },
    },
];

/// What the attacks of this part are made from.
struct Material {
    mark: String,
    valid: String,
    discriminator: String,
    max_bytes: usize,
    max_fragments: usize,
}

impl Material {
    fn of(p: &Probe<'_>) -> Self {
        let mark = p.mark();
        let rules = &p.target().message;
        Self {
            valid: p.message(&mark),
            mark,
            discriminator: rules.discriminator.clone(),
            max_bytes: rules.max_bytes,
            max_fragments: rules.max_fragments,
        }
    }

    /// The valid message with another member before its own.
    fn with(&self, member: &str) -> String {
        self.valid.replacen('{', &format!("{{{member},"), 1)
    }

    /// The first member of the valid message, as text.
    fn member(&self) -> String {
        let value = serde_json::from_str::<Value>(&self.valid).ok();
        let text = value.and_then(|value| value.get(&self.discriminator).map(Value::to_string));
        format!(r#""{}":{}"#, self.discriminator, text.unwrap_or_default())
    }

    /// The valid message with this as its type.
    fn typed(&self, text: &str) -> String {
        let member = self.member();
        self.valid.replacen(&member, &format!(r#""{}":{text}"#, self.discriminator), 1)
    }

    /// The discriminator with its first letter escaped.
    fn escaped(&self) -> String {
        let mut letters = self.discriminator.chars();
        let first = letters.next().map_or_else(String::new, |letter| format!("\\u{:04x}", u32::from(letter)));
        format!("{first}{}", letters.as_str())
    }

    /// The valid message with white space behind it, so many bytes in all.
    fn padded(&self, bytes: usize) -> String {
        format!("{}{}", self.valid, " ".repeat(bytes.saturating_sub(self.valid.len())))
    }
}

/// A member `x` so deep as fits, at most 100,000 levels.
fn nested(open: &str, close: &str, max_bytes: usize) -> String {
    let levels = (max_bytes.saturating_sub(1024) / (open.len() + close.len())).min(100_000);
    format!(r#""x":{}0{}"#, open.repeat(levels), close.repeat(levels))
}

fn text(p: &Probe<'_>, make: fn(&Material) -> String) -> Tried {
    let material = Material::of(p);
    let text = make(&material);
    if text == material.valid {
        return Ok(Outcome::Skipped("does not apply to this message".into()));
    }
    let silent = if text.contains(&material.mark) { IfSilent::Dropped } else { IfSilent::Taken };
    judged(p, &material.mark, silent, |peer| peer.text(&text))
}

fn fragments<'a>(peer: &mut Peer, parts: impl Iterator<Item = &'a [u8]>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let mut opcode = TEXT;
    for part in parts {
        bytes.extend(Frame::new(opcode, part).unfinished().bytes());
        opcode = CONTINUATION;
    }
    bytes.extend(Frame::new(CONTINUATION, b"").bytes());
    peer.send(&bytes)
}

fn samples(p: &Probe<'_>) -> Tried {
    let mut last = Outcome::Skipped("no invalid messages described".into());
    for sample in &p.target().message.invalid {
        let mark = p.mark();
        last = judged(p, &mark, IfSilent::Dropped, |peer| peer.text(&sample.replace("$MARK", &mark)))?;
        if let Outcome::In(_) = last {
            return Ok(Outcome::In(sample.clone()));
        }
    }
    Ok(last)
}

/// What it means that nothing comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IfSilent {
    /// The mark was sent and did not come back: the message was dropped.
    Dropped,
    /// Whatever was sent, it had to be objected to.
    Taken,
}

/// What a good client's connection does with what is sent on it.
pub(super) fn judged(
    p: &Probe<'_>,
    mark: &str,
    silent: IfSilent,
    send: impl FnOnce(&mut Peer) -> std::io::Result<()>,
) -> Tried {
    let mut peer = p.open()?;
    // A server that has seen enough may close before all is sent; what it said can still be read.
    let _ = send(&mut peer);
    let rules = &p.target().message;
    let seen = peer.settle(mark, &rules.error, PATIENCE)?;
    Ok(match seen.end {
        _ if seen.delivered > 0 => Outcome::In("delivered".into()),
        Some(end) => end,
        None if seen.replies > 0 => Outcome::Reply,
        None if rules.echo && silent == IfSilent::Dropped => Outcome::Silence,
        None => Outcome::In("no objection".into()),
    })
}
