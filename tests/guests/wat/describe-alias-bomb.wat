;; Ten thousand nodes, all with the same ten thousand ports: 15 GB for the host in 1 MB of memory.
(func (export "lockgate:node/plugin@0.1.0#describe") (result i32)
  (local $at i32)
  (i32.store (i32.const 2048) (i32.const 0))
  (i32.store (i32.const 2072) (i32.const 8192))
  (i32.store (i32.const 2076) (i32.const 10000))
  (local.set $at (i32.const 8192))
  (loop $next
    (i32.store offset=20 (local.get $at) (i32.const 524288))
    (i32.store offset=24 (local.get $at) (i32.const 10000))
    (local.set $at (i32.add (local.get $at) (i32.const 48)))
    (br_if $next (i32.lt_u (local.get $at) (i32.const 488192))))
  (i32.const 2048))
