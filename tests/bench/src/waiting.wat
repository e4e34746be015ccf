;; The smallest node that waits: for the first part of its input.
(module
  (import "lockgate:node/streaming@0.1.0" "next" (func $next (param $port i32) (param $length i32) (param $result i32)))
  ;; Below 1024 what it says of itself and of the call's end, above what the host hands over.
  (memory (export "memory") 1)
  (data (i32.const 256) "waiting " "0.1.0   " "stream  " "text    " "{}")
  ;; plugin-info: name, version, summary, nodes
  (data (i32.const 64) "\00\01\00\00\07\00\00\00" "\08\01\00\00\05\00\00\00" "\00\00\00\00\00\00\00\00" "\60\00\00\00\01\00\00\00")
  ;; node-info: name, summary, kind (transform), inputs, outputs (none), config-schema, pure
  (data (i32.const 96) "\10\01\00\00\06\00\00\00" "\00\00\00\00\00\00\00\00" "\03\00\00\00"
    "\a0\00\00\00\01\00\00\00" "\00\00\00\00\00\00\00\00" "\20\01\00\00\02\00\00\00" "\01")
  ;; port: name, summary, kind (text), required, streaming, schema (none)
  (data (i32.const 160) "\18\01\00\00\04\00\00\00" "\00\00\00\00\00\00\00\00" "\00\01\01\00" "\00\00\00\00")
  ;; result<ports, failure>: ok, inputs, outputs
  (data (i32.const 320) "\00\00\00\00\00\00\00\00" "\a0\00\00\00\01\00\00\00" "\00\00\00\00\00\00\00\00")

  (global $free (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  (func (export "lockgate:node/plugin@0.1.0#describe") (result i32)
    (i32.const 64))
  (func (export "lockgate:node/plugin@0.1.0#configure") (param i32 i32 i32 i32) (result i32)
    (i32.const 320))
  ;; result<list<port-value>, failure>: ok, no outputs
  (func (export "lockgate:node/plugin@0.1.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
    (call $next (i32.const 280) (i32.const 4) (i32.const 600))
    (i32.const 512)))
