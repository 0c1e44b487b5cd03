//! [`Fingerprint`]: what tells two files, or two fits, apart.

use std::fmt;
use std::io::{self, Write};

/// FNV-1a of bytes in 64 bits: enough to notice what was damaged, edited or mixed up, and no protection against malice.
///
/// ```
/// use jensen::export::Fingerprint;
/// // The value that the authors give for "foobar".
/// assert_eq!(Fingerprint::of(b"foobar").to_string(), "85944171f73967e8");
/// ```
///
/// *Source*: Fowler, Noll, Vo and Eastlake (RFC 9923), The FNV non-cryptographic hash algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    /// That of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = Fingerprint::default();
        out.add(bytes);
        out
    }

    /// Takes `bytes` in after those before.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A writer that takes the fingerprint of what passes through it.
pub(super) struct Printed<'a> {
    out: &'a mut dyn Write,
    /// Of all bytes so far.
    pub of_all: Fingerprint,
    /// Of the bytes since it was last set to the default.
    pub of_part: Fingerprint,
}

impl<'a> Printed<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Printed { out, of_all: Fingerprint::default(), of_part: Fingerprint::default() }
    }
}

impl Write for Printed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.of_all.add(&bytes[..written]);
        self.of_part.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
