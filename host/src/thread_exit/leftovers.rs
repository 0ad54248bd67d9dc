//! What of a library is left in threads, in words for a person.

use std::fmt;

/// What of a library is left. Anything but keys is a reason not to close it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// It cannot be known what is left; says why.
    pub untracked: Option<String>,
    /// Threads that it started, and that have not ended.
    pub threads: Vec<ThreadInfo>,
    /// Threads that must be purged, or must end.
    pub unpurged: Vec<Unpurged>,
    /// Keys of pthreads that it made; they are no reason to keep it.
    pub keys: Vec<u32>,
}

/// A thread that a library started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadInfo {
    /// Its number in this process; 0 while it is being started.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// The library that holds the function that it runs, if that is not the plugin itself.
    pub library: Option<String>,
    /// Where that function is, from the beginning of its library: what `addr2line` takes.
    pub start_offset: usize,
}

/// A thread that holds something of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpurged {
    /// Its number in this process.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// How many destructors of thread-locals wait for its end.
    pub destructors: usize,
    /// Whether it has values of the library's keys, or is just being purged.
    pub values: bool,
}

impl Leftovers {
    /// Nothing is left that could run code of the library: it may be closed.
    pub fn is_clear(&self) -> bool {
        self.untracked.is_none() && self.threads.is_empty() && self.unpurged.is_empty()
    }
}

impl fmt::Display for Leftovers {
    /// The reasons, one after the other; the keys come last, and only if nothing else is left.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons: Vec<String> = self.untracked.iter().cloned().collect();
        reasons.extend(self.threads.iter().map(ToString::to_string));
        reasons.extend(self.unpurged.iter().map(ToString::to_string));
        if reasons.is_empty() {
            reasons.extend(self.keys.iter().map(|key| format!("key {key}")));
        }
        f.write_str(
            if reasons.is_empty() { "nothing is left".to_owned() } else { reasons.join("; ") }.as_str(),
        )
    }
}

impl fmt::Display for ThreadInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tid, name, library, start_offset } = self;
        let library = library.as_deref().unwrap_or_default();
        write!(f, "thread {tid} `{name}`, started at {library}+{start_offset:#x}, has not ended")
    }
}

impl fmt::Display for Unpurged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tid, name, destructors, values } = self;
        write!(f, "thread {tid} `{name}` holds ")?;
        match (destructors, values) {
            (0, _) => write!(f, "values of its keys"),
            (1, false) => write!(f, "a thread-local with a destructor"),
            (n, false) => write!(f, "{n} thread-locals with destructors"),
            (1, true) => write!(f, "a thread-local with a destructor and values of its keys"),
            (n, true) => write!(f, "{n} thread-locals with destructors and values of its keys"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_are_sentences_and_keys_are_none() {
        let mut left = Leftovers { keys: vec![7], ..Leftovers::default() };
        assert!(left.is_clear());
        assert_eq!(left.to_string(), "key 7");
        let (tid, name) = (12, "worker-3".to_owned());
        left.unpurged.push(Unpurged { tid, name: name.clone(), destructors: 2, values: true });
        left.threads.push(ThreadInfo { tid: 34, name, library: None, start_offset: 0x1a20 });
        assert!(!left.is_clear());
        let text = "thread 34 `worker-3`, started at +0x1a20, has not ended; thread 12 `worker-3` holds 2 thread-locals \
                    with destructors and values of its keys";
        assert_eq!(left.to_string(), text);
    }
}
