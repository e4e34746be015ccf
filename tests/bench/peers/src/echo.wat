;; An echo for Extism, as its development kits make them: it copies its input out of the kernel into a memory of its own,
;; and from there into a block that the kernel allocates, which is the output.
(module
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u8" (func $input_load_u8 (param i64) (result i32)))
  (import "extism:host/env" "input_load_u64" (func $input_load_u64 (param i64) (result i64)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
  (import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  ;; Room for the input, from 1024 on: the bench gives 100 bytes.
  (memory (export "memory") 1)

  (func (export "echo") (result i32)
    (local $length i64) (local $whole i64) (local $at i64) (local $block i64)
    (local.set $length (call $input_length))
    (local.set $whole (i64.and (local.get $length) (i64.const -8)))
    (loop $words
      (if (i64.lt_u (local.get $at) (local.get $whole))
        (then
          (i64.store offset=1024 (i32.wrap_i64 (local.get $at)) (call $input_load_u64 (local.get $at)))
          (local.set $at (i64.add (local.get $at) (i64.const 8)))
          (br $words))))
    (loop $bytes
      (if (i64.lt_u (local.get $at) (local.get $length))
        (then
          (i32.store8 offset=1024 (i32.wrap_i64 (local.get $at)) (call $input_load_u8 (local.get $at)))
          (local.set $at (i64.add (local.get $at) (i64.const 1)))
          (br $bytes))))

    (local.set $block (call $alloc (local.get $length)))
    (local.set $at (i64.const 0))
    (loop $words
      (if (i64.lt_u (local.get $at) (local.get $whole))
        (then
          (call $store_u64 (i64.add (local.get $block) (local.get $at))
            (i64.load offset=1024 (i32.wrap_i64 (local.get $at))))
          (local.set $at (i64.add (local.get $at) (i64.const 8)))
          (br $words))))
    (loop $bytes
      (if (i64.lt_u (local.get $at) (local.get $length))
        (then
          (call $store_u8 (i64.add (local.get $block) (local.get $at))
            (i32.load8_u offset=1024 (i32.wrap_i64 (local.get $at))))
          (local.set $at (i64.add (local.get $at) (i64.const 1)))
          (br $bytes))))
    (call $output_set (local.get $block) (local.get $length))
    (i32.const 0)))
