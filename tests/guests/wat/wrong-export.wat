;; The right name of the export with nothing in it.
(component
  (instance $plugin)
  (export "lockgate:node/plugin@0.1.0" (instance $plugin)))
