//! Which plugin is swapped next, and to what.

use super::subject::{Row, Status};
use crate::error::Error;
use crate::suggest;
use std::path::PathBuf;

/// Plugins that are swapped in turn, for ever.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    turns: Vec<Turn>,
    next: usize,
}

#[derive(Clone, Debug)]
struct Turn {
    plugin: String,
    /// Its own file and another one, which take turns; none: the file that it has, again and again.
    files: Option<[PathBuf; 2]>,
    has_other: bool,
}

/// A swap that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) plugin: String,
    pub(super) file: Option<PathBuf>,
}

impl Schedule {
    /// Of all plugins that are served, or of those that are named; `with` has other files for some of them.
    pub(super) fn new(status: &Status, named: &[String], with: &[(String, PathBuf)]) -> Result<Self, Error> {
        let serving: Vec<&Row> = status.serving().collect();
        let find =
            |name: &str| serving.iter().find(|row| row.plugin == name).ok_or_else(|| unknown(name, &serving));
        for (name, _) in with {
            find(name)?;
            if !named.is_empty() && !named.contains(name) {
                return Err(Error::usage(format!("--with names `{name}`, and --plugin does not")));
            }
        }
        let rows = match named {
            [] => serving.clone(),
            named => named.iter().map(|name| find(name).copied()).collect::<Result<Vec<_>, _>>()?,
        };
        let turn = |row: &Row| {
            let other = with.iter().find(|(name, _)| *name == row.plugin);
            let files = other.map(|(_, other)| [row.file.clone(), other.clone()]);
            Turn { plugin: row.plugin.clone(), files, has_other: false }
        };
        let turns: Vec<Turn> = rows.into_iter().map(turn).collect();
        if turns.is_empty() {
            return Err(Error::failed("the host serves no plugin: there is nothing to swap"));
        }
        Ok(Self { turns, next: 0 })
    }

    /// The plugins that are swapped.
    pub(super) fn plugins(&self) -> Vec<String> {
        self.turns.iter().map(|turn| turn.plugin.clone()).collect()
    }

    /// After so many swaps each plugin has had each of its files.
    pub(super) fn period(&self) -> usize {
        let has_other = self.turns.iter().any(|turn| turn.files.is_some());
        self.turns.len() * if has_other { 2 } else { 1 }
    }

    pub(super) fn next(&mut self) -> Next {
        let place = self.next;
        self.next = (place + 1) % self.turns.len();
        let turn = &mut self.turns[place];
        turn.has_other = !turn.has_other;
        let file = turn.files.as_ref().map(|files| files[usize::from(turn.has_other)].clone());
        Next { plugin: turn.plugin.clone(), file }
    }

    /// The swaps that bring every plugin back to its own file.
    pub(super) fn back(&self) -> Vec<Next> {
        let others = self.turns.iter().filter(|turn| turn.has_other);
        let back = |turn: &Turn| {
            let [own, _] = turn.files.clone()?;
            Some(Next { plugin: turn.plugin.clone(), file: Some(own) })
        };
        others.filter_map(back).collect()
    }
}

fn unknown(name: &str, serving: &[&Row]) -> Error {
    let known: Vec<&str> = serving.iter().map(|row| row.plugin.as_str()).collect();
    let error = Error::usage(format!("no plugin `{name}` is served"));
    error.help(format!("there are: {}", suggest::sorted(name, &known).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(named: &[&str], with: &[(&str, &str)]) -> Result<Schedule, Error> {
        let row = |plugin: &str| Row::serving(plugin, &format!("{plugin}.so"));
        let status = Status { generations: vec![row("a"), row("b")], ..Status::default() };
        let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        let with: Vec<_> =
            with.iter().map(|(name, file)| ((*name).to_owned(), PathBuf::from(file))).collect();
        Schedule::new(&status, &named, &with)
    }

    fn next(schedule: &mut Schedule) -> String {
        let Next { plugin, file } = schedule.next();
        format!("{plugin} {}", file.unwrap_or_default().display())
    }

    #[test]
    fn plugins_take_turns_and_so_do_their_files() {
        let mut all = schedule(&[], &[("b", "other.so")]).unwrap();
        let four: Vec<String> = (0..4).map(|_| next(&mut all)).collect();
        assert_eq!(four, ["a ", "b other.so", "a ", "b b.so"]);
        assert_eq!((all.period(), all.plugins()), (4, vec!["a".to_owned(), "b".to_owned()]));
        assert!(all.back().is_empty());
        (0..2).for_each(|_| drop(all.next()));
        assert_eq!(all.back(), [Next { plugin: "b".into(), file: Some("b.so".into()) }]);

        let mut one = schedule(&["b"], &[]).unwrap();
        assert_eq!((next(&mut one), next(&mut one), one.period()), ("b ".into(), "b ".into(), 1));
        assert!(one.back().is_empty());
    }

    #[test]
    fn plugins_that_are_not_there_are_refused() {
        let refused = |named: &[&str], with: &[(&str, &str)]| schedule(named, with).unwrap_err().to_string();
        assert_eq!(refused(&["c"], &[]), "no plugin `c` is served\nhelp: there are: a, b");
        assert_eq!(refused(&[], &[("c", "x.so")]), "no plugin `c` is served\nhelp: there are: a, b");
        assert_eq!(refused(&["a"], &[("b", "x.so")]), "--with names `b`, and --plugin does not");
    }
}
