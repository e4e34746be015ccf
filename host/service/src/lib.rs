//! What a host of flows does, whoever asks: loads plugins, keeps versions of flows, starts, queues and follows runs.
