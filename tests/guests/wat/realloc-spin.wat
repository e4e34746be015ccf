;; Spins when the host asks where to put the inputs.
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (loop (br 0))
  (i32.const 0))
