//! The messages and schemas of the benchmark, made by one recipe so that figures can be compared.

pub(crate) mod worst;

use serde_json::{Value, json};

/// The Mersenne twister (MT19937), because the recipe draws its words with it.
struct Twister {
    state: [u32; 624],
    at: usize,
}

impl Twister {
    /// Seeded as by an array of one word.
    fn new(seed: u32) -> Self {
        let mut state = [0_u32; 624];
        state[0] = 19_650_218;
        for i in 1..624 {
            state[i] = 1_812_433_253_u32.wrapping_mul(state[i - 1] ^ (state[i - 1] >> 30)).wrapping_add(i as u32);
        }
        let mut i = 1;
        for _ in 0..624 {
            state[i] = (state[i] ^ (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(1_664_525)).wrapping_add(seed);
            i += 1;
            if i == 624 {
                state[0] = state[623];
                i = 1;
            }
        }
        for _ in 0..623 {
            state[i] =
                (state[i] ^ (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i == 624 {
                state[0] = state[623];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        Self { state, at: 624 }
    }

    fn next(&mut self) -> u32 {
        if self.at == 624 {
            for k in 0..624 {
                let y = (self.state[k] & 0x8000_0000) | (self.state[(k + 1) % 624] & 0x7fff_ffff);
                self.state[k] = self.state[(k + 397) % 624] ^ (y >> 1) ^ if y & 1 == 1 { 0x9908_b0df } else { 0 };
            }
            self.at = 0;
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn below(&mut self, n: u32) -> usize {
        let bits = 32 - n.leading_zeros();
        loop {
            let draw = self.next() >> (32 - bits);
            if draw < n {
                return draw as usize;
            }
        }
    }
}

const U: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const U2: &str = "9b2d7c1e-58aa-4c3f-8e21-7d0a4b6c9f10";

fn text(twister: &mut Twister, n: usize, plain: bool) -> String {
    let words: Vec<&str> =
        "the deploy went fine can somebody look at dashboards again before we ship this build to customers"
            .split(' ')
            .collect();
    let mut s = String::new();
    let mut i = 0;
    while s.chars().count() < n {
        i += 1;
        s.push_str(words[twister.below(words.len() as u32)]);
        s.push(' ');
        if !plain {
            for (every, more) in [(14, "\n"), (23, "\"quoted\" "), (17, "café naïve "), (41, "日本語 "), (53, "🚀 ")]
            {
                if i % every == 0 {
                    s.push_str(more);
                }
            }
        }
    }
    s.chars().take(n).collect()
}

fn chat(kind: &str, content: &str, channel: &str, more: &str) -> Vec<u8> {
    format!(r#"{{"type":"{kind}","content":{},"channelId":"{channel}"{more}}}"#, json!(content)).into_bytes()
}

/// Every message of the corpus by its name.
pub(crate) fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let m = "Hey team, the deploy went fine, can somebody look at dashboards?";
    let mut twister = Twister::new(7);
    let (l, la) = (text(&mut twister, 4900, false), text(&mut twister, 4900, true));
    let n = 1_usize << 20;
    let depth = (n - 40) / 2;
    let mut keys = String::new();
    let (mut length, mut i) = (0, 0);
    while length < n - 40 {
        let one = format!("\"k{i}\":{i}");
        length += one.len() + 1;
        keys.push_str(if i == 0 { "" } else { "," });
        keys.push_str(&one);
        i += 1;
    }
    let rich = |size: &str| {
        format!(
            concat!(
                r#"{{"type":"chat","id":"{U2}","channelId":"{U}","#,
                r#""content":"Release 4.2 is out; please check the attached report and reply here.","#,
                r#""mentions":["{U2}","{U}","7d444840-9dc0-11d1-b245-5ffdce74fad2"],"#,
                r#""attachments":[{{"url":"https://cdn.example.com/f/9b2d7c1e/report.pdf","mime":"application/pdf","size":183422,"name":"report.pdf"}},"#,
                r#"{{"url":"https://cdn.example.com/f/77ab0012/shot.png","mime":"image/png","size":{size}}}],"#,
                r#""meta":{{"client":"web","ts":1732358400123,"locale":"en-GB"}}}}"#
            ),
            U = U,
            U2 = U2,
            size = size
        )
        .into_bytes()
    };
    let hostile = |inside: String| format!("{{\"type\":\"chat\",{inside}}}").into_bytes();
    vec![
        ("S", br#"{"type":"ping"}"#.to_vec()),
        ("M", chat("chat", m, U, "")),
        ("L", chat("chat", &l, U, "")),
        ("LA", chat("chat", &la, U, "")),
        ("I1", chat("chat", m, "3f2504e0-4f89-41d3-9a0c-0305e82c33zz", "")),
        ("I2", chat("chaT", m, U, "")),
        ("I3", chat("chat", &"x".repeat(5001), U, "")),
        ("I4", chat("chat", m, U, ",\"extra\":1")),
        ("R", rich("90211")),
        ("RI", rich("-1")),
        ("X1", hostile(format!("\"content\":{}{}", "[".repeat(depth), "]".repeat(depth)))),
        ("X2", hostile(format!("\"content\":\"{}\"", "a".repeat(n - 30)))),
        ("X3", hostile(format!("\"content\":[{}]", vec!["0"; n / 2 - 20].join(",")))),
        ("X4", hostile(keys)),
        ("X5", hostile(format!("\"content\":\"{}\"", "\\u00e9".repeat(n / 6 - 6)))),
    ]
}

/// The schema of the messages but R and RI.
pub(crate) fn seed() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
        "properties": {
            "type": {"enum": ["chat", "typing", "ping"]},
            "content": {"type": "string", "maxLength": 5000},
            "channelId": {"type": "string", "format": "uuid"}
        },
        "required": ["type"], "additionalProperties": false
    })
}

/// The schema of R and RI: a union of eight.
pub(crate) fn rich() -> Value {
    let uuid = || json!({"type": "string", "format": "uuid"});
    let s = |most: u32| json!({"type": "string", "maxLength": most});
    let some = |most: u32| json!({"type": "string", "maxLength": most, "minLength": 1});
    let natural = || json!({"type": "integer", "minimum": 0});
    let object = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    let meta = || {
        let client = json!({"enum": ["web", "ios", "android", "desktop"]});
        object(json!({"client": client, "ts": natural(), "locale": s(16)}), json!(["client", "ts"]))
    };
    let size = json!({"type": "integer", "minimum": 0, "maximum": 1_000_000_000});
    let attachment =
        object(json!({"url": s(2048), "mime": s(127), "size": size, "name": s(255)}), json!(["url", "mime", "size"]));
    let message = |kind: &str, mut properties: Value, required: &[&str]| {
        properties["type"] = json!({"const": kind});
        object(properties, json!([&["type"], required].concat()))
    };
    let screen = json!({"type": "array", "items": natural(), "minItems": 2, "maxItems": 2});
    let device = object(json!({"os": s(32), "version": s(32), "screen": screen}), json!(["os"]));
    let filters = json!({"type": "array", "items": {"enum": ["mentions", "all", "threads"]}});
    let channel = object(json!({"id": uuid(), "since": natural(), "filters": filters}), json!(["id"]));
    let status = json!({"enum": ["online", "away", "busy", "offline"]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["type"],
        "discriminator": {"propertyName": "type"},
        "oneOf": [
            message("ping", json!({"ts": natural()}), &[]),
            message("typing", json!({"channelId": uuid(), "isTyping": {"type": "boolean"}}), &["channelId", "isTyping"]),
            message("delete", json!({"messageId": uuid(), "channelId": uuid()}), &["messageId"]),
            message("reaction", json!({"messageId": uuid(), "emoji": some(32), "op": {"enum": ["add", "remove"]}}), &["messageId", "emoji", "op"]),
            message("chat", json!({
                "id": uuid(), "channelId": uuid(), "content": some(5000),
                "mentions": {"type": "array", "items": uuid(), "maxItems": 50},
                "attachments": {"type": "array", "items": attachment, "maxItems": 10},
                "replyTo": uuid(), "meta": meta()
            }), &["id", "channelId", "content", "meta"]),
            message("edit", json!({"messageId": uuid(), "content": some(5000), "meta": meta()}), &["messageId", "content", "meta"]),
            message("presence", json!({"status": status, "device": device}), &["status"]),
            message("subscribe", json!({"channels": {"type": "array", "maxItems": 100, "items": channel}}), &["channels"]),
        ]
    })
}
