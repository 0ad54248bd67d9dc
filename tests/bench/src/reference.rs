//! What the host is compared with: plain actix-web, one route, the handler of `plugins/hello` linked in.

use actix_web::{App, HttpServer, Responder, get, web};
use std::process::Command;
use std::time::Duration;

/// The argument that makes this program the reference.
pub(crate) const COMMAND: &str = "serve-actix-web";

#[get("/hello/{name}")]
async fn hello(name: web::Path<String>) -> impl Responder {
    format!("Hello {name}!")
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of the benchmark"));
    command.arg(COMMAND);
    command
}

/// Serves at the address that is the last argument.
pub(crate) fn serve() {
    let address = std::env::args().next_back().expect("an address");
    let run = async {
        let server = HttpServer::new(|| App::new().service(hello)).workers(1);
        // Connections wait while another server has its turn.
        server.keep_alive(Duration::from_secs(600)).bind(address)?.run().await
    };
    actix_web::rt::System::new().block_on(run).expect("the reference serves");
}
