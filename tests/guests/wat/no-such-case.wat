;; Gives a value of a kind that the contract does not have.
(data (i32.const 2048) (i32 0 0 2064 1) (i32 2092 4 77 0 0) (i32 0 0) "text")
(func (export "lockgate:node/plugin@0.1.0#run") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
  (i32.const 2048))
