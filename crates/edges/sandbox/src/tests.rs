//! What a module may and may not do, on small modules written as text.

use crate::{Error, Limits, MODULE_BYTES_MAX, Run, Sandbox, TABLE_ELEMENTS_MAX, benchmark};
use proptest::prelude::*;

const PAGE: u64 = 65_536;
const LIMITS: Limits = Limits { fuel: 1_000_000, memory_bytes: 4 * PAGE, output_bytes: 1_000, wall_ms: 30_000 };

/// Writes a module whose `talea_run` has this body, with `$ptr`, `$len` and two locals `$i` and `$j`.
fn program(body: &str) -> Vec<u8> {
    module(&format!(
        r#"(memory (export "memory") 1)
        (func (export "talea_alloc") (param i32) (result i32) (i32.const 16))
        (func $run (export "talea_run") (param $ptr i32) (param $len i32) (result i64)
            (local $i i32) (local $j i32) {body})"#
    ))
}

fn module(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {fields})")).expect("the test's module is written correctly")
}

fn run(module: &[u8], limits: &Limits) -> Result<Run, Error> {
    Sandbox::new()?.run(module, b"input", limits)
}

/// Checks how a program ends.
#[track_caller]
fn check(body: &str, expected: Result<&[u8], Error>) {
    let output = run(&program(body), &LIMITS).map(|run| run.output);
    assert_eq!(output, expected.map(<[u8]>::to_vec), "{body}");
}

/// The result of `talea_run` for an output at this place.
fn packed(ptr: u64, len: u64) -> String {
    format!("(i64.const {:#x})", (ptr << 32) | len)
}

const SPIN: &str = "(loop $again (br $again)) (unreachable)";
// Counts to `$len` times a million, so 5 means five million turns.
const COUNT: &str = "(loop $again
    (br_if $again (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1)))
        (i32.mul (local.get $len) (i32.const 1000000)))))
    (i64.const 0)";

#[test]
fn output_is_what_talea_run_points_at() {
    check(&packed(16, 5), Ok(b"input"));
    check(&packed(16, 0), Ok(b""));
    check(&packed(PAGE, 0), Ok(b""));
    check(&packed(PAGE - 2, 2), Ok(&[0, 0]));
}

#[test]
fn fuel_is_equal_in_every_run_and_every_sandbox() {
    let limits = Limits { fuel: 1 << 30, ..LIMITS };
    let (first, second) = (Sandbox::new().unwrap(), Sandbox::new().unwrap());
    let module = program(COUNT);
    let run = first.run(&module, b"input", &limits).unwrap();
    assert!(run.fuel > 5_000_000);
    assert_eq!(first.run(&module, b"input", &limits).unwrap(), run);
    assert_eq!(second.run(&module, b"input", &limits).unwrap(), run);
    assert!(first.run(&module, b"in", &limits).unwrap().fuel < run.fuel);
}

#[test]
fn exactly_enough_fuel_is_enough() {
    let module = program(COUNT);
    let fuel = run(&module, &Limits { fuel: u64::MAX, ..LIMITS }).unwrap().fuel;
    assert_eq!(run(&module, &Limits { fuel, ..LIMITS }).unwrap().fuel, fuel);
    let fuel_max = fuel - 1;
    assert_eq!(run(&module, &Limits { fuel: fuel_max, ..LIMITS }), Err(Error::OutOfFuel { fuel_max }));
    assert_eq!(run(&module, &Limits { fuel: 0, ..LIMITS }), Err(Error::OutOfFuel { fuel_max: 0 }));
}

#[test]
fn straight_code_past_the_limit_is_out_of_fuel() {
    // No loop and no call, so the engine itself never looks at the tank after the start.
    let body = "(drop (i32.add (local.get $i) (i32.const 1)))".repeat(1_000) + &packed(16, 5);
    let limits = Limits { fuel: 100, ..LIMITS };
    assert_eq!(run(&program(&body), &limits), Err(Error::OutOfFuel { fuel_max: 100 }));
}

#[test]
fn endless_loop_runs_out_of_fuel() {
    check(SPIN, Err(Error::OutOfFuel { fuel_max: LIMITS.fuel }));
    let start = module("(func $spin (loop $again (br $again))) (start $spin)");
    assert_eq!(run(&start, &LIMITS), Err(Error::OutOfFuel { fuel_max: LIMITS.fuel }));
}

#[test]
fn filling_memory_costs_fuel_by_the_byte() {
    let fill = "(memory.fill (i32.const 0) (i32.const 7) (i32.const 60000)) ".repeat(20) + &packed(16, 5);
    check(&fill, Err(Error::OutOfFuel { fuel_max: LIMITS.fuel }));
}

#[test]
fn long_run_with_much_fuel_times_out() {
    let limits = Limits { fuel: u64::MAX, wall_ms: 30, ..LIMITS };
    assert_eq!(run(&program(SPIN), &limits), Err(Error::TimedOut { wall_ms: 30 }));
}

#[test]
fn any_time_limit_is_accepted() {
    let module = program(&packed(16, 5));
    assert_eq!(run(&module, &Limits { wall_ms: u64::MAX, ..LIMITS }).unwrap().output, b"input");
}

#[test]
fn memory_grows_to_its_limit_and_no_further() {
    let grow =
        |pages: &str| program(&format!("(i32.store (i32.const 0) (memory.grow (i32.const {pages}))) (i64.const 4)"));
    let output = |pages| run(&grow(pages), &LIMITS).unwrap().output;
    assert_eq!(output("3"), [1, 0, 0, 0]);
    assert_eq!(output("4"), [255; 4]);
    assert_eq!(output("-1"), [255; 4]);
}

#[test]
fn stopping_for_lack_of_memory_is_told_as_such() {
    let refused = |pages| Err(Error::MemoryLimit { bytes: pages * PAGE, bytes_max: 4 * PAGE });
    check("(drop (memory.grow (i32.const 4))) (unreachable)", refused(5));
    let large = module(r#"(memory (export "memory") 9)"#);
    assert_eq!(run(&large, &LIMITS).map(|run| run.output), refused(9).map(<[u8]>::to_vec));
}

#[test]
fn memory_past_its_own_maximum_answers_minus_one() {
    let module = module(
        r#"(memory (export "memory") 1 2)
        (func (export "talea_alloc") (param i32) (result i32) (i32.const 0))
        (func (export "talea_run") (param i32 i32) (result i64)
            (i32.store (i32.const 0) (memory.grow (i32.const 100)))
            (i64.const 4))"#,
    );
    assert_eq!(run(&module, &LIMITS).unwrap().output, [255; 4]);
}

#[test]
fn large_tables_are_refused() {
    let refused = |elements| Err(Error::TableLimit { elements, elements_max: TABLE_ELEMENTS_MAX });
    assert_eq!(run(&module("(table 40000 funcref) (table 40000 funcref)"), &LIMITS), refused(80_000));
}

#[test]
fn output_outside_memory_is_refused() {
    let refused = |start, bytes| Err(Error::OutputRange { start, bytes, memory_bytes: PAGE });
    check(&packed(PAGE, 1), refused(PAGE, 1));
    check(&packed(PAGE - 1, 2), refused(PAGE - 1, 2));
    check(&packed(0xffff_ffff, 1_000), refused(0xffff_ffff, 1_000));
}

#[test]
fn output_past_its_limit_is_refused() {
    check(&packed(0, 1_001), Err(Error::OutputTooLarge { bytes: 1_001, bytes_max: 1_000 }));
    check("(i64.const -1)", Err(Error::OutputTooLarge { bytes: 0xffff_ffff, bytes_max: 1_000 }));
}

#[test]
fn input_outside_memory_is_refused() {
    let module = module(
        r#"(memory (export "memory") 1)
        (func (export "talea_alloc") (param i32) (result i32) (i32.const -4))
        (func (export "talea_run") (param i32 i32) (result i64) (i64.const 0))"#,
    );
    let refused = Error::InputRange { start: 0xffff_fffc, bytes: 5, memory_bytes: PAGE };
    assert_eq!(run(&module, &LIMITS), Err(refused));
}

#[test]
fn input_larger_than_memory_is_refused() {
    let limits = Limits { memory_bytes: PAGE, ..LIMITS };
    let input = vec![0; 65_537];
    let refused = Error::InputTooLarge { bytes: PAGE + 1, bytes_max: PAGE };
    assert_eq!(Sandbox::new().unwrap().run(&program("(i64.const 0)"), &input, &limits), Err(refused));
}

#[test]
fn imports_are_refused_by_name() {
    let imported = module(r#"(import "env" "abort" (func)) (import "wasi" "clock" (func))"#);
    let refused = Error::Imports { names: r#""env.abort", "wasi.clock""#.into() };
    assert_eq!(run(&imported, &LIMITS), Err(refused));
}

#[test]
fn errors_repeat_only_the_beginning_of_long_names() {
    let name = "x".repeat(90_000);
    let imported = module(&format!(r#"(import "{name}" "{name}" (func))"#));
    let exported = module(&format!(r#"(func) (export "{name}" (func 0)) (export "{name}" (func 0))"#));
    for module in [imported, exported] {
        let error = run(&module, &LIMITS).unwrap_err();
        assert!(error.to_string().len() < 1_000, "{error}");
    }
}

#[test]
fn missing_and_mistyped_exports_are_named() {
    let alloc = r#"(func (export "talea_alloc") (param i32) (result i32) (i32.const 0))"#;
    let memory = r#"(memory (export "memory") 1)"#;
    let narrow = r#"(func (export "talea_run") (param i32) (result i64) (i64.const 0))"#;
    let cases = [
        (String::new(), "memory"),
        (memory.to_string(), "talea_alloc"),
        (format!("{memory} {alloc}"), "talea_run"),
        (format!("{memory} {alloc} {narrow}"), "talea_run"),
    ];
    for (fields, missing) in cases {
        match run(&module(&fields), &LIMITS) {
            Err(Error::MissingExport { name, .. }) => assert_eq!(name, missing, "{fields}"),
            other => panic!("{fields} gave {other:?}"),
        }
    }
}

#[test]
fn traps_are_told_with_their_reason() {
    let cases = [
        ("(unreachable)", "unreachable"),
        ("(i64.div_u (i64.const 1) (i64.const 0))", "divide by zero"),
        ("(i64.load (i32.const 65536))", "out of bounds"),
        ("(call $run (i32.const 0) (i32.const 0))", "call stack exhausted"),
    ];
    for (body, word) in cases {
        match run(&program(body), &LIMITS) {
            Err(Error::Trap { reason }) => assert!(reason.contains(word), "{body} gave {reason}"),
            other => panic!("{body} gave {other:?}"),
        }
    }
}

#[test]
fn other_kinds_of_module_are_refused() {
    let cases = [
        ("64-bit memory", module("(memory i64 1)")),
        ("two memories", module("(memory 1) (memory 1)")),
        ("shared memory", module("(memory 1 1 shared)")),
        (
            "relaxed SIMD",
            module("(func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))"),
        ),
        ("a component", wat::parse_str("(component)").unwrap()),
        ("text", b"(module)".to_vec()),
        ("nothing", Vec::new()),
    ];
    for (kind, bytes) in cases {
        assert!(matches!(run(&bytes, &LIMITS), Err(Error::NotAModule { .. })), "{kind}");
    }
}

#[test]
fn overlong_module_is_refused_before_it_is_read() {
    let bytes = vec![0; usize::try_from(MODULE_BYTES_MAX).unwrap() + 1];
    let refused = Error::ModuleTooLarge { bytes: MODULE_BYTES_MAX + 1, bytes_max: MODULE_BYTES_MAX };
    assert_eq!(run(&bytes, &LIMITS), Err(refused));
}

#[test]
fn a_nan_has_the_same_bits_everywhere() {
    // Zero by zero: x86 sets the sign of this NaN and ARM does not.
    let body = "(f64.store (i32.const 0) (f64.div (f64.convert_i32_u (local.get $i)) (f64.const 0))) (i64.const 8)";
    check(body, Ok(&0x7ff8_0000_0000_0000_u64.to_le_bytes()));
}

#[test]
fn the_benchmark_burns_the_same_fuel_each_time() {
    let sandbox = Sandbox::new().unwrap();
    let (first, second) = (benchmark(&sandbox).unwrap(), benchmark(&sandbox).unwrap());
    assert_eq!(first.fuel, second.fuel);
    assert!(first.elapsed_us > 0 && first.fuel_per_second > 0);
}

#[test]
fn the_committed_benchmark_is_its_source() {
    let built = wat::parse_str(include_str!("benchmark.wat")).unwrap();
    assert!(built == crate::benchmark::PROGRAM, "rebuild benchmark.wasm from benchmark.wat");
}

#[test]
fn the_engine_named_is_the_engine_locked() {
    let lock = include_str!("../../../../Cargo.lock");
    let (name, version) = crate::ENGINE.split_once(' ').unwrap();
    assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")), "{}", crate::ENGINE);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(run(&bytes, &LIMITS).is_err());
    }

    #[test]
    fn damaged_modules_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = crate::benchmark::PROGRAM.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let _ = run(&bytes, &LIMITS);
    }
}
