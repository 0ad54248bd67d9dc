//! Why a library could never be unloaded.

use super::facts::Facts;
use std::fmt;

/// Why a library could never be unloaded. It can be loaded; each version of it that was swapped out stays in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// `DF_STATIC_TLS`: it takes of a small block that the loader gives once.
    StaticTls,
    /// `DF_1_NODELETE`: it asks to stay.
    NoDelete,
    /// How many unique symbols it has, and one of them.
    UniqueSymbols(usize, String),
    /// The Go runtime cannot stop.
    Go,
    /// Rust's standard library as a shared library, by its name: destructors of threads are registered in its name.
    SharedStd(String),
}

pub(super) fn pins(facts: &Facts) -> Vec<Pin> {
    let unique = facts.unique.first().map(|name| Pin::UniqueSymbols(facts.unique.len(), name.clone()));
    let std = facts.needed.iter().find(|name| name.starts_with("libstd-") && name.ends_with(".so"));
    let all = [
        facts.static_tls.then_some(Pin::StaticTls),
        facts.nodelete.then_some(Pin::NoDelete),
        unique,
        facts.go.then_some(Pin::Go),
        std.cloned().map(Pin::SharedStd),
    ];
    all.into_iter().flatten().collect()
}

impl Pin {
    /// What would let it be unloaded, where something would.
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Self::StaticTls => {
                Some("compile with `-ftls-model=global-dynamic`, and without an allocator of its own")
            }
            Self::NoDelete => Some("link without `-z nodelete`"),
            Self::UniqueSymbols(..) => Some("compile with `-fno-gnu-unique`"),
            Self::Go => None,
            Self::SharedStd(_) => Some("build it without `-C prefer-dynamic`"),
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaticTls => f.write_str("static TLS"),
            Self::NoDelete => f.write_str("linked with `-z nodelete`"),
            Self::UniqueSymbols(1, name) => write!(f, "a unique symbol, `{name}`"),
            Self::UniqueSymbols(count, name) => write!(f, "{count} unique symbols, `{name}` is one"),
            Self::Go => f.write_str("it contains the Go runtime"),
            Self::SharedStd(name) => write!(f, "it shares Rust's standard library, `{name}`"),
        }
    }
}
