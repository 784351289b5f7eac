//! Prints the C header, made from the Rust source of the library and the core's tables; with `--symbols`, the names of
//! the functions it declares, one a line.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cbindgen::{Builder, Config, DocumentationStyle, EnumConfig, ExportConfig, Language, ParseConfig, Style};
use wswarden_core::{EventKind, Reason};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The tables of numbers that go over the border as plain integers, which no function's type names.
const NUMBERS: [&str; 15] = [
    "wsw_ability",
    "wsw_action",
    "wsw_answer",
    "wsw_dialect",
    "wsw_draft",
    "wsw_http_version",
    "wsw_identity_kind",
    "wsw_machinery",
    "wsw_need_kind",
    "wsw_pressure",
    "wsw_remote",
    "wsw_revocation_kind",
    "wsw_status",
    "wsw_value_kind",
    "wsw_verdict",
];
/// Constants that are nobody's business.
const INNER: [&str; 6] = ["BUSY", "CONDITION", "FREE", "LARGEST", "POISONED", "STEP"];

fn main() -> ExitCode {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let text = match header(&source) {
        Ok(header) if std::env::args().nth(1).as_deref() == Some("--symbols") => symbols(&header),
        Ok(header) => header,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn header(source: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let mut builder = Builder::new().with_config(config());
    // What tests alone have is no part of the API; the root would bring it in.
    let is_api = |file: &PathBuf| !["lib.rs", "testing.rs"].iter().any(|name| file.ends_with(name));
    let files = std::fs::read_dir(source)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let mut files: Vec<_> = files.into_iter().filter(|file| file.is_file()).filter(is_api).collect();
    files.sort();
    for file in files {
        builder = builder.with_src(file);
    }
    let mut text = Vec::new();
    builder.generate()?.write(&mut text);
    Ok(String::from_utf8(text)?)
}

fn config() -> Config {
    Config {
        language: Language::C,
        cpp_compat: true,
        include_guard: Some("WSWARDEN_H".into()),
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        header: Some(format!(
            "/* wswarden {VERSION}: the security layer for WebSocket servers.\n \
             * Made from the Rust source by `make generate`; README.md has the contract. */"
        )),
        after_includes: Some(tables()),
        style: Style::Both,
        usize_is_size_t: true,
        documentation_style: DocumentationStyle::Cxx,
        line_length: 120,
        tab_width: 4,
        parse: ParseConfig::default(),
        export: ExportConfig {
            include: NUMBERS.map(String::from).to_vec(),
            exclude: INNER.map(String::from).to_vec(),
            ..ExportConfig::default()
        },
        enumeration: EnumConfig::default(),
        ..Config::default()
    }
}

/// What comes from the core's tables, and the macros.
fn tables() -> String {
    let mut parts = VERSION.split('.').chain(std::iter::repeat("0"));
    let mut part = || parts.next().unwrap_or("0");
    let (major, minor, patch) = (part(), part(), part());
    let mut text = format!(
        r#"
/** The version of this header. */
#define WSW_VERSION_MAJOR {major}
/** The version of this header. */
#define WSW_VERSION_MINOR {minor}
/** The version of this header. */
#define WSW_VERSION_PATCH {patch}
/** The version of this header, as `wsw_version` tells the library's. */
#define WSW_VERSION "{VERSION}"

/** A wait or time that never ends. */
#define WSW_NEVER UINT64_MAX

/** What to do: a `wsw_verdict`. */
#define WSW_VERDICT(verdict) ((verdict) & 0xffu)
/** Why: a `wsw_reason`; 0 where nothing was refused. */
#define WSW_VERDICT_REASON(verdict) ((uint8_t)(((verdict) >> 8) & 0xffu))
/** The type of a message that is delivered, in the order of the policy's types. */
#define WSW_VERDICT_TYPE(verdict) (((verdict) >> 16) & 0x3fffu)
/** Whether there is something to record: see `wsw_registry_event`. */
#define WSW_VERDICT_HAS_EVENT(verdict) (((verdict) >> 30) & 1u)

/** A text message's opcode (RFC 6455 section 5.2). */
#define WSW_TEXT 1
/** A binary message's opcode. */
#define WSW_BINARY 2
/** A close frame's opcode. */
#define WSW_CLOSE_FRAME 8
/** A ping frame's opcode. */
#define WSW_PING_FRAME 9
/** A pong frame's opcode. */
#define WSW_PONG_FRAME 10

/** A string literal as a `wsw_str`. What is no literal does not compile: of a pointer, the length would be wrong. */
#ifdef __cplusplus
#define WSW_STR(literal) (wsw_str{{("" literal), sizeof("" literal) - 1}})
#else
#define WSW_STR(literal) ((wsw_str){{("" literal), sizeof("" literal) - 1}})
#endif

/** Why something was refused, dropped or closed. The numbers are pinned. */
enum wsw_reason {{
    /** No reason. */
    WSW_REASON_NONE = 0,
"#
    );
    for reason in Reason::ALL {
        let (name, number) = (reason.name().to_uppercase(), reason.number());
        let _ = writeln!(text, "    /** {} */\n    WSW_REASON_{name} = {number},", reason.sentence());
    }
    text.push_str("};\n\n/** What kind of thing happened. The numbers are pinned. */\nenum wsw_event_kind {\n");
    text.push_str("    /** Nothing. */\n    WSW_EVENT_NONE = 0,\n");
    for kind in EventKind::ALL {
        let (name, number) = (kind.name(), kind.number());
        let _ = writeln!(
            text,
            "    /** `{name}` in logs and metrics. */\n    WSW_EVENT_{} = {number},",
            name.to_uppercase()
        );
    }
    text.push_str("};");
    text
}

/// The names of the functions that a header declares.
fn symbols(header: &str) -> String {
    let mut names: Vec<&str> = header.lines().filter_map(declared).collect();
    names.sort_unstable();
    names.dedup();
    names.iter().flat_map(|name| [name, "\n"]).collect()
}

/// The function that a line declares, if it does: its name stands right before a parenthesis, at the line's start.
fn declared(line: &str) -> Option<&str> {
    let before = line.split_once('(')?.0;
    let name = before.rsplit([' ', '*']).next()?;
    let is_code = !line.starts_with([' ', '#', '*', '/']);
    (is_code && name.starts_with("wsw_")).then_some(name)
}
