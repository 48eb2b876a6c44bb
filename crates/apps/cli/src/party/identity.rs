//! Files with a secret key.

use crate::error::Error;
use crate::say::Say;
use crypto::Secret;
use net::Identity;
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// Bits of a file's mode that let others than its owner in.
const OTHERS: u32 = 0o077;

fn draw() -> Result<Secret<[u8; 32]>, Error> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut seed[..]).map_err(|_| Error::failed("the system gave no random numbers: try again"))?;
    Ok(Secret::new(*seed))
}

fn identity(seed: &Secret<[u8; 32]>) -> Result<Identity, Error> {
    Ok(Identity::from_seed(seed.expose_secret())?)
}

/// Makes an identity that nobody keeps.
pub fn fresh() -> Result<Identity, Error> {
    identity(&draw()?)
}

/// `talea keygen`: makes an identity's file.
pub fn keygen(file: &Path, say: &Say) -> Result<(), Error> {
    let seed = draw()?;
    let id = identity(&seed)?.id().to_string();
    // Room for all of it at once, so that no copy stays behind.
    let mut text = Zeroizing::new(String::with_capacity(65));
    seed.expose_secret().iter().for_each(|byte| write!(text, "{byte:02x}").expect("a text takes what it is given"));
    text.push('\n');
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut out = opened.map_err(Error::io(format!("make the new file {}", file.display())))?;
    let written = out.write_all(text.as_bytes()).and_then(|()| out.sync_all());
    written.map_err(Error::io(format!("write {}", file.display())))?;
    let shown = format!("{} holds a new secret key; its id is {id}", file.display());
    say.give(shown, &json!({ "ok": true, "file": file, "id": id }));
    Ok(())
}

/// Reads an identity's file.
pub fn load(file: &Path) -> Result<Identity, Error> {
    let doing = || format!("read the identity {}", file.display());
    let mode = std::fs::metadata(file).map_err(Error::io(doing()))?.permissions().mode();
    if mode & OTHERS != 0 {
        let file = file.display();
        return Err(Error::failed(format!("others may read {file}: say `chmod 600 {file}`, or make a new one")));
    }
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(Error::io(doing()))?);
    let seed = read(text.trim());
    identity(&seed.ok_or_else(|| {
        let file = file.display();
        Error::failed(format!("{file} holds no identity: make one with `talea keygen FILE`"))
    })?)
}

fn read(text: &str) -> Option<Secret<[u8; 32]>> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut seed = Zeroizing::new([0; 32]);
    for (byte, pair) in seed.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Secret::new(*seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_made_once_read_back_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alice.key");
        let say = Say::new(true).quiet();
        keygen(&file, &say).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let id = load(&file).unwrap().id();
        assert!(keygen(&file, &say).is_err(), "what is there is not replaced");
        assert_eq!(load(&file).unwrap().id(), id);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(load(&file).err().unwrap().to_string().contains("chmod 600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, "no key").unwrap();
        assert!(load(&file).err().unwrap().to_string().contains("talea keygen"));
    }
}
