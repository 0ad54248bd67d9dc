//! What cannot be tried.
