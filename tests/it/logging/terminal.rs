//! Standard error that is a terminal.

use super::says_library;
use crate::harness::{Address, Client, Folder, eventually, host_binary};
use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn on_a_terminal_lines_are_for_people_and_ctrl_c_says_what_it_waits_for() {
    let folder = Folder::new();
    let library = says_library();
    folder.write("app.toml", format!("spec = 1\n[app]\nname = \"test\"\n[[plugin]]\npath = {library:?}\n"));
    // A shell that waits for the host would end by the same signal, and its end be taken for the host's.
    let host = format!("exec {} --app app.toml --bind unix:host.sock", host_binary().display());
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--flush", "--command", &host, "/dev/null"])
        .current_dir(folder.path());
    script.env("XDG_RUNTIME_DIR", folder.path()).env_remove("HOST_LOG_FORMAT");
    script.stdin(Stdio::piped()).stdout(File::create(folder.join("screen")).expect("a file"));
    let mut script = script.spawn().expect("script, of util-linux");
    let screen = || std::fs::read_to_string(folder.join("screen")).unwrap_or_default();
    eventually("the banner", || screen().contains("Hit Ctrl-C to quit."));
    let mut client = Client::connect(&Address::Unix(folder.join("host.sock")));
    client.get("/say/x").expect(200);
    drop(client);
    eventually("an access line", || screen().contains("] \"GET /say/x HTTP/1.1\" 200 "));
    assert!(!screen().contains("{\"time\""), "{}", screen());
    script.stdin.as_mut().expect("a pipe").write_all(b"\x03").expect("room");
    eventually("it ends", || script.try_wait().expect("a child").is_some());
    assert_eq!(script.wait().expect("a child").code(), Some(0), "{}", screen());
    assert!(screen().contains("Finishing what runs. Hit Ctrl-C again to end it at once."), "{}", screen());
}
