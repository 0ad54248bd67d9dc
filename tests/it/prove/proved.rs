//! Hosts that are well.
