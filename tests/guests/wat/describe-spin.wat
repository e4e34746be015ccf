;; Never says what it is.
(func (export "lockgate:node/plugin@0.1.0#describe") (result i32)
  (loop (br 0))
  (i32.const 0))
