//! What all of a session agree on before any share moves.

use mpc::{Parties, Security};
use net::{PeerId, SESSION};
use types::{Bytes32, ContentId, Encode as _};

/// How the parties compute: three of them, replicated shares, all follow the protocol.
const TRUSTING: u32 = 1;
/// The same, but one of them may lie, and the others end the session then.
const GUARDED: u32 = 2;
/// More than three of them, a component for each set of parties that may be curious, all follow the protocol.
const MANY: u32 = 3;

/// What stands before everything that is hashed here, so that no hash of one thing is that of another. Parties that exchange
/// other messages have another number, and meet in no session.
const DOMAIN: &[u8] = b"talea session 2";

types::record! {
    /// What a session is.
    pub struct Terms {
        /// How the parties compute, and so which lies they withstand.
        pub protocol: u32,
        /// The program's id.
        pub program: ContentId,
        /// What tells two sessions of one program apart.
        pub label: Bytes32,
        /// The keys of the parties, in order.
        pub parties: Vec<Bytes32>,
    }
}

impl Terms {
    /// Returns the terms of a session of these parties.
    pub fn new(security: Security, program: ContentId, label: [u8; 32], parties: &[PeerId]) -> Self {
        let protocol = match security {
            Security::SemiHonest if parties.len() > Parties::THREE.count() => MANY,
            Security::SemiHonest => TRUSTING,
            Security::Malicious => GUARDED,
        };
        let parties = parties.iter().map(|id| Bytes32(id.bytes())).collect();
        Self { protocol, program, label: Bytes32(label), parties }
    }

    /// Returns which lies the session withstands; `None` when its protocol is another one, or not for as many parties.
    pub fn security(&self) -> Option<Security> {
        let is_three = Parties::new(self.parties.len())? == Parties::THREE;
        match (self.protocol, is_three) {
            (TRUSTING, true) | (MANY, false) => Some(Security::SemiHonest),
            (GUARDED, true) => Some(Security::Malicious),
            _ => None,
        }
    }

    /// Returns the session's name.
    pub fn session(&self) -> [u8; SESSION] {
        digest(&[b"terms", &self.to_bytes()])
    }
}

/// Returns the label that people name a session by.
pub fn label(text: &str) -> [u8; 32] {
    digest(&[b"label", text.as_bytes()])
}

/// Returns the hash of some parts, each with its length.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut bytes = zeroize::Zeroizing::new(DOMAIN.to_vec());
    for part in parts {
        bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    crypto::content_id(&bytes).0
}
