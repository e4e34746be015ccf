;; Gives up, in a function whose name would turn a terminal red.
(func $give-up (@name "\1b[31mred") unreachable)
(func (export "lockgate:node/plugin@0.1.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
  (call $give-up)
  (i32.const 0))
