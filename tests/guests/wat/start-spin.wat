;; Spins before anything is called.
(func $start (loop (br 0)))
(start $start)
