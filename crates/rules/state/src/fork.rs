//! How work on two subtrees may be shared between threads. The rules have none: whoever has them gives a [`Join`].

/// Runs two pieces of work, in any order or at once, and returns when both are done.
pub trait Join: Sync {
    /// Runs both. The result must not depend on which is done first; nothing that is given here does.
    fn join(&self, left: &mut (dyn FnMut() + Send), right: &mut (dyn FnMut() + Send));
}

/// One after the other.
pub struct Sequential;

impl Join for Sequential {
    fn join(&self, left: &mut (dyn FnMut() + Send), right: &mut (dyn FnMut() + Send)) {
        left();
        right();
    }
}

/// Fewer writes than this are never shared: to start a thread would cost more than they do.
pub(crate) const FORK_WRITES: usize = 256;
