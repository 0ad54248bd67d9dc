//! Back to the previous generation.

use super::*;

#[test]
fn a_rollback_starts_the_generation_before_again() {
    for_each_server(|server| {
        let host = shop_host(server);
        swap_to(&host, &shop("2"));
        assert_eq!(host.get("/").expect(200).text(), "version 2");
        let output = host.ctl(["rollback", "shop"]);
        let proof = "shop 2 -> 1 (generation 2 -> 1): 1 requests during the swap, 0 failed";
        assert_eq!(output.code, Some(0), "{output:?}");
        assert!(output.stdout.starts_with("shop 2 -> 1 (generation 2 -> 1): "), "{proof} {output:?}");
        assert_eq!(host.get("/").expect(200).text(), "version 1");
        // And forth again: the one that was left is kept in its turn.
        assert_eq!(host.ctl(["rollback", "shop"]).code, Some(0));
        assert_eq!(host.get("/").expect(200).text(), "version 2");
        assert!(
            swap_to(&host, &shop("3")).starts_with("shop 2 -> 3 (generation 2 -> 3): "),
            "a number is used once"
        );
    });
}

#[test]
fn nothing_is_kept_where_nothing_is_to_be_kept() {
    let host = starting(shop_app().text("[swap]\nkeep = 0"), "threaded").start();
    let proof = swap_to(&host, &shop("2"));
    assert!(proof.ends_with("; generation 1 unloaded"), "{proof}");
    assert_eq!(mapped(&host, "libshop.so"), 1);
    let output = host.ctl(["rollback", "shop"]);
    assert_eq!(output.code, Some(1));
    let said = "host: shop: cannot roll back: no older generation is kept\nhelp: `keep` in [swap] says how many are;";
    assert!(output.stderr.starts_with(said), "{output:?}");
    assert!(output.stderr.contains("help: still served: shop 2 (generation 2)"), "{output:?}");
}

#[test]
fn as_many_are_kept_as_the_spec_says() {
    let host = starting(shop_app().text("[swap]\nkeep = 3"), "threaded").start();
    for version in ["2", "3", "4", "5"] {
        swap_to(&host, &shop(version));
    }
    let kept: Vec<Value> = rows(&host, "shop", "kept").iter().map(|row| row["version"].clone()).collect();
    assert_eq!(kept, ["4", "3", "2"]);
    assert_eq!(mapped(&host, "libshop.so"), 4);
}
