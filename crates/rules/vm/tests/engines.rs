//! The engines agree on random programs, and on what they cost.

use types::{Decode, Encode};
use vm::clear::Clear;
use vm::direct::Direct;
use vm::sample::{self, Chance};
use vm::text::{assemble, disassemble};
use vm::{Engine, Limits, Program, Run, Stop, Verified, verify};

const PLENTY: Limits = Limits { fuel: 1 << 40, memory_bytes: 1 << 30 };

fn run(engine: &mut dyn Engine, program: &Verified, seed: u64, limits: Limits) -> Result<Run, Stop> {
    engine.run(program, &sample::inputs(program, seed), limits, &mut Chance::new(seed))
}

#[test]
fn the_clear_engine_gives_what_the_definition_gives() {
    let (mut finished, mut stopped) = (0, 0);
    for seed in 0..3_000 {
        let program = sample::program(seed, 10 + seed % 60);
        let direct = run(&mut Direct, &program, seed, PLENTY);
        let clear = run(&mut Clear, &program, seed, PLENTY);
        match (&direct, &clear) {
            (Ok(direct), Ok(clear)) => {
                assert_eq!(direct.outputs, clear.outputs, "seed {seed}\n{}", disassemble(&program));
                assert_eq!(direct.measured.fuel, clear.measured.fuel, "seed {seed}");
                finished += 1;
            }
            (Err(direct), Err(clear)) => {
                assert_eq!(direct, clear, "seed {seed}\n{}", disassemble(&program));
                stopped += 1;
            }
            _ => panic!("seed {seed}: {direct:?} and {clear:?}\n{}", disassemble(&program)),
        }
    }
    assert!(finished > 2_000 && stopped > 20, "{finished} finished, {stopped} stopped");
}
