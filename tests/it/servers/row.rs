//! A behaviour that every server has, and what one does instead that has not.

use crate::harness::{all_servers, on_servers, registered};

/// One behaviour. See [`LIST`](super::list::LIST).
pub(super) struct Row {
    /// A sentence.
    pub(super) name: &'static str,
    /// That it is so, on the server of that name.
    pub(super) test: fn(&'static str),
    pub(super) except: &'static [Except],
}

/// Whoever does something else: always with the reason, and with a test of what it does. When that stops to hold, the exception has
/// to go.
pub(super) struct Except {
    pub(super) who: Who,
    pub(super) why: &'static str,
    pub(super) does: fn(&'static str),
}

/// Whom an exception is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    /// That server.
    Server(&'static str),
    /// Every server that speaks this HTTP/1.
    Http(&'static str),
}

impl Who {
    fn is(self, server: &str) -> bool {
        match self {
            Self::Server(name) => name == server,
            Self::Http(http) => registered(server).http == http,
        }
    }
}

impl Row {
    /// Holds it against every server.
    pub(super) fn run(&self) {
        on_servers(&all_servers(), |server| {
            let except = self.except.iter().find(|except| except.who.is(server));
            except.map_or(self.test, |except| except.does)(server);
        });
    }
}

/// The list, and a test for each of its rows: `module::behaviour;` for what every server does; behind `except`, who does what
/// instead, and why.
macro_rules! behaviours {
    ($($module:ident :: $name:ident $(except { $($who:expr, $why:literal => $in:ident :: $does:ident;)+ })? ;)+) => {
        pub(super) const LIST: &[Row] = &[$(Row {
            name: stringify!($name),
            test: $module::$name,
            except: &[$($(Except { who: $who, why: $why, does: $in::$does }),+)?],
        }),+];

        $(
            #[test]
            fn $name() {
                row(stringify!($name)).run();
            }
        )+
    };
}

pub(super) use behaviours;
