;; Wants an interface of the contract in a version that this host does not have.
(component
  (import "lockgate:node/http@0.9.0" (instance))
  (instance $plugin)
  (export "lockgate:node/plugin@0.1.0" (instance $plugin)))
