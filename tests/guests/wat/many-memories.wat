;; Grows four memories in turn, so that each by itself stays small.
(memory (export "memory") 16)
(memory $a 0) (memory $b 0) (memory $c 0) (memory $d 0)
(func (export "lockgate:node/plugin@0.1.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
  (loop $more
    (br_if $more (i32.and
      (i32.and
        (i32.ge_s (memory.grow $a (i32.const 1)) (i32.const 0))
        (i32.ge_s (memory.grow $b (i32.const 1)) (i32.const 0)))
      (i32.and
        (i32.ge_s (memory.grow $c (i32.const 1)) (i32.const 0))
        (i32.ge_s (memory.grow $d (i32.const 1)) (i32.const 0))))))
  unreachable)
