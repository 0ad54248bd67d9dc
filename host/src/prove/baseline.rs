//! What is asked, and what it is answered with before anything is swapped.

use super::address::Address;
use super::asked::Asked;
use super::known::Surveyed;
use super::load::Drive;
use super::wire::{Answer, Connection, Pace};
use crate::deployment::Routes;
use crate::error::Error;
use crate::table::Listed;
use plugin_api_route::Rule;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::runtime::Runtime;

/// More requests than this are not driven, unless they are named.
const DRIVES_MAX: usize = 128;
/// How often each is asked at once.
pub(super) const ASKS: usize = 2;
/// After this time each is asked once more: one that tells the time is not taken for a steady one.
const STEADY_FOR: Duration = Duration::from_millis(1100);
/// An answer that does not end by then has no end, as far as a proof goes.
const END_MAX: Duration = Duration::from_secs(10);
/// Statuses from here on are no answer to go by.
const STATUS_MAX: u16 = 499;

/// A request that is not driven, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LeftOut {
    pub(super) request: String,
    pub(super) why: String,
}

/// See the module.
pub(super) struct Baseline {
    pub(super) drives: Vec<Drive>,
    /// What each of them was answered with.
    pub(super) surveys: Vec<Surveyed>,
    pub(super) left_out: Vec<LeftOut>,
    /// So many routes more could have been driven.
    pub(super) more: usize,
}

/// Asks the named requests, or else what the host lists.
pub(super) fn take(
    runtime: &Runtime,
    address: &Address,
    routes: &Routes,
    named: &[Asked],
    timeout: Duration,
) -> Result<Baseline, Error> {
    let reached = runtime.block_on(Connection::open(address, false));
    reached.map_err(|trouble| Error::failed(format!("{address}: {}", trouble.said)))?;
    let all = if named.is_empty() { of_routes(routes) } else { named.to_vec() };
    let more = all.len().saturating_sub(DRIVES_MAX.max(named.len()));
    let mut baseline = Baseline { drives: Vec::new(), surveys: Vec::new(), left_out: Vec::new(), more };
    let limit = timeout.min(END_MAX);
    for asked in all.into_iter().take(DRIVES_MAX.max(named.len())) {
        match runtime.block_on(survey(address, &asked, ASKS, limit)) {
            Ok(surveyed) => baseline.add(asked, surveyed),
            Err(why) if named.is_empty() => {
                baseline.left_out.push(LeftOut { request: asked.to_string(), why });
            }
            Err(why) => return Err(Error::failed(format!("{asked} cannot be driven: {why}"))),
        }
    }
    baseline.check()?;
    std::thread::sleep(STEADY_FOR);
    baseline.ask_again(runtime, address, limit)?;
    Ok(baseline)
}

impl Baseline {
    fn add(&mut self, asked: Asked, surveyed: Surveyed) {
        let body_bytes = surveyed.bodies.iter().map(Vec::len).max().unwrap_or(0);
        self.drives.push(Drive { asked, is_streamed: surveyed.is_streamed, body_bytes });
        self.surveys.push(surveyed);
    }

    fn check(&self) -> Result<(), Error> {
        if self.drives.is_empty() {
            let error = Error::usage("there is nothing to ask: no GET route without wildcards answers");
            let left_out = self.left_out.iter().map(|one| format!("{} {}", one.request, one.why));
            let error = left_out.fold(error, Error::help);
            return Err(error.help("name what to ask with --path PATH, or `self_test` in the spec"));
        }
        if self.surveys.iter().all(|surveyed| surveyed.named.is_none()) {
            let header = crate::exchange::GENERATION_HEADER;
            let error =
                Error::failed(format!("no answer names its generation: there is no header `{header}`"));
            return Err(error.help("drive the host itself, not a proxy in front of it that drops the header"));
        }
        Ok(())
    }

    fn ask_again(&mut self, runtime: &Runtime, address: &Address, limit: Duration) -> Result<(), Error> {
        for (drive, surveyed) in self.drives.iter().zip(&mut self.surveys) {
            let again = runtime.block_on(survey(address, &drive.asked, 1, limit));
            let again = again.map_err(|why| Error::failed(format!("{}: {why}", drive.asked)))?;
            surveyed.bodies.extend(again.bodies);
        }
        Ok(())
    }
}

/// GET routes without wildcards, and the paths of self-tests; those of each plugin in turn, so that none is left out.
fn of_routes(routes: &Routes) -> Vec<Asked> {
    let mut by_plugin = BTreeMap::<&str, Vec<Asked>>::new();
    for listed in &routes.routes {
        by_plugin.entry(&listed.plugin).or_default().extend(asked_of(listed));
    }
    let self_tests =
        routes.self_tests.iter().filter_map(|test| Asked::new("GET", &test.host, &test.path).ok());
    let most = by_plugin.values().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..most).flat_map(|turn| by_plugin.values().filter_map(move |of| of.get(turn).cloned()));
    let mut all = Vec::new();
    for asked in self_tests.chain(in_turn) {
        if !all.contains(&asked) {
            all.push(asked);
        }
    }
    all
}

fn asked_of(listed: &Listed) -> Option<Asked> {
    let rule = Rule::parse(&listed.rule).ok()?;
    let is_get = matches!(listed.method.as_str(), "GET" | "ANY");
    Asked::new("GET", &listed.host, rule.path().filter(|_| is_get)?).ok()
}

/// Asks so often on one connection, as far as the host keeps it: what a connection's own process counts is another number each
/// time. An answer that says that the host failed is no answer to go by,
/// unless there is no other.
pub(super) async fn survey(
    address: &Address,
    asked: &Asked,
    asks: usize,
    limit: Duration,
) -> Result<Surveyed, String> {
    let mut answers = Vec::new();
    let mut kept = None;
    for left in (0..asks).rev() {
        answers.push(ask_once(address, &mut kept, asked, left == 0, limit).await?);
    }
    let status = answers.iter().map(|answer| answer.status).find(|status| *status <= STATUS_MAX);
    let Some(status) = status else {
        let failed = answers.first().map_or(0, |answer| answer.status);
        return Err(format!("is answered with {failed}"));
    };
    answers.retain(|answer| answer.status == status);
    let is_streamed = answers.iter().any(|answer| answer.is_streamed);
    let named = answers.first().and_then(|answer| answer.named.clone());
    let bodies = answers.into_iter().map(|answer| answer.body).collect();
    Ok(Surveyed { status, named, bodies, is_streamed })
}

/// On the connection that is kept, else on a new one; and has it kept, unless this is its last request.
async fn ask_once(
    address: &Address,
    kept: &mut Option<Connection>,
    asked: &Asked,
    is_last: bool,
    limit: Duration,
) -> Result<Answer, String> {
    let answer = async {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(address, false).await?,
        };
        let answer = connection.ask(asked, is_last, Pace::Fast).await?;
        if is_last || answer.closes {
            connection.closed().await;
        } else {
            *kept = Some(connection);
        }
        Ok(answer)
    };
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer
            .map_err(|trouble: super::wire::Trouble| format!("{}: {}", trouble.failed.word(), trouble.said)),
        Err(_) => Err(format!("does not end within {}", crate::units::duration(limit))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::SelfTest;

    fn listed(plugin: &str, host: &str, method: &str, rule: &str) -> Listed {
        let [plugin, host, method, rule] = [plugin, host, method, rule].map(str::to_owned);
        Listed { host, method, rule, plugin, version: "1".to_owned() }
    }

    #[test]
    fn get_routes_without_wildcards_are_driven_each_plugin_in_turn_and_none_twice() {
        let routes = Routes {
            routes: vec![
                listed("a", "", "GET", "/1"),
                listed("a", "", "GET", "/item/<id>"),
                listed("a", "", "POST", "/2"),
                listed("a", "", "GET", "/3"),
                listed("b", "shop.example.com", "ANY", r"/12\:30"),
            ],
            self_tests: vec![
                SelfTest { host: String::new(), path: "/item/7?full".into() },
                SelfTest { host: String::new(), path: "/3".into() },
            ],
        };
        let asked: Vec<String> = of_routes(&routes).iter().map(ToString::to_string).collect();
        assert_eq!(asked, ["GET /item/7?full", "GET /3", "GET /1", "GET shop.example.com/12:30"]);
    }
}
