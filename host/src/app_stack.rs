//! The app stack: which app is the default one while something is loaded.
//!
//! Bottle's `AppStack`, with its semantics: calling an empty stack makes an app, `push` makes an app the default one,
//! `pop` takes it off. What Bottle does by removing an app that equals the one pushed, this does by a [mark](Mark): the
//! stack is cut back to the depth it had, whatever was pushed and forgotten in between.

/// A stack of default apps. `A` is an app, or a handle to one.
#[derive(Debug)]
pub struct AppStack<A> {
    apps: Vec<A>,
}

impl<A> Default for AppStack<A> {
    fn default() -> Self {
        Self { apps: Vec::new() }
    }
}

/// The depth of a stack at some moment; see [`AppStack::mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub struct Mark(usize);

impl<A: Clone> AppStack<A> {
    /// The default app: the top. An empty stack makes one first.
    pub fn top_or_else(&mut self, make: impl FnOnce() -> A) -> A {
        if let Some(top) = self.apps.last() {
            return top.clone();
        }
        self.push(make())
    }

    /// Makes `app` the default app and gives it back.
    pub fn push(&mut self, app: A) -> A {
        self.apps.push(app.clone());
        app
    }

    /// Takes the default app off the stack.
    pub fn pop(&mut self) -> Option<A> {
        self.apps.pop()
    }

    /// How many apps are on the stack.
    pub fn len(&self) -> usize {
        self.apps.len()
    }

    /// Whether there is no default app.
    pub fn is_empty(&self) -> bool {
        self.apps.is_empty()
    }

    /// The depth now.
    pub fn mark(&self) -> Mark {
        Mark(self.apps.len())
    }

    /// Cuts the stack back to a depth that it had, and says how many apps were left behind.
    pub fn restore(&mut self, mark: Mark) -> usize {
        let left = self.apps.len().saturating_sub(mark.0);
        self.apps.truncate(mark.0);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_stack_makes_its_default_app_when_it_is_asked_for_one() {
        let mut stack = AppStack::default();
        assert!(stack.is_empty());
        assert_eq!(stack.top_or_else(|| 1), 1);
        assert_eq!(stack.top_or_else(|| 2), 1);
        assert_eq!(stack.len(), 1);
    }

    #[test]
    fn a_pushed_app_is_the_default_until_it_is_popped() {
        let mut stack = AppStack::default();
        stack.push("outer");
        assert_eq!(stack.push("inner"), "inner");
        assert_eq!(stack.top_or_else(|| "none"), "inner");
        assert_eq!(stack.pop(), Some("inner"));
        assert_eq!(stack.top_or_else(|| "none"), "outer");
    }

    #[test]
    fn restoring_a_mark_removes_what_was_pushed_and_forgotten() {
        let mut stack = AppStack::default();
        stack.push("previous default");
        let mark = stack.mark();
        stack.push("temporary");
        stack.push("forgotten");
        assert_eq!(stack.restore(mark), 2);
        assert_eq!(stack.top_or_else(|| "none"), "previous default");
    }

    #[test]
    fn restoring_a_mark_does_not_put_back_what_was_popped() {
        let mut stack = AppStack::default();
        stack.push(1);
        let mark = stack.mark();
        stack.pop();
        assert_eq!(stack.restore(mark), 0);
        assert!(stack.is_empty());
    }
}
