//! State moves from one generation to the next.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn visits(keys: &str) -> Spec {
    Spec::new().plugin("visits", &workspace_plugin("visits")).text(keys)
}

fn swap(host: &Host, args: &[&str]) -> Output {
    host.ctl(["swap", "visits", "--force"].iter().chain(args).copied())
}

#[test]
fn a_snapshot_is_taken_over_and_the_store_stays_as_it_is() {
    for handover in ["copy", "gate"] {
        for_each_server(|server| {
            let host = Host::start(visits(&format!("handover = '{handover}'")), server);
            let visit = || host.get("/page/tea").expect(200).text().to_owned();
            assert_eq!(visit(), "visit 1 of tea, 1 in all\n");
            let output = swap(&host, &[]);
            assert!(output.stdout.contains("; state taken over, 9 bytes of schema 1"), "{output:?}");
            assert_eq!(visit(), "visit 2 of tea, 2 in all\n");
            let output = host.ctl(["rollback", "visits"]);
            assert!(output.stdout.contains("; state taken over, 9 bytes of schema 1"), "{output:?}");
            assert_eq!(visit(), "visit 3 of tea, 3 in all\n", "back with the newest state");
        });
    }
}

#[test]
fn a_swap_may_leave_the_state_behind() {
    let host = Host::start(visits(""), "threaded");
    assert_eq!(host.get("/page/tea").expect(200).text(), "visit 1 of tea, 1 in all\n");
    assert!(!swap(&host, &["--without-state"]).stdout.contains("state"));
    assert_eq!(host.get("/page/tea").expect(200).text(), "visit 1 of tea, 2 in all\n");
}

/// Through a gate nothing is lost: who asks meanwhile waits.
#[test]
fn no_visit_is_lost_behind_a_gate() {
    const CLIENTS: usize = 4;
    const SWAPS: usize = 12;
    on_servers(&at_once(), |server| {
        let host = Host::start(visits("handover = 'gate'"), server);
        let ended = &AtomicBool::new(false);
        let counted = std::thread::scope(|threads| {
            let host = &host;
            let visit = move || {
                let (mut client, mut count) = (host.connect(), 0);
                while !ended.load(Ordering::Relaxed) {
                    client.get("/page/tea").expect(200);
                    count += 1;
                }
                count
            };
            let clients: Vec<_> = (0..CLIENTS).map(|_| threads.spawn(visit)).collect();
            for _ in 0..SWAPS {
                let output = swap(host, &[]);
                assert_eq!(output.code, Some(0), "{output:?}");
                assert!(output.stdout.contains(", 0 failed"), "{output:?}");
            }
            ended.store(true, Ordering::Relaxed);
            clients.into_iter().map(|client| client.join().expect("no panic")).sum::<usize>()
        });
        let text = host.get("/page/tea").expect(200).text().to_owned();
        let all = counted + 1;
        assert_eq!(text, format!("visit {all} of tea, {all} in all\n"), "state and store agree");
    });
}

#[test]
fn a_state_that_is_refused_cancels_the_swap() {
    let host = Host::start(Spec::new().plugin("keeper", &keeper("1", "")), "threaded");
    assert_eq!(host.get("/").expect(200).text(), "made by 1");
    let refuses = keeper("2", "#define REFUSES");
    let output = host.ctl(["swap", &format!("keeper={}", refuses.display())]);
    assert_eq!(output.code, Some(78), "{output:?}");
    let said = "plugin `keeper`: load: schema 7: I do not like it";
    assert!(
        output.stderr.contains(said) && output.stderr.contains("help: still served: keeper 1"),
        "{output:?}"
    );
    assert_eq!(host.get("/").expect(200).text(), "made by 1");
    let other = keeper("2", "#define ACCEPTS \"[8]\"");
    let output = host.ctl(["swap", &format!("keeper={}", other.display())]);
    assert!(output.stderr.contains("keeper 1 saves schema 7, 2 accepts 8"), "{output:?}");
    let good = keeper("2", "");
    let output = host.ctl(["swap", &format!("keeper={}", good.display())]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(host.get("/").expect(200).text(), "made by 1", "the state is the old one's");
}

fn keeper(version: &str, defines: &str) -> PathBuf {
    let defines = format!("#define VERSION \"{version}\"\n{defines}\n");
    plugin_from_c("keeper", &format!("{defines}{}", include_str!("keeper.c")))
}
