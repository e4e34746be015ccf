;; Divides by nothing.
(func $divide (param i32) (result i32)
  (i32.div_u (i32.const 1) (local.get 0)))
(func (export "lockgate:node/plugin@0.1.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
  (call $divide (i32.const 0)))
