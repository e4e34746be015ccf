//! The client from outside, against servers that stand in for Alibaba Cloud's.
