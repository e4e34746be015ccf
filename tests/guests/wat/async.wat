;; Needs component async, which the contract does not have.
(component
  (core module $m
    (func (export "run") (result i32) (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $run async (canon lift (core func $i "run") async (callback (core func $i "callback"))))
  (instance $plugin (export "describe" (func $run)))
  (export "lockgate:node/plugin@0.1.0" (instance $plugin)))
