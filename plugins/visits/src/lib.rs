//! Counts visits, and loses none when it is swapped. It does so in both ways: all visits in the host's store, which no swap
//! touches, and those of each page in a state of its own, which one generation hands over to the next.

use plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Further pages are counted as one: clients make up names.
const PAGES_MAX: usize = 1000;

/// Visits by page.
#[derive(Default)]
struct Pages(Mutex<BTreeMap<String, u64>>);

impl Pages {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn none() -> Result<Pages, Error> {
    Ok(Pages::default())
}

#[get("/")]
fn index() -> Result<String, Error> {
    let visits = store::counter("visits").add(1)?;
    Ok(format!("visit {visits}\n"))
}

#[get("/page/<name>")]
fn page(name: &str, pages: State<Pages>) -> Result<String, Error> {
    let all = store::counter("visits").add(1)?;
    let mut pages = pages.lock();
    let is_known = pages.contains_key(name) || pages.len() < PAGES_MAX;
    let visits = pages.entry(if is_known { name.into() } else { "others".into() }).or_default();
    *visits += 1;
    Ok(format!("visit {visits} of {name}, {all} in all\n"))
}

/// What this generation hands over. Requests go on meanwhile: `handover = "gate"` in the spec holds them back, where not
/// one may be lost.
fn save(pages: State<Pages>) -> Json<BTreeMap<String, u64>> {
    Json(pages.lock().clone())
}

/// Taken over by the next one, before it starts. An `Err` here would cancel the swap.
fn load(pages: State<Pages>, _schema: u32, saved: Json<BTreeMap<String, u64>>) {
    *pages.lock() = saved.0;
}

plugin! {
    state: Pages = none,
    routes: [index, page],
    schema: 1,
    save: save,
    load: load,
    requires: ["pa.store/1"],
}

#[cfg(test)]
mod tests {
    use super::pa_plugin_v1;
    use plugin_api::test::{TestClient, client};

    #[test]
    fn a_swap_loses_no_visit() {
        let old = client!();
        assert_eq!(old.get("/").text(), "visit 1\n");
        assert_eq!(old.get("/page/tea").text(), "visit 1 of tea, 2 in all\n");
        let new = old.swap_to(&pa_plugin_v1);
        assert_eq!(new.get("/page/tea").text(), "visit 2 of tea, 3 in all\n");
        assert_eq!(old.get("/").text(), "visit 4\n", "the old one ends what it began");
        drop(old);
        assert_eq!(new.get("/").text(), "visit 5\n");
    }

    #[test]
    fn what_it_hands_over_can_be_read() {
        let client = TestClient::with_state(&pa_plugin_v1, "{}", 1, br#"{"tea":41}"#);
        client.get("/page/tea").text();
        assert_eq!(client.save(), br#"{"tea":42}"#);
        assert!(TestClient::try_with_state(&pa_plugin_v1, "{}", 1, br#"{"tea":"many"}"#).is_err());
    }

    #[test]
    fn pages_that_are_made_up_do_not_fill_its_memory() {
        let client = client!();
        for n in 0..super::PAGES_MAX {
            client.get(&format!("/page/{n}")).text();
        }
        assert_eq!(client.get("/page/one-more").text(), "visit 1 of one-more, 1001 in all\n");
        assert_eq!(client.get("/page/another").text(), "visit 2 of another, 1002 in all\n");
        assert_eq!(client.get("/page/7").text(), "visit 2 of 7, 1003 in all\n");
    }
}
