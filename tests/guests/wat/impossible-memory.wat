;; Begins with 2 GiB, more than any setting gives.
(memory $more 32768)
