//! The stacks of all threads of a process that does not answer any more: what it waits for may be in any of them.

use super::frames;
use crate::scoreboard::View;
use crate::stack::{self, Taken, Thread};

/// Of so many threads at once, of the oldest ones: those of the host are among them. Equal stacks are said once.
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
            Ok(calls) => (head, frames::text(calls, &generations)),
            Err(error) => (head, format!("  no stack: {error}")),
        }
    };
    let mut texts = together(stack::take(threads, || ()).iter().map(text));
    texts.extend((more > 0).then(|| format!("and {more} threads more")));
    texts.join("\n")
}

/// Each stack once, below all the threads that have it, in the order of the first ones.
fn together(taken: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut all: Vec<(Vec<String>, String)> = Vec::new();
    for (head, stack) in taken {
        match all.iter_mut().find(|(_, of_others)| *of_others == stack) {
            Some((heads, _)) => heads.push(head),
            None => all.push((vec![head], stack)),
        }
    }
    all.into_iter().map(|(heads, stack)| format!("{}\n{stack}", heads.join(", "))).collect()
}

/// The oldest first, as the system lists them. Their numbers do not say that: those begin again at their end.
fn threads_of(process: u32) -> Vec<Thread> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let numbers = tasks.filter_map(|task| task.file_name().to_str()?.parse().ok());
    numbers.map(|thread| Thread { process, thread }).collect()
}

fn name(of: Thread) -> String {
    let name = std::fs::read(format!("/proc/{}/task/{}/comm", of.process, of.thread)).unwrap_or_default();
    String::from_utf8_lossy(&name).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_of_main_is_the_first() {
        let process = std::process::id();
        assert_eq!(threads_of(process).first().map(|first| first.thread), Some(process));
    }

    #[test]
    fn an_equal_stack_is_said_once() {
        let taken = [("a", "1"), ("b", "2"), ("c", "1")].map(|(head, stack)| (head.into(), stack.into()));
        assert_eq!(together(taken.into_iter()), ["a, c\n1", "b\n2"]);
    }

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
