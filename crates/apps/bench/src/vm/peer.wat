;; The same programs in WebAssembly, loop by loop. Each runs so often and returns the number that the other engines are checked by.
(module
  (memory 32)
  ;; The fractions of the roots of the first primes (FIPS 180-4), as words of a little-endian memory.
  (data (i32.const 0x100000)
    "\98\2f\8a\42\91\44\37\71\cf\fb\c0\b5\a5\db\b5\e9\5b\c2\56\39\f1\11\f1\59\a4\82\3f\92\d5\5e\1c\ab"
    "\98\aa\07\d8\01\5b\83\12\be\85\31\24\c3\7d\0c\55\74\5d\be\72\fe\b1\de\80\a7\06\dc\9b\74\f1\9b\c1"
    "\c1\69\9b\e4\86\47\be\ef\c6\9d\c1\0f\cc\a1\0c\24\6f\2c\e9\2d\aa\84\74\4a\dc\a9\b0\5c\da\88\f9\76"
    "\52\51\3e\98\6d\c6\31\a8\c8\27\03\b0\c7\7f\59\bf\f3\0b\e0\c6\47\91\a7\d5\51\63\ca\06\67\29\29\14"
    "\85\0a\b7\27\38\21\1b\2e\fc\6d\2c\4d\13\0d\38\53\54\73\0a\65\bb\0a\6a\76\2e\c9\c2\81\85\2c\72\92"
    "\a1\e8\bf\a2\4b\66\1a\a8\70\8b\4b\c2\a3\51\6c\c7\19\e8\92\d1\24\06\99\d6\85\35\0e\f4\70\a0\6a\10"
    "\16\c1\a4\19\08\6c\37\1e\4c\77\48\27\b5\bc\b0\34\b3\0c\1c\39\4a\aa\d8\4e\4f\ca\9c\5b\f3\6f\2e\68"
    "\ee\82\8f\74\6f\63\a5\78\14\78\c8\84\08\02\c7\8c\fa\ff\be\90\eb\6c\50\a4\f7\a3\f9\be\f2\78\71\c6")
  (data (i32.const 0x100100)
    "\67\e6\09\6a\85\ae\67\bb\72\f3\6e\3c\3a\f5\4f\a5\7f\52\0e\51\8c\68\05\9b\ab\d9\83\1f\19\cd\e0\5b")

  (func $sieve (result i32) (local $i i32) (local $j i32) (local $count i32)
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x100000))
    (i32.store16 (i32.const 0) (i32.const 0))
    (local.set $i (i32.const 2))
    (loop $each
      (if (i32.load8_u (local.get $i)) (then
        (local.set $j (i32.mul (local.get $i) (local.get $i)))
        (loop $cross
          (i32.store8 (local.get $j) (i32.const 0))
          (local.set $j (i32.add (local.get $j) (local.get $i)))
          (br_if $cross (i32.lt_u (local.get $j) (i32.const 0x100000))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $i) (i32.const 1024))))
    (local.set $i (i32.const 0))
    (loop $each
      (local.set $count (i32.add (local.get $count) (i32.load8_u (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $i) (i32.const 0x100000))))
    (local.get $count))

  ;; Matrices of 128 by 128 at 0x110000, 0x130000 and 0x150000.
  (func $fill (local $i i64)
    (loop $each
      (i64.store offset=0x110000 (i32.shl (i32.wrap_i64 (local.get $i)) (i32.const 3))
        (i64.mul (local.get $i) (i64.const 0x9e3779b97f4a7c15)))
      (i64.store offset=0x130000 (i32.shl (i32.wrap_i64 (local.get $i)) (i32.const 3))
        (i64.mul (local.get $i) (i64.const 0xbf58476d1ce4e5b9)))
      (local.set $i (i64.add (local.get $i) (i64.const 1)))
      (br_if $each (i64.lt_u (local.get $i) (i64.const 16384)))))

  ;; Returns the last cell.
  (func $matmul (result i64)
    (local $row i32) (local $column i32) (local $k i32) (local $left i32) (local $right i32) (local $sum i64)
    (loop $rows
      (local.set $column (i32.const 0))
      (loop $columns
        (local.set $sum (i64.const 0))
        (local.set $k (i32.const 0))
        (local.set $left (i32.shl (local.get $row) (i32.const 10)))
        (local.set $right (i32.shl (local.get $column) (i32.const 3)))
        (loop $products
          (local.set $sum (i64.add (local.get $sum) (i64.mul
            (i64.load offset=0x110000 (local.get $left))
            (i64.load offset=0x130000 (local.get $right)))))
          (local.set $left (i32.add (local.get $left) (i32.const 8)))
          (local.set $right (i32.add (local.get $right) (i32.const 1024)))
          (local.set $k (i32.add (local.get $k) (i32.const 1)))
          (br_if $products (i32.lt_u (local.get $k) (i32.const 128))))
        (i64.store offset=0x150000
          (i32.add (i32.shl (local.get $row) (i32.const 10)) (i32.shl (local.get $column) (i32.const 3)))
          (local.get $sum))
        (local.set $column (i32.add (local.get $column) (i32.const 1)))
        (br_if $columns (i32.lt_u (local.get $column) (i32.const 128))))
      (local.set $row (i32.add (local.get $row) (i32.const 1)))
      (br_if $rows (i32.lt_u (local.get $row) (i32.const 128))))
    (local.get $sum))

  ;; The state is at 0x100120, the schedule at 0x100200; its first sixteen words are the block.
  (func $compress
    (local $at i32) (local $x i32) (local $y i32) (local $first i32) (local $second i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32)
    (local $e i32) (local $f i32) (local $g i32) (local $h i32)
    (loop $schedule
      (local.set $x (i32.load offset=0x100204 (local.get $at)))
      (local.set $y (i32.load offset=0x100238 (local.get $at)))
      (i32.store offset=0x100240 (local.get $at)
        (i32.add
          (i32.add (i32.load offset=0x100200 (local.get $at)) (i32.load offset=0x100224 (local.get $at)))
          (i32.add
            (i32.xor (i32.xor (i32.rotr (local.get $x) (i32.const 7)) (i32.rotr (local.get $x) (i32.const 18)))
              (i32.shr_u (local.get $x) (i32.const 3)))
            (i32.xor (i32.xor (i32.rotr (local.get $y) (i32.const 17)) (i32.rotr (local.get $y) (i32.const 19)))
              (i32.shr_u (local.get $y) (i32.const 10))))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $schedule (i32.lt_u (local.get $at) (i32.const 192))))
    (local.set $a (i32.load offset=0x100120 (i32.const 0)))
    (local.set $b (i32.load offset=0x100124 (i32.const 0)))
    (local.set $c (i32.load offset=0x100128 (i32.const 0)))
    (local.set $d (i32.load offset=0x10012c (i32.const 0)))
    (local.set $e (i32.load offset=0x100130 (i32.const 0)))
    (local.set $f (i32.load offset=0x100134 (i32.const 0)))
    (local.set $g (i32.load offset=0x100138 (i32.const 0)))
    (local.set $h (i32.load offset=0x10013c (i32.const 0)))
    (local.set $at (i32.const 0))
    (loop $rounds
      (local.set $first (i32.add
        (i32.add
          (i32.add (local.get $h)
            (i32.xor (i32.xor (i32.rotr (local.get $e) (i32.const 6)) (i32.rotr (local.get $e) (i32.const 11)))
              (i32.rotr (local.get $e) (i32.const 25))))
          (i32.xor (i32.and (local.get $e) (i32.xor (local.get $f) (local.get $g))) (local.get $g)))
        (i32.add (i32.load offset=0x100000 (local.get $at)) (i32.load offset=0x100200 (local.get $at)))))
      (local.set $second (i32.add
        (i32.xor (i32.xor (i32.rotr (local.get $a) (i32.const 2)) (i32.rotr (local.get $a) (i32.const 13)))
          (i32.rotr (local.get $a) (i32.const 22)))
        (i32.or (i32.and (local.get $a) (local.get $b))
          (i32.and (i32.or (local.get $a) (local.get $b)) (local.get $c)))))
      (local.set $h (local.get $g))
      (local.set $g (local.get $f))
      (local.set $f (local.get $e))
      (local.set $e (i32.add (local.get $d) (local.get $first)))
      (local.set $d (local.get $c))
      (local.set $c (local.get $b))
      (local.set $b (local.get $a))
      (local.set $a (i32.add (local.get $first) (local.get $second)))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $rounds (i32.lt_u (local.get $at) (i32.const 256))))
    (i32.store offset=0x100120 (i32.const 0) (i32.add (i32.load offset=0x100120 (i32.const 0)) (local.get $a)))
    (i32.store offset=0x100124 (i32.const 0) (i32.add (i32.load offset=0x100124 (i32.const 0)) (local.get $b)))
    (i32.store offset=0x100128 (i32.const 0) (i32.add (i32.load offset=0x100128 (i32.const 0)) (local.get $c)))
    (i32.store offset=0x10012c (i32.const 0) (i32.add (i32.load offset=0x10012c (i32.const 0)) (local.get $d)))
    (i32.store offset=0x100130 (i32.const 0) (i32.add (i32.load offset=0x100130 (i32.const 0)) (local.get $e)))
    (i32.store offset=0x100134 (i32.const 0) (i32.add (i32.load offset=0x100134 (i32.const 0)) (local.get $f)))
    (i32.store offset=0x100138 (i32.const 0) (i32.add (i32.load offset=0x100138 (i32.const 0)) (local.get $g)))
    (i32.store offset=0x10013c (i32.const 0) (i32.add (i32.load offset=0x10013c (i32.const 0)) (local.get $h)))
  )

  ;; 1,000 blocks of the bytes 0 to 63 and the padding. Returns the digest's first word.
  (func $sha256 (result i32) (local $blocks i32) (local $at i32)
    (memory.copy (i32.const 0x100120) (i32.const 0x100100) (i32.const 32))
    (loop $words
      (i32.store offset=0x100200 (local.get $at) (i32.add (i32.mul (local.get $at) (i32.const 0x01010101)) (i32.const 0x00010203)))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $words (i32.lt_u (local.get $at) (i32.const 64))))
    (loop $each
      (call $compress)
      (local.set $blocks (i32.add (local.get $blocks) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $blocks) (i32.const 1000))))
    (memory.fill (i32.const 0x100200) (i32.const 0) (i32.const 64))
    (i32.store (i32.const 0x100200) (i32.const 0x80000000))
    (i32.store (i32.const 0x10023c) (i32.const 512000))
    (call $compress)
    (i32.load (i32.const 0x100120)))

  (func (export "sieve") (param $turns i32) (result i32) (local $last i32)
    (loop $each
      (local.set $last (call $sieve))
      (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
      (br_if $each (local.get $turns)))
    (local.get $last))
  (func (export "matmul") (param $turns i32) (result i64) (local $last i64)
    (call $fill)
    (loop $each
      (local.set $last (call $matmul))
      (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
      (br_if $each (local.get $turns)))
    (local.get $last))
  (func (export "sha256") (param $turns i32) (result i32) (local $last i32)
    (loop $each
      (local.set $last (call $sha256))
      (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
      (br_if $each (local.get $turns)))
    (local.get $last)))
