//! One client of the load.

use super::counts::Kind;
use super::failed::Failed;
use super::judge::Request;
use super::load::Shared;
use super::rest::Turn;
use super::wire::{Answer, Connection, Pace, Trouble};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A client on a kept connection asks so often without a pause, and then pauses: so that a swap finds connections that wait as
/// well as such that work, and the machine has time for the host.
const BURST: usize = 32;
const PAUSE: Duration = Duration::from_millis(2);
/// Between two new connections: their ports are not the system's last ones.
const PAUSE_NEW: Duration = Duration::from_millis(1);
/// A slow reader takes about so long for a body, in so many portions.
const SLOW: Duration = Duration::from_millis(400);
const SLOW_PORTIONS: u32 = 20;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// One kind of request, all the time.
    All(Kind),
    /// All kinds in turn, on one connection at a time: for a server that has no more.
    InTurns,
}

/// So many clients, and what each of them does.
pub(super) fn parts(clients: usize, has_streams: bool) -> Vec<Part> {
    const ORDER: [Kind; 8] =
        [Kind::Kept, Kind::New, Kind::Stream, Kind::Slow, Kind::Kept, Kind::Kept, Kind::New, Kind::Kept];
    let part = |kind: &Kind| match kind {
        Kind::Stream if !has_streams => Part::All(Kind::Kept),
        kind => Part::All(*kind),
    };
    match clients {
        1..=3 => vec![Part::InTurns; clients],
        _ => ORDER.iter().cycle().take(clients).map(part).collect(),
    }
}

/// Asks until the load is over.
pub(super) async fn run(shared: Arc<Shared>, part: Part, number: usize) {
    let mut client = Client { shared, connection: None, is_alone: part == Part::InTurns, turn: number };
    while client.go_on(part).await.is_some() {}
}

struct Client {
    shared: Arc<Shared>,
    connection: Option<Connection>,
    /// Its connection is the only one that there may be: nobody else could ask anything meanwhile.
    is_alone: bool,
    /// Counts what it asked: which request is next.
    turn: usize,
}

/// How often a client that does all in turn asks in each way.
const IN_TURNS: [(Kind, usize); 4] = [(Kind::Kept, 40), (Kind::New, 10), (Kind::Stream, 2), (Kind::Slow, 1)];

impl Client {
    /// Some requests; none: the load is over.
    async fn go_on(&mut self, part: Part) -> Option<()> {
        match part {
            Part::All(kind) => self.some(kind, BURST).await,
            Part::InTurns => {
                for (kind, count) in IN_TURNS {
                    if kind != Kind::Stream || !self.shared.streams.is_empty() {
                        self.some(kind, count).await?;
                        self.connection = None;
                    }
                }
                Some(())
            }
        }
    }

    async fn some(&mut self, kind: Kind, count: usize) -> Option<()> {
        for _ in 0..count {
            self.ask(kind).await?;
            if kind == Kind::New {
                self.close().await;
                tokio::time::sleep(PAUSE_NEW).await;
            }
        }
        if kind == Kind::Kept {
            tokio::time::sleep(PAUSE).await;
        }
        Some(())
    }

    /// One request.
    async fn ask(&mut self, kind: Kind) -> Option<()> {
        let shared = self.shared.clone();
        let _turn = self.turn(&shared).await;
        if shared.is_over() {
            return None;
        }
        let asked = self.next(kind);
        let began = Instant::now();
        let result = tokio::time::timeout(shared.timeout, self.exchange(kind, asked)).await;
        let late = || Err(Trouble::new(Failed::Late, format!("no whole answer within {:?}", shared.timeout)));
        let result = result.unwrap_or_else(|_| late());
        let ended = Instant::now();
        let connection = self.connection.as_ref();
        let connection =
            connection.map_or((Duration::ZERO, 0), |one| (ended.duration_since(one.opened), one.requests));
        if !result.as_ref().is_ok_and(|answer| !answer.closes || kind == Kind::New) {
            self.connection = None;
        }
        let request = Request { asked, kind, began, ended, connection };
        shared.recorded(|judge| judge.record(request, result));
        Some(())
    }

    async fn turn<'a>(&mut self, shared: &'a Shared) -> Turn<'a> {
        if let Some(turn) = shared.rest.try_turn() {
            return turn;
        }
        if self.is_alone {
            self.connection = None;
        }
        shared.rest.turn().await
    }

    fn next(&mut self, kind: Kind) -> usize {
        self.turn += 1;
        let of = |places: &[usize]| places[self.turn % places.len()];
        match kind {
            Kind::Kept | Kind::New => of(&self.shared.ordinary),
            Kind::Stream => of(&self.shared.streams),
            Kind::Slow => self.shared.largest,
        }
    }

    /// On the connection that there is, else on a new one.
    async fn exchange(&mut self, kind: Kind, asked: usize) -> Result<Answer, Trouble> {
        let shared = &self.shared;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(&shared.address, kind == Kind::Slow).await?),
        };
        let drive = &shared.drives[asked];
        let portion = drive.body_bytes / SLOW_PORTIONS as usize + 1;
        let pace = match kind {
            Kind::Slow => Pace::Slow { portion, pause: SLOW / SLOW_PORTIONS, rest: &shared.rest },
            Kind::Kept | Kind::New | Kind::Stream => Pace::Fast,
        };
        connection.ask(&drive.asked, kind == Kind::New, pace).await
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.closed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_clients_do_all_in_turn_and_more_share_the_work() {
        assert_eq!(parts(1, true), [Part::InTurns]);
        let eight = parts(8, true);
        let count = |kind| eight.iter().filter(|part| **part == Part::All(kind)).count();
        assert_eq!([Kind::Kept, Kind::New, Kind::Stream, Kind::Slow].map(count), [4, 2, 1, 1]);
        assert!(!parts(8, false).contains(&Part::All(Kind::Stream)), "there is no stream");
        assert_eq!(parts(11, true).len(), 11);
    }
}
