//! The last step before a table is published: the requests that its plugins want to be answered.

use crate::deadline;
use crate::error::Error;
use crate::exchange::{Exchange, Head, Plan, Progress};
use crate::scoreboard::Client;
use crate::service::{Service, Settings};
use crate::spec::{PluginSpec, Spec};
use crate::table::Table;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// An answer from here on is a failure.
const STATUS_MAX: u16 = 399;

/// Asks the table for each path of the plugin's. An answer below 400 is good.
pub(super) fn self_test(spec: &Spec, table: &Arc<Table>, plugin: &PluginSpec) -> Result<(), Error> {
    let host = plugin.hosts.first().map_or("localhost", |host| host.value.as_str());
    for path in &plugin.self_test {
        let service = Service::rehearsing(table.clone(), Settings::of(spec));
        let service = Arc::new(service);
        let (head, limit) = (TestHead::of(path, host), spec.timeouts.load);
        let step = format!("self-test: GET {}", path.value);
        let status = deadline::run(&step, limit, move |_| {
            crate::load::loading();
            Ok(ask(&service, head, limit))
        });
        let status = status.map_err(|error| path.at.place(&error))?;
        if status > STATUS_MAX {
            let error = Error::spec(format!("self-test: GET {} was answered with {status}", path.value));
            return Err(path.at.place(&error.help("the log says why")));
        }
    }
    Ok(())
}

/// The status of the answer; 504 when there is none in time.
fn ask(service: &Arc<Service>, head: TestHead, limit: Option<Duration>) -> u16 {
    let mut exchange = Exchange::new(service, head);
    if exchange.begin() == Plan::Whole {
        exchange.begin_with_body();
    }
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut progress = exchange.call();
    while progress == Progress::Pending {
        progress = exchange.poll(&waker);
        if progress == Progress::Pending && until.is_some_and(|until| Instant::now() >= until) {
            return 504;
        }
        if progress == Progress::Pending {
            std::thread::park_timeout(MOMENT);
        }
    }
    exchange.answer().status()
}

/// How long to wait at most before the deadline is looked at again.
const MOMENT: Duration = Duration::from_millis(50);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// `GET path`, from nowhere.
struct TestHead {
    target: String,
    path_len: usize,
    host: String,
}

impl TestHead {
    fn of(target: &str, host: &str) -> Self {
        let path_len = target.find('?').unwrap_or(target.len());
        Self { target: target.to_owned(), path_len, host: host.to_owned() }
    }
}

impl Head for TestHead {
    fn method(&self) -> &str {
        "GET"
    }
    fn target(&self) -> &[u8] {
        self.target.as_bytes()
    }
    fn path(&self) -> &[u8] {
        &self.target.as_bytes()[..self.path_len]
    }
    fn query(&self) -> Option<&[u8]> {
        self.target.get(self.path_len + 1..).map(str::as_bytes)
    }
    fn version(&self) -> u16 {
        11
    }
    fn host(&self) -> Option<&[u8]> {
        Some(self.host.as_bytes())
    }
    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        name.eq_ignore_ascii_case(b"host").then_some(self.host.as_bytes())
    }
    fn header_at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        (index == 0).then_some((b"host", self.host.as_bytes()))
    }
    fn peer(&self) -> String {
        "self-test".to_owned()
    }
    fn client(&self) -> Client {
        Client::Unix
    }
}
