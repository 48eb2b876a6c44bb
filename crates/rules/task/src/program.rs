//! Programs and their authors.

use crate::{Context, Refusal, Reject};
use state::{Overlay, leaf};
use types::{AccountId, ContentId, record};

record! {
    /// Names the sender as a program's author.
    pub struct Publish {
        /// The program's content.
        pub program: ContentId,
    }
}

record! {
    /// A published program.
    pub struct ProgramRecord {
        /// Who is paid when it runs: whoever published it first.
        pub author: AccountId,
    }
}

leaf!(
    /// A published program.
    pub Program = 21: ContentId => ProgramRecord
);

/// Records the sender as a program's author.
pub fn publish(s: &mut Overlay<'_>, context: &Context, tx: &Publish) -> Result<(), Refusal> {
    if s.get::<Program>(&tx.program).is_some() {
        return Err(Reject::ProgramExists.into());
    }
    s.put::<Program>(&tx.program, &ProgramRecord { author: context.sender });
    Ok(())
}
