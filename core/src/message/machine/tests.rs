//! Every kind of lanes answers as plain code does, whatever the bytes.

use proptest::prelude::*;

use super::lanes::{Baseline, Lanes, Level, Scalar};
#[cfg(target_arch = "x86_64")]
use super::simd::Avx2;
use super::{ANY_NODE, Program, Tail, Text, Unescaped, format, judge};
use crate::message::fault::Fault;
use crate::message::json::Limits;
use crate::message::schema::{Schema, SchemaOptions, compile_into};
use crate::message::scratch::Scratch;
use crate::message::tape::{Entry, Tape};

/// The bytes at which the masks may go wrong.
fn bytes(length: usize) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        any::<u8>(),
        Just(b'"'),
        Just(b'\\'),
        Just(0x1f),
        Just(0x20),
        Just(0x7f),
        Just(0x80),
        Just(0xbf),
        Just(0xc0),
        Just(0xff),
        Just(b'a'),
        Just(b'F'),
        Just(b'g'),
        Just(b'9'),
        Just(b'-'),
    ];
    proptest::collection::vec(byte, length)
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("a"),
        Just("bc def"),
        Just("\""),
        Just("\\"),
        Just("\\u00e9"),
        Just("\\ud83d\\ude80"),
        Just("\\ud83d"),
        Just("é"),
        Just("🚀"),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just(" "),
        Just("12"),
        Just("-1.5e3"),
        Just("true"),
        Just("null"),
        Just("\"key\":"),
        Just("\"name\":"),
        Just("\"a long string that takes more than one block of bytes\""),
        Just("\u{1}"),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn run(program: &Program, root: u32, level: Level, bytes: &[u8]) -> (Result<u32, Fault>, Vec<Entry>) {
    let mut tape = Tape::new();
    let judged = judge(program, root, &Limits::default(), level, bytes, &mut Scratch::new(), &mut tape);
    (judged, tape.entries().to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn blocks_are_seen_as_plain_code_sees_them(bytes in bytes(32)) {
        let halves = [0, 16].map(|at| Scalar::load(&bytes, at).expect("a block"));
        let expected = |mask: fn([u8; 16]) -> u32| mask(halves[0]) | mask(halves[1]) << 16;
        for at in [0, 16] {
            let (block, plain) = (Baseline::load(&bytes, at).expect("a block"), halves[at / 16]);
            prop_assert_eq!(Baseline::special(block), Scalar::special(plain));
            prop_assert_eq!(Baseline::high(block), Scalar::high(plain));
            prop_assert_eq!(Baseline::continuations(block), Scalar::continuations(plain));
            prop_assert_eq!(Baseline::hex_digits(block), Scalar::hex_digits(plain));
            prop_assert_eq!(Baseline::hyphens(block), Scalar::hyphens(plain));
        }
        #[cfg(target_arch = "x86_64")]
        if Level::widest() != Level::Baseline {
            let block = Avx2::load(&bytes, 0).expect("a block");
            prop_assert_eq!(Avx2::special(block), expected(Scalar::special));
            prop_assert_eq!(Avx2::high(block), expected(Scalar::high));
            prop_assert_eq!(Avx2::continuations(block), expected(Scalar::continuations));
            prop_assert_eq!(Avx2::hex_digits(block), expected(Scalar::hex_digits));
            prop_assert_eq!(Avx2::hyphens(block), expected(Scalar::hyphens));
        }
        prop_assert!(Baseline::load(&bytes, 17).is_none());
    }

    #[test]
    fn near_its_end_a_message_reads_as_if_zeros_followed(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut tail = Tail::EMPTY;
        tail.fill(&bytes);
        let text = Text::new(&bytes, &tail);
        let padded = [&bytes[..], &[0; 64]].concat();
        for at in 0..=bytes.len() {
            prop_assert_eq!(&text.wide(at).to_le_bytes()[..], &padded[at..at + 16]);
            if at + Tail::WIDTH > bytes.len() {
                prop_assert_eq!(&text.last(at)[..], &padded[at..at + Tail::WIDTH]);
            }
        }
        prop_assert_eq!(text.wide(bytes.len() + 9), 0);
    }

    #[test]
    fn a_number_has_the_value_that_the_standard_library_reads(number in "-?(0|[1-9][0-9]{0,20})([ ,.e:;/a][0-9]?)?") {
        let mut tail = Tail::EMPTY;
        tail.fill(number.as_bytes());
        let end = number.find(|letter: char| !letter.is_ascii_digit() && letter != '-').unwrap_or(number.len());
        let digits = end - usize::from(number.starts_with('-'));
        if let Ok(read) = Text::new(number.as_bytes(), &tail).number(0, 64)
            && let Some(value) = read.small
        {
            prop_assert_eq!((read.end, value), (end, number[..end].parse().expect("an integer")));
        } else {
            prop_assert!(digits > 18 || number[end..].starts_with(['.', 'e']), "{}", number);
        }
    }

    #[test]
    fn a_uuid_is_known_by_every_kind_of_lanes(
        mut uuid in "[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
        at in 0_usize..36, with in prop_oneof![Just('-'), Just('g'), Just('0'), Just('F'), Just('@'), Just('`'), any::<char>()], end in prop_oneof![4 => Just('"'), 1 => Just('0')],
    ) {
        uuid.replace_range(at..=at, &with.to_string());
        let quoted = format!("{uuid}{end}");
        let mut tail = Tail::EMPTY;
        tail.fill(quoted.as_bytes());
        let text = Text::new(quoted.as_bytes(), &tail);
        let plain = format::Format::Uuid.holds(uuid.as_bytes(), false) && end == '"';
        prop_assert_eq!(format::uuid_at::<Scalar>(text, 0).is_some(), plain);
        prop_assert_eq!(format::uuid_at::<Baseline>(text, 0).is_some(), plain);
        #[cfg(target_arch = "x86_64")]
        if Level::widest() != Level::Baseline {
            prop_assert_eq!(format::uuid_at::<Avx2>(text, 0).is_some(), plain);
        }
    }

    #[test]
    fn all_levels_give_one_verdict_and_one_tape(text in text(), pad in 0_usize..70, cut in 0_usize..400) {
        let schema = serde_json::json!({"properties": {"name": {"maxLength": 40}, "key": {"enum": ["a", "bc def"]}}, "minProperties": 1});
        let mut program = Program::new();
        let root = compile_into(&mut program, &schema, &SchemaOptions::default()).expect("a schema").node;
        let whole = format!("{}{{\"key\":\"a\",\"name\":\"{text}\"}}", " ".repeat(pad));
        for bytes in [whole.as_bytes(), text.as_bytes(), whole.as_bytes().get(..cut).unwrap_or_default()] {
            for node in [ANY_NODE, root] {
                let plain = run(&program, node, Level::Scalar, bytes);
                prop_assert_eq!(&run(&program, node, Level::Baseline, bytes), &plain);
                prop_assert_eq!(&run(&program, node, Level::widest(), bytes), &plain);
            }
        }
    }

    #[test]
    fn whatever_is_accepted_serde_json_reads_too(text in text()) {
        let schema = Schema::compile(&serde_json::json!(true), &SchemaOptions::default()).expect("a schema");
        if schema.is_valid(text.as_bytes(), &mut Scratch::new()).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }
}

#[test]
fn a_string_is_unescaped_at_once_as_byte_by_byte() {
    for raw in ["", "plain", r"\n", r"a\u00e9b\ud83d\ude00c\\", r#"\"\/\b\f\n\r\t\u0001"#, r"\u4e2d\u6587end"] {
        let bytes: Vec<u8> = Unescaped::new(raw.as_bytes()).collect();
        assert_eq!(Unescaped::new(raw.as_bytes()).into_bytes(), bytes, "{raw}");
    }
    assert_eq!(Unescaped::new(r"a\ud83d\ude00\n".as_bytes()).into_bytes(), "a\u{1f600}\n".as_bytes());
}
