//! Files that a passphrase opens, on any machine.
//!
//! They are files of age (<https://age-encryption.org/v1>): whoever has the passphrase opens them with `age --decrypt` too, should there
//! be no swarmlite any more. The key is derived from the passphrase by scrypt; the text is encrypted in pieces by ChaCha20-Poly1305, so
//! that a file that was cut off or changed is noticed. Nothing here knows what is in them.

use std::fmt;
use std::io;
use std::io::Read;
use std::io::Write;
use std::iter;

use age::DecryptError;
use age::Decryptor;
use age::Encryptor;
use age::Identity;
use age::Recipient;
use age::scrypt;
use age::secrecy::ExposeSecret;
use age::secrecy::SecretString;
use zeroize::Zeroizing;

/// What a guess at a passphrase costs: scrypt with N = 2^17, which takes 128 MB and half a second (OWASP, Password Storage Cheat Sheet).
const WORK: u8 = 17;

/// The most that is spent on a file that says how much it wants: 1 GB. `age` itself writes 18.
const MOST_WORK: u8 = 20;

/// What every file of age begins with, whatever its version.
const BEGINNING: &[u8] = b"age-encryption.org/";

/// A passphrase. Wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct Passphrase(SecretString);

/// There is no passphrase in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the passphrase is empty")]
pub struct EmptyPassphrase;

impl Passphrase {
    /// The passphrase in `text`, which may end with the end of a line: so do files that hold one.
    ///
    /// # Errors
    ///
    /// When nothing is left.
    pub fn new(text: &str) -> Result<Self, EmptyPassphrase> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return Err(EmptyPassphrase);
        }
        Ok(Self(SecretString::from(line.to_owned())))
    }

    /// The passphrase itself, for those who hand it on.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.expose_secret().to_owned()
    }

    /// `plain`, encrypted.
    ///
    /// # Errors
    ///
    /// When there is no randomness to be had.
    pub fn seal(&self, plain: &[u8]) -> io::Result<Vec<u8>> {
        let mut recipient = scrypt::Recipient::new(self.0.clone());
        recipient.set_work_factor(WORK);
        let recipients = iter::once(&recipient as &dyn Recipient);
        let encryptor = Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        let mut writer = encryptor.wrap_output(Vec::new())?;
        writer.write_all(plain)?;
        writer.finish()
    }

    /// What [`Self::seal`], or `age --passphrase`, has made `sealed` of.
    ///
    /// # Errors
    ///
    /// See [`PassphraseError`].
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, PassphraseError> {
        // What is short is cut off, for a reader of headers, whatever it is.
        if !BEGINNING.starts_with(&sealed[..sealed.len().min(BEGINNING.len())]) {
            return Err(PassphraseError::Foreign);
        }
        let decryptor = Decryptor::new(sealed).map_err(of_header)?;
        if !decryptor.is_scrypt() {
            return Err(PassphraseError::OtherKey);
        }
        let mut identity = scrypt::Identity::new(self.0.clone());
        identity.set_max_work_factor(MOST_WORK);
        let identities = iter::once(&identity as &dyn Identity);
        let mut reader = decryptor.decrypt(identities).map_err(of_header)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        reader.read_to_end(&mut plain).map_err(|error| of_text(&error))?;
        Ok(plain)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// A file could not be opened with a passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// It is something else.
    #[error("it is not encrypted with a passphrase: it is no file of age")]
    Foreign,
    /// It is of a later version of age.
    #[error("it is in a form of age that this swarmlite does not know: upgrade this node")]
    Newer,
    /// It is for the holder of a key.
    #[error("it is encrypted with a key, not with a passphrase")]
    OtherKey,
    /// The passphrase does not fit. A key that was damaged in the file cannot be told from that.
    #[error("the passphrase is wrong, or the file is damaged where it begins")]
    Wrong,
    /// It wants more memory than anybody would give it.
    #[error("its passphrase takes more work than is ever spent (2^{0}, at most 2^{MOST_WORK})")]
    TooMuchWork(u8),
    /// Its end is missing.
    #[error("it was cut off")]
    CutOff,
    /// It was changed.
    #[error("it is damaged")]
    Damaged,
}

fn of_header(error: DecryptError) -> PassphraseError {
    match error {
        DecryptError::UnknownFormat => PassphraseError::Newer,
        DecryptError::InvalidHeader => PassphraseError::Foreign,
        DecryptError::ExcessiveWork { required, .. } => PassphraseError::TooMuchWork(required),
        DecryptError::InvalidMac => PassphraseError::Damaged,
        DecryptError::Io(error) => of_text(&error),
        // All that is left is about the key.
        _ => PassphraseError::Wrong,
    }
}

fn of_text(error: &io::Error) -> PassphraseError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => PassphraseError::CutOff,
        _ => PassphraseError::Damaged,
    }
}

#[cfg(test)]
mod tests;
