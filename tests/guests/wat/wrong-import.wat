;; The right name of an import with the wrong type.
(component
  (import "lockgate:node/log@0.1.0" (instance (export "log" (func (param "message" string)))))
  (instance $plugin)
  (export "lockgate:node/plugin@0.1.0" (instance $plugin)))
