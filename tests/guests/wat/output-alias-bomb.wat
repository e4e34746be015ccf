;; Ten thousand outputs, all with the same half megabyte of text.
(data (i32.const 2048) (i32 0 0 65536 10000))
(func (export "lockgate:node/plugin@0.1.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
  (local $at i32)
  (local.set $at (i32.const 65536))
  (loop $next
    (i32.store offset=12 (local.get $at) (i32.const 500000))
    (i32.store offset=16 (local.get $at) (i32.const 500000))
    (local.set $at (i32.add (local.get $at) (i32.const 28)))
    (br_if $next (i32.lt_u (local.get $at) (i32.const 345536))))
  (i32.const 2048))
