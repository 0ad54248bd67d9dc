//! The old generation finishes what it began.

use super::*;
use std::time::Duration;

#[test]
fn a_request_finishes_on_the_generation_that_it_began_on() {
    on_servers(&["threaded"], |server| {
        let host = shop_host(server);
        let (path, latch) = latch(&host, "go");
        let mut slow = host.connect();
        slow.send_head("GET", &format!("/wait/{path}"), &[]);
        eventually("the request has begun", || row(&host, "shop", "serving")["in_flight"] == 1);
        let output = while_swapping(&host, &shop("2"), || {
            eventually("the new one serves", || host.get("/").text() == "version 2");
            assert_eq!(row(&host, "shop", "draining")["in_flight"], 1);
            open(&latch);
        });
        assert_eq!(slow.read().expect(200).text(), "waited on 1");
        assert!(output.stdout.contains(", 0 failed, 1 finished on 1"), "{output:?}");
        swap_to(&host, &shop("3"));
        assert_eq!(mapped(&host, "libshop.so"), 2);
    });
}

/// A handler that holds its thread past the drain deadline cannot be ended: its generation is pinned until it returns.
#[test]
fn a_handler_that_does_not_return_pins_its_generation_until_it_does() {
    let spec = shop_app().timeouts("drain = '100ms'");
    let host = starting(spec, "threaded").start();
    let (path, latch) = latch(&host, "go");
    let mut slow = host.connect();
    slow.send_head("GET", &format!("/wait/{path}"), &[]);
    eventually("the request has begun", || row(&host, "shop", "serving")["in_flight"] == 1);
    let proof = swap_to(&host, &shop("2"));
    assert!(proof.ends_with("; generation 1 stays mapped: a request is still in its code"), "{proof}");
    let pinned = row(&host, "shop", "pinned");
    assert_eq!((&pinned["generation"], &pinned["in_flight"]), (&1.into(), &1.into()));
    assert!(host.ctl(["status"]).stdout.contains("    a request is still in its code\n"));
    // The next swap is not kept by it.
    assert!(swap_to(&host, &shop("3")).starts_with("shop 2 -> 3 "));
    open(&latch);
    assert_eq!(slow.read().expect(200).text(), "waited on 1");
    host.wait_for_line("shop 1 (generation 1) unloaded");
    assert_eq!(rows(&host, "shop", "pinned").len(), 0);
}

/// Libraries of plugins in Rust: the patient one, whose requests wait for a file.
fn patient(keys: &str) -> Spec {
    Spec::new().plugin("patient", &example_plugin("patient")).text(keys)
}

fn force(host: &Host) -> Output {
    let output = host.ctl(["swap", "patient", "--force"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    output
}

#[test]
fn a_stream_ends_on_the_generation_that_it_began_on() {
    on_servers(&at_once(), |server| {
        let host = Host::start(patient(""), server);
        let (path, latch) = latch(&host, "go");
        let mut stream = host.connect();
        stream.send_head("GET", &format!("/stream/{path}"), &[]);
        stream.wait_for_bytes("first");
        std::thread::scope(|threads| {
            let swap = threads.spawn(|| force(&host));
            eventually("it drains", || rows(&host, "patient", "draining").len() == 1);
            open(&latch);
            assert!(swap.join().expect("no panic").stdout.contains(", 0 failed, 1 finished on 1"));
        });
        assert_eq!(stream.read().expect(200).text(), "first\nlast\n");
    });
}

#[test]
fn what_waits_past_the_drain_deadline_is_dropped_and_the_proof_says_so() {
    on_servers(&at_once(), |server| {
        let host = Host::start(patient("").timeouts("drain = '200ms'"), server);
        let (path, _) = latch(&host, "never");
        let (mut stream, mut waits) = (host.connect(), host.connect());
        stream.send_head("GET", &format!("/stream/{path}"), &[]);
        stream.wait_for_bytes("first");
        waits.send_head("GET", &format!("/wait/{path}"), &[]);
        eventually("both have begun", || row(&host, "patient", "serving")["in_flight"] == 2);
        let output = force(&host);
        let cut = ", 2 failed, 2 cut off on 1 when the drain deadline had passed";
        assert!(output.stdout.contains(cut), "{output:?}");
        assert!(waits.read().expect(503).text().contains("the plugin was replaced"));
        assert!(stream.try_read().is_err(), "an answer that is cut short is no whole answer");
        assert_eq!(host.get("/").expect(200).text(), "here");
        let output = force(&host);
        assert!(output.stdout.trim_end().ends_with("generation 1 unloaded"), "{output:?}");
    });
}

/// It has not reached the plugin yet: it goes on with the new one.
#[test]
fn a_slow_upload_keeps_no_generation() {
    on_servers(&at_once(), |server| {
        let host = shop_host(server);
        let mut upload = host.connect();
        upload.send_head("POST", "/upload", &[("content-length", "10")]).send("01234");
        eventually("it is being read", || host.connections() >= 1);
        for version in ["2", "3"] {
            let proof = swap_to(&host, &shop(version));
            assert!(proof.contains(", 0 failed") && !proof.contains("finished on"), "{proof}");
        }
        upload.send("56789");
        assert_eq!(upload.read().expect(200).text(), "10 bytes for 3");
    });
}

#[test]
fn a_streamed_upload_stays_with_the_generation_that_reads_it() {
    on_servers(&at_once(), |server| {
        let host = Host::start(patient(""), server);
        let mut upload = host.connect();
        upload.send_head("POST", "/count", &[("content-length", "10")]).send("01234");
        eventually("it has begun", || row(&host, "patient", "serving")["in_flight"] == 1);
        std::thread::scope(|threads| {
            let swap = threads.spawn(|| force(&host));
            eventually("it drains", || rows(&host, "patient", "draining").len() == 1);
            upload.send("56789");
            assert_eq!(upload.read().expect(200).text(), "10 bytes");
            assert!(swap.join().expect("no panic").stdout.contains(", 1 finished on 1"));
        });
    });
}

/// What it has not read yet is copied when the plugin is swapped.
#[test]
fn a_slow_reader_keeps_no_generation_and_gets_all_of_its_answer() {
    on_servers(&at_once(), |server| {
        let host = shop_host(server);
        let mut reader = Client::connect_narrow(&host.address());
        reader.send_head("GET", "/big", &[]);
        reader.wait_for_bytes("1111");
        for version in ["2", "3"] {
            let proof = swap_to(&host, &shop(version));
            assert!(proof.contains(", 0 failed"), "{proof}");
        }
        assert_eq!(mapped(&host, "libshop.so"), 2, "its memory is the host's now");
        let answer = reader.patience(Duration::from_secs(30)).read().expect(200);
        assert_eq!(answer.body.len(), 4 << 20);
        assert!(answer.body.iter().all(|byte| *byte == b'1'), "all of it is of one version");
    });
}

/// A stream of another plugin, however long, is no reason to wait.
#[test]
fn a_long_answer_of_one_plugin_does_not_hold_another_one() {
    on_servers(&at_once(), |server| {
        let spec = shop_app().plugin("patient", &example_plugin("patient")).text("mount = '/patient'");
        let host = starting(spec, server).start();
        let (path, latch) = latch(&host, "go");
        let mut stream = host.connect();
        stream.send_head("GET", &format!("/patient/stream/{path}"), &[]);
        stream.wait_for_bytes("first");
        for version in ["2", "3", "4"] {
            let proof = swap_to(&host, &shop(version));
            assert!(!proof.contains("finished on") && !proof.contains("stays mapped"), "{proof}");
        }
        assert_eq!(mapped(&host, "libshop.so"), 2);
        open(&latch);
        assert_eq!(stream.read().expect(200).text(), "first\nlast\n");
    });
}
