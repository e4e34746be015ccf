;; Begins with 512 MiB.
(memory $more 8192)
