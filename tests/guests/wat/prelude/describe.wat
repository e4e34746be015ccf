;; The harmless node of `src/lib.rs`, word by word.
(data (i32.const 1024) "hostile " "1.0.0   " "node" "{}  " "text    " "value   " "parts   " "json")
;; plugin-info: name, version, summary, nodes
(data (i32.const 64) (i32 1024 7  1032 5  0 0  96 1))
;; node-info: name, summary, kind (transform), inputs, outputs, config-schema, pure
(data (i32.const 96) (i32 1040 4  0 0) (i8 3 0 0 0) (i32 160 2  224 3  1044 2) (i8 0))
;; ports: name, summary, kind, required, streaming, schema
(data (i32.const 160)
  (i32 1056 5  0 0) (i8 3 0 0 0) (i32 0 0 0)   ;; value: any
  (i32 1064 5  0 0) (i8 3 0 1 0) (i32 0 0 0))  ;; parts: any, streaming
(data (i32.const 224)
  (i32 1048 4  0 0) (i8 0 0 0 0) (i32 0 0 0)   ;; text: text
  (i32 1072 4  0 0) (i8 1 0 0 0) (i32 0 0 0)   ;; json: json
  (i32 1064 5  0 0) (i8 3 0 1 0) (i32 0 0 0))  ;; parts: any, streaming
(func (export "lockgate:node/plugin@0.1.0#describe") (result i32)
  (i32.const 64))
