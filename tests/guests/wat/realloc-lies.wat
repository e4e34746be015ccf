;; Tells the host to put the inputs where it has no memory.
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (i32.const -8))
