//! What a swap does, and the line that proves it.

use super::*;

#[test]
fn a_swap_is_answered_with_its_proof_and_new_requests_find_the_new_version() {
    for_each_server(|server| {
        let host = shop_host(server);
        assert_eq!(host.get("/").expect(200).text(), "version 1");
        let proof = swap_to(&host, &shop("2"));
        assert_eq!(proof, "shop 1 -> 2 (generation 1 -> 2): 0 requests during the swap, 0 failed");
        assert_eq!(host.get("/").expect(200).text(), "version 2");
        assert!(host.log().contains(&proof), "the log has it, too");
        let proof = swap_to(&host, &shop("3"));
        assert_eq!(
            proof,
            "shop 2 -> 3 (generation 2 -> 3): 0 requests during the swap, 0 failed; generation 1 unloaded"
        );
        assert_eq!(host.get("/").expect(200).text(), "version 3");
        assert_eq!(mapped(&host, "libshop.so"), 2, "the current one, and the one that is kept");
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn a_kept_connection_goes_from_one_version_to_the_next() {
    for_each_server(|server| {
        let host = shop_host(server);
        let mut client = host.connect();
        for version in ["1", "2", "3", "4"] {
            if version != "1" {
                // On `single` the swap needs no connection of its own.
                swap_to(&host, &shop(version));
            }
            assert_eq!(client.get("/").expect(200).text(), format!("version {version}"));
        }
        assert_eq!(mapped(&host, "libshop.so"), 2);
    });
}

#[test]
fn the_same_content_is_not_swapped_unless_it_is_forced() {
    let host = shop_host("threaded");
    let output = host.ctl(["swap", "shop"]);
    assert_eq!(
        (output.code, output.stdout.trim_end()),
        (Some(0), "shop 1 (generation 1): unchanged, not swapped")
    );
    let output = host.ctl(["swap", "shop", "--force"]);
    assert!(output.stdout.starts_with("shop 1 -> 1 (generation 1 -> 2): "), "{output:?}");
}

#[test]
fn a_swap_without_a_file_takes_what_is_there_now() {
    let host = shop_host("threaded");
    host.folder().write("libshop.so", std::fs::read(shop("2")).expect("a library"));
    assert!(host.ctl(["swap", "shop"]).stdout.starts_with("shop 1 -> 2 "));
    swap_to(&host, &shop("3"));
    let output = host.ctl(["swap", "shop"]);
    assert!(output.stdout.contains("unchanged"), "the file that was swapped in by name counts: {output:?}");
}

#[test]
fn programs_read_the_proof_as_json() {
    let host = shop_host("threaded");
    let argument = format!("shop={}", shop("2").display());
    let output = host.ctl(["swap", &argument, "--format", "json"]);
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let swap = &answer["swaps"][0];
    assert_eq!((&answer["exit"], &swap["plugin"], &swap["failed"]), (&0.into(), &"shop".into(), &0.into()));
    assert_eq!((&swap["from"]["version"], &swap["to"]["generation"]), (&"1".into(), &2.into()));
    assert!(swap["publish_us"].as_u64().is_some_and(|us| us > 0), "{answer:#}");
}

#[test]
fn the_status_shows_every_generation() {
    let host = shop_host("threaded");
    (0..3).for_each(|_| drop(host.get("/").expect(200)));
    swap_to(&host, &shop("2"));
    assert_eq!(host.get("/").expect(200).text(), "version 2");
    let (serving, kept) = (row(&host, "shop", "serving"), row(&host, "shop", "kept"));
    assert_eq!((&serving["version"], &serving["generation"]), (&"2".into(), &2.into()));
    assert_eq!((&kept["version"], &kept["requests"], &kept["failed"]), (&"1".into(), &3.into(), &0.into()));
    let text = host.ctl(["status"]).stdout;
    let headings = "PLUGIN  VERSION  GENERATION  STATE    REQUESTS  FAILED  IN FLIGHT  DIGEST";
    assert!(text.contains(headings), "{text}");
}

#[test]
fn another_plugin_is_not_touched() {
    let spec = shop_app().plugin("other", &workspace_plugin("visits")).text("mount = '/other'");
    for_each_server(|server| {
        let host = starting(spec.clone(), server).start();
        assert_eq!(host.get("/other/page/tea").expect(200).text(), "visit 1 of tea, 1 in all\n");
        swap_to(&host, &shop("2"));
        assert_eq!(host.get("/other/page/tea").expect(200).text(), "visit 2 of tea, 2 in all\n");
        assert_eq!(row(&host, "other", "serving")["generation"], 1);
    });
}

#[test]
fn middleware_can_be_swapped_around_the_routes_of_others() {
    let spec = shop_app().plugin("stamp", &workspace_plugin("stamp")).text(STAMPED);
    for_each_server(|server| {
        let host = starting(spec.clone(), server).start();
        let stamped = |answer: &Response| answer.header("x-stamp") == Some("here");
        assert!(stamped(&host.get("/").expect(200)));
        for _ in 0..3 {
            let output = host.ctl(["swap", "stamp", "--force"]);
            assert_eq!(output.code, Some(0), "{output:?}");
            assert!(stamped(&host.get("/").expect(200)));
        }
        swap_to(&host, &shop("2"));
        let answer = host.get("/").expect(200);
        assert!(stamped(&answer) && answer.text() == "version 2");
        assert_eq!((mapped(&host, "libstamp.so"), mapped(&host, "libshop.so")), (2, 2));
    });
}

#[test]
fn a_plugin_that_does_not_exist_is_named_with_those_that_do() {
    let host = shop_host("threaded");
    let output = host.ctl(["swap", "shoop"]);
    assert_eq!(output.code, Some(2));
    assert_eq!(output.stderr, "host: no plugin `shoop` is served\nhelp: there are: shop\n");
}
