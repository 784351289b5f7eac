//! A message judged from its bytes: beside what users would otherwise use.
//!
//! `cargo bench --bench validation -- --ratios` measures all in turn, round by round, and prints the ratios of
//! the medians: the figures to quote from a noisy machine. Without it, criterion measures each alone.
#![expect(clippy::print_stdout, reason = "a report")]

mod corpus;

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use criterion::Criterion;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use wswarden_core::message::schema::{Schema, SchemaOptions};
use wswarden_core::message::{Scratch, Tape};

type Judge = Box<dyn FnMut(&[u8]) -> bool>;

fn ours(schema: &Value) -> Judge {
    let schema = Schema::compile(schema, &SchemaOptions::default()).expect("a schema");
    let mut scratch = Box::new(Scratch::new());
    Box::new(move |bytes| schema.is_valid(bytes, &mut scratch).is_ok())
}

fn ours_with_tape(schema: &Value) -> Judge {
    let schema = Schema::compile(schema, &SchemaOptions::default()).expect("a schema");
    let (mut scratch, mut tape) = (Box::new(Scratch::new()), Tape::new());
    Box::new(move |bytes| schema.read(bytes, &mut tape, &mut scratch).is_ok())
}

fn tree(schema: &Value) -> Judge {
    let validator = jsonschema::options().should_validate_formats(true).build(schema).expect("a schema");
    Box::new(move |bytes| serde_json::from_slice::<Value>(bytes).is_ok_and(|value| validator.is_valid(&value)))
}

fn lex() -> Judge {
    Box::new(|bytes| serde_json::from_slice::<IgnoredAny>(bytes).is_ok())
}

fn typed(rich: bool) -> Judge {
    if rich {
        Box::new(|bytes| serde_json::from_slice::<typed::Rich>(bytes).is_ok_and(|message| message.holds()))
    } else {
        Box::new(|bytes| serde_json::from_slice::<typed::Chat<'_>>(bytes).is_ok_and(|message| message.holds()))
    }
}

/// What people write by hand: types, and a check after.
mod typed {
    use super::{Deserialize, HashMap};
    use std::borrow::Cow;

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Chat,
        Typing,
        Ping,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub(crate) struct Chat<'a> {
        #[serde(rename = "type")]
        kind: Kind,
        #[serde(borrow)]
        content: Option<Cow<'a, str>>,
        #[serde(borrow)]
        channel_id: Option<Cow<'a, str>>,
    }

    impl Chat<'_> {
        pub(crate) fn holds(&self) -> bool {
            matches!(self.kind, Kind::Chat | Kind::Typing | Kind::Ping)
                && self.content.as_ref().is_none_or(|text| text.len() <= 5000 || text.chars().count() <= 5000)
                && self.channel_id.as_ref().is_none_or(|text| is_uuid(text))
        }
    }

    fn is_uuid(text: &str) -> bool {
        text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Meta {
        client: String,
        ts: u64,
        locale: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Attachment {
        url: String,
        mime: String,
        size: u64,
        name: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "lowercase")]
    #[expect(clippy::large_enum_variant, reason = "as a user would write it")]
    pub(crate) enum Rich {
        Ping {
            ts: Option<u64>,
        },
        #[serde(rename_all = "camelCase")]
        Chat {
            id: String,
            channel_id: String,
            content: String,
            mentions: Option<Vec<String>>,
            attachments: Option<Vec<Attachment>>,
            reply_to: Option<String>,
            meta: Meta,
            #[serde(flatten)]
            rest: HashMap<String, serde::de::IgnoredAny>,
        },
    }

    impl Rich {
        pub(crate) fn holds(&self) -> bool {
            match self {
                Self::Ping { ts } => ts.is_none_or(|ts| ts < u64::MAX),
                Self::Chat { id, channel_id, content, mentions, attachments, reply_to, meta, rest } => {
                    let within = |text: &str, most: usize| text.len() <= most || text.chars().count() <= most;
                    rest.is_empty()
                        && is_uuid(id)
                        && is_uuid(channel_id)
                        && !content.is_empty()
                        && within(content, 5000)
                        && reply_to.as_ref().is_none_or(|id| is_uuid(id))
                        && mentions.as_ref().is_none_or(|ids| ids.len() <= 50 && ids.iter().all(|id| is_uuid(id)))
                        && attachments.as_ref().is_none_or(|list| {
                            list.len() <= 10
                                && list.iter().all(|one| {
                                    within(&one.url, 2048)
                                        && within(&one.mime, 127)
                                        && one.size <= 1_000_000_000
                                        && one.name.as_ref().is_none_or(|name| within(name, 255))
                                })
                        })
                        && ["web", "ios", "android", "desktop"].contains(&meta.client.as_str())
                        && meta.ts < u64::MAX
                        && meta.locale.as_ref().is_none_or(|locale| within(locale, 16))
                }
            }
        }
    }
}

fn peers(schema: &Value, rich: bool) -> Vec<(&'static str, Judge)> {
    vec![
        ("wswarden", ours(schema)),
        ("wswarden, with tape", ours_with_tape(schema)),
        ("serde_json + jsonschema", tree(schema)),
        ("serde_json typed + checks", typed(rich)),
        ("serde_json IgnoredAny", lex()),
    ]
}

/// What each peer took for one message, in nanoseconds: the median of all rounds and the quartiles around it.
struct Measured {
    message: &'static str,
    length: usize,
    times: Vec<(&'static str, [f64; 3])>,
}

/// All in turn, round by round: what disturbs one round disturbs all of it.
fn measure() -> impl Iterator<Item = Measured> {
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(41);
    corpus::messages().into_iter().map(move |(message, bytes)| {
        let rich = message.starts_with('R');
        let schema = if rich { corpus::rich() } else { corpus::seed() };
        let mut peers = peers(&schema, rich);
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); peers.len()];
        for _ in 0..rounds {
            for ((_, judge), times) in peers.iter_mut().zip(&mut times) {
                let hostile = bytes.len() > 100_000;
                let turns = if hostile { 1 } else { 20_000 / (1 + bytes.len() / 100) };
                black_box(judge(black_box(&bytes)));
                let start = Instant::now();
                for _ in 0..turns {
                    black_box(judge(black_box(&bytes)));
                }
                times.push(start.elapsed().as_nanos() as f64 / turns as f64);
            }
        }
        let quartiles = times.iter_mut().map(|times| {
            times.sort_by(f64::total_cmp);
            [2, 1, 3].map(|quarter| times[(times.len() - 1) * quarter / 4])
        });
        let times = peers.iter().map(|(peer, _)| *peer).zip(quartiles).collect();
        Measured { message, length: bytes.len(), times }
    })
}

fn print_ratios() {
    println!("{:4}{:>10}  ours ns, then peer / ours: tape, jsonschema, typed, lex", "", "bytes");
    for Measured { message, length, times } in measure() {
        let [ours, ..] = times[0].1;
        let ratios: Vec<String> = times.iter().skip(1).map(|(_, [peer, ..])| format!("{:8.2}", peer / ours)).collect();
        println!("{message:4}{length:10}  {ours:10.1}  {}", ratios.join(" "));
    }
}

/// As `benches/report.py` reads it.
fn print_data() {
    for Measured { message, times, .. } in measure() {
        for (peer, [median, low, high]) in times {
            println!("messages\t{message}\t{peer}\t{median:.2}\t{low:.2}\t{high:.2}\tns");
        }
    }
}

/// One message, so many times: for `valgrind --tool=callgrind`. A worst case is named `name@size`.
fn count(name: &str, turns: usize) {
    if let Some((name, size)) = name.split_once('@') {
        let (schema, bytes) = corpus::worst::case(name, size.parse().expect("a size")).expect("a case's name");
        let mut options = SchemaOptions::default();
        (options.limits.max_digits, options.limits.max_depth) = (65_536, 128);
        let schema = Schema::compile(&schema, &options).expect("a schema");
        let mut scratch = Box::new(Scratch::new());
        for _ in 0..turns {
            black_box(schema.is_valid(black_box(&bytes), &mut scratch)).ok();
        }
        return;
    }
    let rich = name.starts_with('R');
    let mut judge = ours(&if rich { corpus::rich() } else { corpus::seed() });
    let bytes = corpus::messages().into_iter().find(|(known, _)| *known == name).expect("a message's name").1;
    for _ in 0..turns {
        black_box(judge(black_box(&bytes)));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let modes = ["--count", "--ratios", "--data", "--write", "--cases"];
    match arguments.iter().position(|argument| modes.contains(&argument.as_str())) {
        Some(at) if arguments[at] == "--cases" => println!("{}", corpus::worst::NAMES.join("\n")),
        Some(at) if arguments[at] == "--count" => count(&arguments[at + 1], arguments[at + 2].parse().expect("turns")),
        Some(at) if arguments[at] == "--write" => {
            for (name, bytes) in corpus::messages() {
                std::fs::write(format!("{}/{name}.json", arguments[at + 1]), bytes).expect("a folder");
            }
        }
        Some(at) if arguments[at] == "--data" => print_data(),
        Some(_) => print_ratios(),
        None => {
            let mut criterion = Criterion::default().configure_from_args();
            for (name, bytes) in corpus::messages() {
                let rich = name.starts_with('R');
                let mut group = criterion.benchmark_group(name);
                for (peer, mut judge) in peers(&if rich { corpus::rich() } else { corpus::seed() }, rich) {
                    group.bench_function(peer, |bencher| bencher.iter(|| judge(black_box(&bytes))));
                }
                group.finish();
            }
            criterion.final_summary();
        }
    }
}
