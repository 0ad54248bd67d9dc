//! A plugin that panics where its configuration says.

use plugin_api::prelude::*;

#[derive(Deserialize)]
struct Config {
    panics_in: String,
}

struct Ready;

fn create(config: &Config) -> Result<Ready, Error> {
    at("create", config)?;
    Ok(Ready)
}

fn start(config: State<Config>) -> Result<(), Error> {
    at("start", &config)
}

fn register(app: &mut App, config: State<Config>) -> Result<(), Error> {
    app.get("/lost", |_: &Request| "lost")?;
    at("register", &config)
}

fn at(step: &str, config: &Config) -> Result<(), Error> {
    assert!(config.panics_in != step, "no disk in {step}");
    Ok(())
}

plugin! { config: Config, state: Ready = create, start: start, default: register }
