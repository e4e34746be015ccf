;; Is a plugin of a later contract.
(component
  (instance $plugin)
  (export "lockgate:node/plugin@9.0.0" (instance $plugin)))
