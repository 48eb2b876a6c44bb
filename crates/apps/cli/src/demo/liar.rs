//! A provider that lies: it runs the program, and then delivers something else. It exists only in the demo, as a
//! stranger who joins through the public door; no role of a node knows how to lie.

use provider::{Execute, Failed, Ran};
use sandbox::Sandbox;
use task::Submit;

/// Runs programs honestly and reports them wrongly.
pub struct Liar(pub Sandbox);

impl Execute for Liar {
    fn execute(&self, program: &[u8], input: &[u8], submit: &Submit) -> Result<Ran, Failed> {
        let mut ran = self.0.execute(program, input, submit)?;
        match ran.output.first_mut() {
            Some(byte) => *byte ^= 1,
            None => ran.output.push(1),
        }
        ran.outcome.output = crypto::content_id(&ran.output);
        Ok(ran)
    }

    fn fuel_per_second(&self) -> Result<u64, Failed> {
        self.0.fuel_per_second()
    }
}
