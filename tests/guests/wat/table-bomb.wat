;; Grows four tables until there is no more.
(table $a 0 funcref) (table $b 0 funcref) (table $c 0 funcref) (table $d 0 funcref)
(func (export "lockgate:node/plugin@0.1.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
  (loop $more
    (br_if $more (i32.and
      (i32.and
        (i32.ge_s (table.grow $a (ref.null func) (i32.const 500)) (i32.const 0))
        (i32.ge_s (table.grow $b (ref.null func) (i32.const 500)) (i32.const 0)))
      (i32.and
        (i32.ge_s (table.grow $c (ref.null func) (i32.const 500)) (i32.const 0))
        (i32.ge_s (table.grow $d (ref.null func) (i32.const 500)) (i32.const 0))))))
  unreachable)
