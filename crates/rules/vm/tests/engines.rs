//! The engines agree on random programs, and on what they cost.

#![allow(clippy::unwrap_used, reason = "a helper that fails here is a failed test")]

use vm::clear::{Clear, Loaded, View, Watch};
use vm::direct::Direct;
use vm::sample::{self, Chance};
use vm::text::{assemble, disassemble};
use vm::{Cause, Engine, Limits, Place, Run, Stop, Verified, certify};

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

#[test]
fn a_run_costs_what_the_certificate_says_or_less_where_it_is_not_exact() {
    let (mut exact, mut less) = (0, 0);
    for seed in 10_000..12_000 {
        let program = sample::program(seed, 10 + seed % 30);
        let certificate = program.program().certificate;
        let Ok(run) = run(&mut Direct, &program, seed, PLENTY) else { continue };
        let [first, second, third] = run.measured.sent;
        let measured = [run.measured.fuel, run.measured.rounds, first, second, third];
        let most = [
            certificate.fuel,
            certificate.rounds,
            certificate.sent_first,
            certificate.sent_second,
            certificate.sent_third,
        ];
        if certificate.exact {
            assert_eq!(measured, most, "seed {seed}\n{}", disassemble(&program));
            exact += 1;
        } else {
            assert!(measured.iter().zip(&most).all(|(measured, most)| measured <= most), "seed {seed}");
            less += usize::from(measured != most);
        }
    }
    assert!(exact > 300 && less > 100, "{exact} exact, {less} less");
}

#[test]
fn the_last_fuel_is_enough_and_one_less_stops_both_engines_at_one_place() {
    for seed in 20_000..20_300 {
        let program = sample::program(seed, 30);
        let Ok(whole) = run(&mut Clear, &program, seed, PLENTY) else { continue };
        let just = Limits { fuel: whole.measured.fuel, ..PLENTY };
        assert_eq!(run(&mut Clear, &program, seed, just).as_ref(), Ok(&whole), "seed {seed}");
        let less = Limits { fuel: whole.measured.fuel - 1, ..PLENTY };
        let stops = [run(&mut Clear, &program, seed, less), run(&mut Direct, &program, seed, less)];
        assert_eq!(stops[0], stops[1], "seed {seed}");
        assert_eq!(stops[0].as_ref().unwrap_err().cause, Cause::Fuel, "seed {seed}");
    }
}

#[test]
fn memory_is_refused_before_anything_runs() {
    let program = sample::program(1, 30);
    let slots = program.program().certificate.slots;
    let limits = Limits { memory_bytes: slots * 8 - 1, ..PLENTY };
    let engines: [&mut dyn Engine; 2] = [&mut Clear, &mut Direct];
    for engine in engines {
        assert_eq!(run(engine, &program, 1, limits).unwrap_err().cause, Cause::Memory);
        let one_less = &sample::inputs(&program, 1)[1..];
        let stop = engine.run(&program, one_less, PLENTY, &mut Chance::new(1)).unwrap_err();
        assert_eq!(stop.cause, Cause::Inputs);
    }
}

/// Keeps where a run was, and what a value held there.
#[derive(Default)]
struct Diary {
    places: Vec<(u32, u32)>,
    sums: Vec<u64>,
}

impl Watch for Diary {
    fn before(&mut self, place: Place, view: &View<'_>) {
        self.places.push((place.block, place.instruction));
        if (place.block, place.instruction) == (1, 1) {
            // The sum of this turn, which the instruction before has just made.
            self.sums.extend(view.value(0, 4).unwrap());
        }
    }
}

#[test]
fn a_watch_sees_each_instruction_and_the_values_that_live() {
    let text = "talea 1
        port in \"\" \"a\" : u8 unsigned
        port out \"\" \"b\" : u8 unsigned
        function \"f\" [] -> () releases () {
            %a : u8 = input 0 ()
            %one : u8 = int 1 ()
            %b : u8 = repeat 3 (%a) [%i : u8, %x : u8] {
                %y : u8 = add (%x, %a)
                %z : u8 = mul (%y, %y)
                give (%z)
            }
            output 1 (%b)
            give ()
        }";
    let program = certify(assemble(text).unwrap()).unwrap();
    // Numbers: %a is 0, %one is 1, %i is 2, %x is 3, %y is 4.
    let mut diary = Diary::default();
    let mut loaded = Loaded::new(&program).unwrap();
    let run = loaded.watched(&[vec![2]], PLENTY, &mut Chance::new(0), &mut diary).unwrap();
    assert_eq!(run.outputs, [[36]], "(2 + 2)^2 is 16, 18^2 is 68 modulo 256, 70^2 is 36");
    let turn = [(1, 0), (1, 1)];
    let turns: Vec<(u32, u32)> = [(0, 0), (0, 2)].into_iter().chain(turn.repeat(3)).chain([(0, 3)]).collect();
    assert_eq!(diary.places, turns, "a number that never changes is there before the run");
    assert_eq!(diary.sums, [4, 18, 70]);
    let again = loaded.run(&[vec![2]], PLENTY, &mut Chance::new(0)).unwrap();
    assert_eq!(again, run, "watching changes nothing, and a program runs again");
}
