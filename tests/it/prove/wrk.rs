//! An independent client: `wrk`.
