//! Whether a host works, and whether its app is to be asked: for whoever starts it again, and for whoever sends it clients.

use crate::control::Answer;
use crate::own_pages::{Answered, Asked, OwnAnswer, OwnPages};
use crate::spec::HealthSpec;
use crate::stop::Stop;
use serde_json::{Value, json};

/// Where they are answered on the control socket.
pub(crate) const LIVE: &str = "/healthz";
/// As [`LIVE`].
pub(crate) const READY: &str = "/readyz";

/// What is said of a host.
pub(crate) enum Health {
    /// It works: whoever is asked could answer.
    Live,
    /// Its app is to be asked.
    Ready,
    /// It is not, and why.
    NotReady(String),
}

impl Health {
    pub(crate) fn is_good(&self) -> bool {
        !matches!(self, Self::NotReady(_))
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ready => "ready",
            Self::NotReady(_) => "not ready",
        }
    }

    fn why(&self) -> Option<&str> {
        if let Self::NotReady(why) = self { Some(why) } else { None }
    }

    fn text(&self) -> String {
        self.why().map_or(self.word().to_owned(), |why| format!("{}: {why}", self.word()))
    }

    fn json(&self) -> Value {
        json!({ "status": self.word(), "why": self.why() })
    }
}

impl From<Health> for Answer {
    fn from(health: Health) -> Self {
        Self { exit: u8::from(!health.is_good()), text: health.text(), data: health.json() }
    }
}

/// The type and the body of the answer to HTTP, as the client's `accept` has it.
pub(crate) fn body(data: &Value, text: &str, accept: Option<&str>) -> (&'static str, String) {
    match accept.is_some_and(|accept| accept.contains("application/json")) {
        true => ("application/json", format!("{data}\n")),
        false => ("text/plain; charset=utf-8", format!("{text}\n")),
    }
}

/// Answers where the app is served, and leaves all else to whoever else answers by itself.
pub(crate) struct HealthPages {
    spec: HealthSpec,
    stop: Stop,
}

impl HealthPages {
    pub(crate) fn new(spec: &HealthSpec, stop: &Stop) -> Self {
        Self { spec: spec.clone(), stop: stop.clone() }
    }

    /// A worker that another one replaces still has an app that is to be asked.
    fn of(&self, path: &[u8]) -> Option<Health> {
        match () {
            () if path == self.spec.live.as_bytes() => Some(Health::Live),
            () if path != self.spec.ready.as_bytes() => None,
            () if self.stop.is_requested() => Some(Health::NotReady("the host stops".to_owned())),
            () => Some(Health::Ready),
        }
    }
}

impl OwnPages for HealthPages {
    fn may_answer(&self, path: &[u8]) -> bool {
        path == self.spec.live.as_bytes() || path == self.spec.ready.as_bytes()
    }

    fn changes_pages(&self) -> bool {
        false
    }

    fn answer(&self, request: &Asked<'_>) -> Option<OwnAnswer> {
        let health = self.of(request.path).filter(|_| matches!(request.method, "GET" | "HEAD"))?;
        let (content_type, body) = body(&health.json(), &health.text(), request.accept);
        let status = if health.is_good() { 200 } else { 503 };
        Some(OwnAnswer { status, content_type, body: body.into_bytes(), stream: None })
    }

    fn body_instead(&self, _: &Asked<'_>, _: &Answered<'_>) -> Option<Vec<u8>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(pages: &HealthPages, method: &str, path: &str, accept: Option<&str>) -> Option<(u16, String)> {
        let asked = Asked { method, path: path.as_bytes(), accept, ..Asked::default() };
        let answer = pages.answer(&asked)?;
        Some((answer.status, String::from_utf8(answer.body).expect("text")))
    }

    #[test]
    fn an_app_is_ready_until_its_host_stops_and_live_also_then() {
        let stop = Stop::new().expect("a stop");
        let pages = HealthPages::new(&HealthSpec::default(), &stop);
        let ready = |accept| answer(&pages, "GET", "/readyz", accept);
        assert_eq!(ready(None), Some((200, "ready\n".to_owned())));
        stop.retire();
        assert_eq!(ready(Some("*/*")), Some((200, "ready\n".to_owned())));
        stop.request();
        assert_eq!(ready(None), Some((503, "not ready: the host stops\n".to_owned())));
        let json = "{\"status\":\"not ready\",\"why\":\"the host stops\"}\n".to_owned();
        assert_eq!(ready(Some("application/json, */*")), Some((503, json)));
        assert_eq!(answer(&pages, "HEAD", "/healthz", None), Some((200, "live\n".to_owned())));
    }

    #[test]
    fn all_else_is_the_apps() {
        let pages = HealthPages::new(&HealthSpec::default(), &Stop::new().expect("a stop"));
        assert_eq!(answer(&pages, "POST", "/readyz", None), None);
        assert_eq!(answer(&pages, "GET", "/readyz/x", None), None);
        assert!(pages.may_answer(b"/readyz") && !pages.may_answer(b"/"));
    }
}
