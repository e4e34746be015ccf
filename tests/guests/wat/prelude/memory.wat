;; A memory: below 8192 what the prelude says, above what the host hands over.
(memory (export "memory") 16)
