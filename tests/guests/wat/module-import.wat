;; Wants the host to hand over a core module.
(component
  (import "lockgate:node/log@0.1.0" (core module))
  (instance $plugin)
  (export "lockgate:node/plugin@0.1.0" (instance $plugin)))
