//! Bytes that cannot be printed.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A credential or key: it has no `Display`, its `Debug` says nothing, it is wiped when dropped,
/// and it is compared in a time that does not depend on where two values differ.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over `bytes`.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. Named so that a search finds every place that looks.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, if they are UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

/// Equal digests, not equal bytes: neither the place of the first difference nor the length shows
/// in the time it takes (CVE-2021-33880; threat 49).
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let digest = |secret: &Self| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &secret.0);
        digest(self).as_ref().ct_eq(digest(other).as_ref()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}
