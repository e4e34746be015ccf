;; Gives text that is not UTF-8.
(data (i32.const 2048) (i32 0 0 2064 1) (i32 2092 4 0 2096 4) (i32 0 0) "text" "\ff\fe\00\d8")
(func (export "lockgate:node/plugin@0.1.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
  (i32.const 2048))
