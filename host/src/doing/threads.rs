//! The stacks of all threads of a process that does not answer any more: what it waits for may be in any of them.

use super::frames;
use crate::scoreboard::View;
use crate::stack::{self, Taken, Thread};

/// Of so many threads at once, of the oldest ones: those of the host are among them.
const THREADS_MAX: usize = 32;

/// Takes them, as text. Waits: to be called on a thread that may.
pub(crate) fn stacks_of_process(process: u32, view: Option<&View>) -> String {
    let mut threads = threads_of(process);
    let more = threads.len().saturating_sub(THREADS_MAX);
    threads.truncate(THREADS_MAX);
    let generations = view.map(View::generations).unwrap_or_default();
    let text = |Taken { of, frames }: &Taken| {
        let head = format!("thread {} `{}`", of.thread, name(*of));
        match frames {
            Ok(calls) => format!("{head}\n{}", frames::text(calls, &generations)),
            Err(error) => format!("{head}\n  no stack: {error}"),
        }
    };
    let mut texts: Vec<String> = stack::take(threads, || ()).iter().map(text).collect();
    texts.extend((more > 0).then(|| format!("and {more} threads more")));
    texts.join("\n")
}

fn threads_of(process: u32) -> Vec<Thread> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let numbers = tasks.filter_map(|task| task.file_name().to_str()?.parse().ok());
    let mut threads: Vec<Thread> = numbers.map(|thread| Thread { process, thread }).collect();
    threads.sort_by_key(|one| one.thread);
    threads
}

fn name(of: Thread) -> String {
    let name = std::fs::read(format!("/proc/{}/task/{}/comm", of.process, of.thread)).unwrap_or_default();
    String::from_utf8_lossy(&name).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_of_a_process_is_found_by_its_name() {
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let named = std::thread::Builder::new().name("looked for".into());
        let thread = named.spawn(move || wait.recv().is_err()).expect("a thread");
        let is_there = || threads_of(std::process::id()).iter().any(|one| name(*one) == "looked for");
        while !is_there() {
            std::thread::yield_now();
        }
        drop(end);
        assert!(thread.join().expect("no panic"));
        assert!(threads_of(u32::MAX).is_empty());
    }
}
