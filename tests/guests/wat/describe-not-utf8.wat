;; Says a name that is not UTF-8.
(data (i32.const 2048) (i32 2056 4) "\ff\fe\00\d8")
(func (export "lockgate:node/plugin@0.1.0#describe") (result i32)
  (i32.const 2048))
