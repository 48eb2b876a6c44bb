;; The work that a machine's speed is measured with: integer arithmetic, scattered memory and branches nobody can guess.
;; Each step waits for the one before, as most programs do; independent steps would overlap and promise too much.
;; After a change: `wasm-tools parse benchmark.wat -o benchmark.wasm`. A test compares the two.
(module
  (memory (export "memory") 16 16)
  (func (export "talea_alloc") (param i32) (result i32) (i32.const 0))
  (func (export "talea_run") (param i32 i32) (result i64)
    (local $step i32) (local $number i64) (local $at i32)
    (local.set $number (i64.const 0x9e3779b97f4a7c15))
    (loop $next
      ;; A xorshift generator picks a word in one MiB and takes it in.
      (local.set $number (i64.xor (local.get $number) (i64.shl (local.get $number) (i64.const 13))))
      (local.set $number (i64.xor (local.get $number) (i64.shr_u (local.get $number) (i64.const 7))))
      (local.set $number (i64.xor (local.get $number) (i64.shl (local.get $number) (i64.const 17))))
      (local.set $at (i32.and (i32.wrap_i64 (local.get $number)) (i32.const 0xffff8)))
      (local.set $number (i64.add (local.get $number) (i64.load (local.get $at))))
      (if (i64.lt_s (local.get $number) (i64.const 0))
        (then (i64.store (local.get $at) (i64.mul (local.get $number) (i64.const 0x2545f4914f6cdd1d))))
        (else (local.set $number (i64.add (local.get $number) (i64.const 0x9e3779b97f4a7c15)))))
      (local.set $step (i32.add (local.get $step) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $step) (i32.const 4000000))))
    ;; The output is the last number, so that no step can be left out.
    (i64.store (i32.const 0) (local.get $number))
    (i64.const 8)))
