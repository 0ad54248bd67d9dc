//! Says hello: the smallest plugin that does something.

use plugin_api::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default = "hello_there")]
    greeting: String,
}

fn hello_there() -> String {
    "Hello".into()
}

#[get("/")]
fn index() -> &'static str {
    "This is the plugin `hello`. Ask for /hello/<name>.\n"
}

#[get("/hello/<name>")]
fn hello(name: &str, config: State<Config>) -> String {
    format!("{} {name}!", config.greeting)
}

plugin! { config: Config, routes: [index, hello] }

#[cfg(test)]
mod tests {
    use plugin_api::test::client;

    #[test]
    fn it_greets_by_name() {
        assert_eq!(client!().get("/hello/World").text(), "Hello World!");
        assert_eq!(client!(r#"{"greeting":"Hi"}"#).get("/hello/Ann%20Lee").text(), "Hi Ann Lee!");
    }

    #[test]
    fn its_first_page_says_where_to_go() {
        assert!(client!().get("/").text().contains("/hello/<name>"));
    }
}
