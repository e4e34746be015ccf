;; Wants an interface that nobody knows.
(component
  (import "acme:secrets/vault@1.0.0" (instance))
  (instance $plugin)
  (export "lockgate:node/plugin@0.1.0" (instance $plugin)))
