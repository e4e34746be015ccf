;; Spins after its outputs were taken, when it may clean up.
(func (export "cabi_post_lockgate:node/plugin@0.1.0#run") (param i32)
  (loop (br 0)))
