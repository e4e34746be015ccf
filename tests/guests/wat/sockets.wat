;; Wants the network.
(component
  (import "wasi:sockets/tcp@0.2.6" (instance))
  (instance $plugin)
  (export "lockgate:node/plugin@0.1.0" (instance $plugin)))
