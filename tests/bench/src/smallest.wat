;; The smallest echo node: its inputs are its outputs, where the host has put them. It imports nothing.
(module
  ;; Below 1024 what it says of itself and of the call's end, above what the host hands over.
  (memory (export "memory") 1)
  (data (i32.const 256) "smallest" "0.1.0   " "echo" "value   " "{}")
  ;; plugin-info: name, version, summary, nodes
  (data (i32.const 64) "\00\01\00\00\08\00\00\00" "\08\01\00\00\05\00\00\00" "\00\00\00\00\00\00\00\00" "\60\00\00\00\01\00\00\00")
  ;; node-info: name, summary, kind (transform), inputs, outputs, config-schema, pure
  (data (i32.const 96) "\10\01\00\00\04\00\00\00" "\00\00\00\00\00\00\00\00" "\03\00\00\00"
    "\a0\00\00\00\01\00\00\00" "\a0\00\00\00\01\00\00\00" "\1c\01\00\00\02\00\00\00" "\01")
  ;; port: name, summary, kind (any), required, streaming, schema (none)
  (data (i32.const 160) "\14\01\00\00\05\00\00\00" "\00\00\00\00\00\00\00\00" "\03\01\00\00" "\00\00\00\00")
  ;; result<ports, failure>: ok, inputs, outputs
  (data (i32.const 320) "\00\00\00\00\00\00\00\00" "\a0\00\00\00\01\00\00\00" "\a0\00\00\00\01\00\00\00")

  (global $free (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    ;; More than it has is for larger messages: they grow its memory.
    (if (i32.gt_u (global.get $free) (i32.shl (memory.size) (i32.const 16)))
      (then
        (drop (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))))
    (local.get $at))

  (func (export "lockgate:node/plugin@0.1.0#describe") (result i32)
    (i32.const 64))
  (func (export "lockgate:node/plugin@0.1.0#configure") (param i32 i32 i32 i32) (result i32)
    (i32.const 320))
  ;; result<list<port-value>, failure>: ok, the list of the inputs
  (func (export "lockgate:node/plugin@0.1.0#run")
    (param i32 i32) (param $inputs i32) (param $count i32) (param i32 i32 i32 i32 i32 i64) (result i32)
    (i32.store (i32.const 520) (local.get $inputs))
    (i32.store (i32.const 524) (local.get $count))
    (i32.const 512)))
