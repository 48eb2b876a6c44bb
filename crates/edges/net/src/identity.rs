//! Who a peer is: an Ed25519 key, pinned. No authority vouches for anybody.

use crate::Error;
use rustls::DistinguishedName;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What stands before an Ed25519 public key in its SubjectPublicKeyInfo (RFC 8410, section 4).
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before a seed in a private key of PKCS #8 (RFC 8410, section 7).
const PRIVATE_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A peer's public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId([u8; 32]);

impl PeerId {
    /// Takes a key's bytes. Nobody can be at the other end of a link with bytes that are no key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Returns the key's bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    fn of_spki(spki: &[u8]) -> Option<Self> {
        spki.strip_prefix(&PUBLIC_PREFIX)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is no peer's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a peer's id has 64 hexadecimal digits: take it from that peer's `talea party id`")]
pub struct NoPeerId;

impl FromStr for PeerId {
    type Err = NoPeerId;

    fn from_str(text: &str) -> Result<Self, NoPeerId> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(NoPeerId);
        }
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NoPeerId)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoPeerId)?;
        }
        Ok(Self(key))
    }
}

/// A private key with its public one.
pub struct Identity {
    key: Arc<CertifiedKey>,
    id: PeerId,
}

impl Identity {
    /// Makes an identity from 32 uniformly random bytes, which are the secret key.
    ///
    /// # Errors
    /// When the cryptographic library refuses the seed.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, Error> {
        let mut der = Zeroizing::new(PRIVATE_PREFIX.to_vec());
        der.extend_from_slice(seed);
        let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(der.as_slice())).map_err(Error::Key)?;
        let spki = key.public_key().ok_or(Error::Key(rustls::Error::General("a key without a public one".into())))?;
        let id = PeerId::of_spki(&spki).ok_or(Error::Key(rustls::Error::General("another kind of key".into())))?;
        let certificate = CertificateDer::from(spki.to_vec());
        Ok(Self { key: Arc::new(CertifiedKey::new(vec![certificate], key)), id })
    }

    /// Returns the public key.
    pub fn id(&self) -> PeerId {
        self.id
    }

    pub(crate) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }
}

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guests {
    /// These peers and nobody else.
    Only(Vec<PeerId>),
    /// Whoever shows that he holds the key that he names.
    Anybody,
}

impl Guests {
    fn has(&self, id: &PeerId) -> bool {
        match self {
            Self::Only(peers) => peers.contains(id),
            Self::Anybody => true,
        }
    }
}

/// Accepts the peers that it was given and nobody else. (Raw public keys, RFC 7250.)
#[derive(Debug)]
pub(crate) struct Pinned {
    guests: Guests,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    pub(crate) fn new(guests: Guests, provider: Arc<CryptoProvider>) -> Self {
        Self { guests, provider }
    }

    fn check(&self, key: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        match PeerId::of_spki(key).filter(|id| self.guests.has(id)) {
            Some(_) => Ok(()),
            None => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn check_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let spki = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &spki, signature, &self.provider.signature_verification_algorithms)
    }
}

/// QUIC speaks TLS 1.3 only.
fn no_old_tls() -> Result<HandshakeSignatureValid, rustls::Error> {
    Err(rustls::Error::General("TLS 1.2 is not spoken here".into()))
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(key).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        no_old_tls()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check_signature(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(key).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        no_old_tls()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check_signature(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Returns who is at the other end of a connection.
pub(crate) fn peer_of(connection: &quinn::Connection) -> Option<PeerId> {
    let identity = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    PeerId::of_spki(identity.first()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_key_of_the_seed_and_is_read_back() {
        // RFC 8032, section 7.1, test 1.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let PeerId(seed) = seed.parse().unwrap();
        let id = Identity::from_seed(&seed).unwrap().id();
        assert_eq!(id.to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "00", &"g".repeat(64), &"0".repeat(65)] {
            assert_eq!(wrong.parse::<PeerId>(), Err(NoPeerId));
        }
    }
}
