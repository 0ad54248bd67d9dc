use plugin_api::test::manifest_text;

#[test]
fn the_manifest_is_toml_and_says_all() {
    let text = manifest_text(&crate::plugin::pa_plugin_v1);
    let manifest: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error} in\n{text}"));
    assert_eq!(manifest["id"].as_str(), Some("plugin-api"));
    assert_eq!(manifest["sdk"].as_str(), Some("rust 0.1.0"));
    assert_eq!(manifest["dynamic"].as_bool(), Some(true));
    assert_eq!(manifest["requires"].as_array().unwrap()[0].as_str(), Some("pa.timer/1"));
    assert_eq!(manifest["middleware"].as_array().unwrap().len(), 9);
    let apps: Vec<_> = manifest["app"].as_array().unwrap().iter().map(|app| app.to_string()).collect();
    assert_eq!(apps[0], "{ factory = false, name = \"admin\" }");
    assert_eq!(apps[2], "{ factory = true, name = \"shop\" }");
}

#[test]
fn a_route_says_what_its_arguments_need() {
    let text = manifest_text(&crate::plugin::pa_plugin_v1);
    let manifest: toml::Table = text.parse().unwrap();
    let find = |handler: &str| {
        let routes = manifest["route"].as_array().unwrap().iter();
        let routes: Vec<_> = routes.filter(|route| route["handler"].as_str() == Some(handler)).collect();
        routes
    };
    assert_eq!(find("extractors::note")[0]["body"].as_str(), Some("whole"));
    assert_eq!(find("extractors::search")[0]["body"].as_str(), Some("none"));
    assert_eq!(find("asynchronous::count")[0]["body"].as_str(), Some("stream"));
    assert_eq!(find("extractors::raw")[0]["body"].as_str(), Some("whole"));
    let echo = find("requests::echo");
    assert_eq!(echo.len(), 3, "one for each method");
    assert_eq!(echo[0]["name"].as_str(), Some("echo"));
    assert_eq!(
        find("apps::users").iter().map(|route| route["app"].as_str().unwrap()).collect::<Vec<_>>(),
        ["admin", "back-office"]
    );
    let error = &manifest["error"].as_array().unwrap()[0];
    assert_eq!((error["status"].as_integer(), error["app"].as_str()), (Some(404), Some("")));
}
