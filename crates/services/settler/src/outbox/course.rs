//! What the owner of an outbox knows of its packages.

use super::{Effect, Failure, Package};
use std::collections::BTreeMap;

/// The packages that are not final, each with what was last said of it. A package that failed in a block may be heard of
/// again: until it is final, a reorganisation can take the failure back.
#[derive(Debug, Default)]
pub struct Course(BTreeMap<u64, Step>);

#[derive(Debug)]
struct Step {
    package: Package,
    has_failed: bool,
}

impl Course {
    /// Notes a package that is handed over.
    pub fn begin(&mut self, package: Package) {
        self.0.insert(package.id, Step { package, has_failed: false });
    }

    /// Notes what is said of a package. Returns it when that is a failure: whether to hand over another with the same
    /// words is decided when that would happen, by [`Course::is_under_way`].
    pub fn hear(&mut self, effect: &Effect) -> Option<Package> {
        match effect {
            // It never was anywhere, so that nothing more will be said of it.
            Effect::Failed { package, why: Failure::TooMuchGas } => self.0.remove(package).map(|step| step.package),
            Effect::Failed { package, why: Failure::Reverted(_) } => {
                let step = self.0.get_mut(package)?;
                step.has_failed = true;
                Some(step.package.clone())
            }
            Effect::Reorged { package } | Effect::Mined { package, .. } => {
                self.0.get_mut(package)?.has_failed = false;
                None
            }
            Effect::Final { package } => {
                self.0.remove(package);
                None
            }
            Effect::Keep { .. } | Effect::Forget { .. } | Effect::Send { .. } | Effect::Alert(_) => None,
        }
    }

    /// Returns a package that is not final.
    pub fn package(&self, id: u64) -> Option<&Package> {
        self.0.get(&id).map(|step| &step.package)
    }

    /// Says whether a package with these words waits or is in a block, as far as is known without having failed.
    pub fn is_under_way(&self, what: &[u8]) -> bool {
        self.0.values().any(|step| !step.has_failed && *step.package.what == *what)
    }
}
