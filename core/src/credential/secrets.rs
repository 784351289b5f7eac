//! Which shared secrets are no secrets (RFC 7518 section 3.2; threats 33, 37, 38).

/// Words that examples, tutorials and defaults are made of. A secret of nothing but these is in
/// every cracker's list, however long it is.
const WORDS: &str = "\
    a abc access admin an and api app at auth authentication backend bar baz be bit bits bytes change changeit \
    changeme changethis char character characters chars code complex default demo dev development do dont dummy \
    enough env example fake fallback fixme foo for generate generated hard hello here hmac hs in insecure insert \
    is it json jwt keep key least length local long longer me min minimum must my mysecret need needs new no not \
    of on one only or our pass passphrase passwd password phrase placeholder please private prod production \
    project put qwerty random real really refresh replace safe sample secret secretkey secrets secure security \
    server session set sha should sign signature signing so some something store string strong super supersecret \
    symmetric temp test testing text than that the this to todo token top topsecret update use used user value \
    very web with world xxx you your";

/// Letters people write as digits, so that "s3cr3t" reads as "secret".
const LEET: &[(u8, u8)] =
    &[(b'0', b'o'), (b'1', b'i'), (b'3', b'e'), (b'4', b'a'), (b'5', b's'), (b'7', b't'), (b'@', b'a'), (b'$', b's')];

/// Why these bytes cannot sign, if they cannot.
///
/// `hash_len` is the length of the hash's output in bytes, the least that a key may have.
pub(super) fn weakness(secret: &[u8], hash_len: usize) -> Option<String> {
    if looks_public(secret) {
        return Some("is a public or private key, not a shared secret: whoever has the public key could sign".into());
    }
    if secret.len() < hash_len {
        let have = secret.len();
        return Some(format!("has {have} bytes, at least {hash_len} are needed (RFC 7518 section 3.2)"));
    }
    if is_patterned(secret) || is_phrase(secret) {
        return Some("is well known or easily guessed; make one with `openssl rand -base64 64`".into());
    }
    None
}

/// Whether the bytes are an asymmetric key in any of its usual wrappings. Used as a secret, such a
/// key is known to everyone (CVE-2016-10555, CVE-2022-29217).
fn looks_public(secret: &[u8]) -> bool {
    let has = |needle: &[u8]| memchr::memmem::find(secret, needle).is_some();
    let json_key = || {
        let value: Option<serde_json::Value> = serde_json::from_slice(secret).ok();
        value.is_some_and(|value| value.get("kty").is_some() || value.get("keys").is_some())
    };
    // The object identifiers of RSA, EC and Ed25519 keys and of the named curves, in DER.
    let der = secret.first() == Some(&0x30)
        && (has(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01")
            || has(b"\x2a\x86\x48\xce\x3d\x02\x01")
            || has(b"\x06\x03\x2b\x65\x70"));
    let bare_rsa = || aws_lc_rs::rsa::PublicKey::from_der(secret).is_ok();
    has(b"-----BEGIN") || has(b"ssh-") || has(b"ecdsa-sha2-") || der || bare_rsa() || json_key()
}

/// Whether a short rule makes all the bytes: one unit repeated, a constant step, or few values.
fn is_patterned(secret: &[u8]) -> bool {
    let half = secret.len().div_euclid(2);
    let repeats = (1..=half).any(|unit| secret.iter().zip(secret.iter().skip(unit)).all(|(a, b)| a == b));
    let mut steps = secret.iter().zip(secret.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a));
    let first = steps.next();
    let even_steps = steps.all(|step| Some(step) == first);
    let mut values = secret.to_vec();
    values.sort_unstable();
    values.dedup();
    // 32 random hexadecimal digits have fewer than 8 different ones once in 100,000 keys.
    repeats || even_steps || values.len() < 8
}

/// Whether the secret is text made of nothing but `WORDS`, digits and punctuation.
fn is_phrase(secret: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(secret) else { return false };
    let lower = text.to_ascii_lowercase();
    let letters = |byte: &u8| byte.is_ascii_lowercase();
    let plain: Vec<u8> = lower.bytes().filter(letters).collect();
    let unleet = |byte: u8| LEET.iter().find(|(digit, _)| *digit == byte).map_or(byte, |(_, letter)| *letter);
    let leet: Vec<u8> = lower.bytes().map(unleet).filter(letters).collect();
    // Digits alone are not words: a number of 32 digits may be random.
    let wordy = |letters: &[u8]| letters.len() >= secret.len().div_euclid(2) && is_words(letters);
    wordy(&plain) || wordy(&leet)
}

/// Whether the letters can be cut into words; `ends` marks the places where a word may end.
fn is_words(letters: &[u8]) -> bool {
    let mut ends = vec![false; letters.len().saturating_add(1)];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    for at in 0..letters.len() {
        if ends.get(at) != Some(&true) {
            continue;
        }
        let rest = letters.get(at..).unwrap_or_default();
        for word in WORDS.split(' ').filter(|word| rest.starts_with(word.as_bytes())) {
            if let Some(end) = ends.get_mut(at.saturating_add(word.len())) {
                *end = true;
            }
        }
    }
    ends.last() == Some(&true)
}
