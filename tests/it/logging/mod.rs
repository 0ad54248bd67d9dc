//! What a host writes to standard error: lines for people, or JSON; access lines; and the id of a request on each of its lines.

mod ids;
mod slow;
mod terminal;

use crate::harness::{Host, Output, Spec, eventually, for_each_server, plugin_from_c};
use serde_json::Value;
use std::path::PathBuf;

fn says() -> Spec {
    Spec::new().plugin("says", &says_library())
}

fn says_library() -> PathBuf {
    plugin_from_c("says", include_str!("says.c"))
}

/// Every line, each of them one JSON object.
#[track_caller]
fn objects(output: &Output) -> Vec<Value> {
    let object = |line: &str| -> Value {
        serde_json::from_str(line).unwrap_or_else(|cause| panic!("{cause}: `{line}` of {output:?}"))
    };
    let objects: Vec<Value> = output.stderr.lines().map(object).collect();
    assert!(objects.iter().all(Value::is_object), "{output:?}");
    objects
}

#[test]
fn where_standard_error_is_no_terminal_every_line_is_a_json_object() {
    for_each_server(|server| {
        let host = Host::with(says(), server).arg("--log-format=auto").start();
        host.get("/say/a~%7b%22b%22%3a1%7d%1b%5b2J%ff").expect(400);
        host.get("/say/a~%7b%22b%22%3a1%7d%1b%5b2J?good").expect(200);
        host.request("GET", "/say/x?%22", &[("user-agent", "\"a\\ \u{e9}\t\"")], "");
        let (pid, worker) = (u64::from(host.pid()), u64::from(host.worker_pid()));
        let output = host.stop();
        assert_eq!(output.code, Some(0), "{output:?}");
        let lines = objects(&output);
        for line in &lines {
            let time = line["time"].as_str().unwrap_or_default();
            assert!(time.ends_with('Z') && time.contains('T'), "{line}");
            let want = if line["process"] == "supervisor" { pid } else { worker };
            assert_eq!(line["pid"].as_u64(), Some(want), "{line}");
            assert!(line["access"] == true || line["level"].is_string() && line["message"].is_string());
        }
        let said = lines.iter().filter(|line| line["message"] == "a\n{\"b\":1}\u{1b}[2J");
        let ids: Vec<&str> = said.filter_map(|line| line["request"].as_str()).collect();
        assert!(ids.len() == 2 && ids[0] == ids[1], "{output:?}");
        // A line is written when its answer is out: those of three connections come in any order.
        let access = |part: &str| -> &Value {
            let is_it = |line: &&Value| line["target"].as_str().is_some_and(|target| target.contains(part));
            let mut found = lines.iter().filter(is_it);
            let line = found.next().unwrap_or_else(|| panic!("no access line of {part}: {output:?}"));
            assert!(found.next().is_none() && line["access"] == true && line["ms"].is_number(), "{line}");
            line
        };
        assert_eq!(access("%ff")["status"], 400);
        assert_eq!(
            (&access("5b2J?good")["status"], &access("5b2J?good")["request"]),
            (&200.into(), &ids[0].into())
        );
        assert_eq!(access("x?%22")["user_agent"], "\"a\\ \u{e9}\t\"", "{output:?}");
    });
}

#[test]
fn a_failure_is_a_json_object_too() {
    let spec = says().text("mount = '/a'\n[[mount]]\nat = '/b'\ntarget = 'nothing'");
    let output = Host::with(spec, "threaded").arg("--log-format=json").spawn().wait();
    assert_eq!(output.code, Some(78), "{output:?}");
    let lines = objects(&output);
    let last = lines.last().expect("a line");
    assert_eq!((last["level"].as_str(), last["process"].as_str()), (Some("ERROR"), Some("worker")));
    assert!(
        last["message"].as_str().is_some_and(|message| message.contains("no library `nothing`")),
        "{last}"
    );
    assert!(last["help"].as_array().is_some_and(|help| !help.is_empty()), "{last}");
}

#[test]
fn a_spec_that_cannot_be_read_is_said_as_the_flags_say() {
    for (flag, is_json) in [("--log-format=auto", true), ("--log-format=pretty", false)] {
        let output = Host::with(Spec::exactly("spec = 1\n[app\n"), "threaded").arg(flag).spawn().wait();
        assert_eq!(output.code, Some(78), "{output:?}");
        let said = "app.toml:2:5: unclosed table, expected `]`";
        let found = match is_json {
            true => objects(&output)[0]["message"].as_str().is_some_and(|message| message.starts_with(said)),
            false => output.stderr.starts_with(&format!("host: {said}")),
        };
        assert!(found, "{flag}: {output:?}");
    }
}

#[test]
fn what_a_client_has_a_plugin_say_begins_no_line_of_its_own() {
    let host = Host::start(says(), "threaded");
    host.get("/say/one~2026-01-01T00:00:00Z%20ERROR%20forged%1b%5b2J").expect(200);
    host.wait_for_line("GET /say/one~2026");
    let log = host.log();
    let line = log.lines().find(|line| line.contains("forged")).expect("what it said");
    assert!(line.starts_with("    | 2026-") && line.contains("forged\\u{1b}[2J"), "{line}");
}

#[test]
fn lines_for_people_say_which_process_wrote_them() {
    let host = Host::start(says(), "threaded");
    let worker = host.worker_pid();
    host.wait_for_line(&format!(" worker[{worker}]  INFO created plugin=\"says\""));
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(worker.cast_signed()).expect("a process id"),
        rustix::process::Signal::KILL,
    )
    .expect("a process of our own");
    host.wait_for_line(&format!(" supervisor[{}]  WARN worker {worker} was killed by SIGKILL", host.pid()));
}

#[test]
fn access_lines_have_the_form_that_the_spec_names() {
    for_each_server(|server| {
        let lines_in = |access: &str| {
            let host = Host::start(says().text(&format!("[log]\naccess = '{access}'")), server);
            let agent = [("user-agent", "a \"browser\""), ("referer", "http://x/")];
            host.request("GET", "/say/x", &agent, "").expect(200);
            let output = host.stop();
            let lines = output.stderr.lines().filter(|line| line.contains("/say/x"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let common = lines_in("common");
        assert!(common.len() == 1 && common[0].starts_with("127.0.0.1 - - ["), "{common:?}");
        assert!(
            common[0].contains("] \"GET /say/x HTTP/1.1\" 200 ") && common[0].ends_with("ms"),
            "{common:?}"
        );
        let combined = lines_in("combined");
        assert!(combined[0].contains(" \"http://x/\" \"a \\\"browser\\\"\" "), "{combined:?}");
        let json: Value = serde_json::from_str(&lines_in("json")[0]).expect("an object");
        assert_eq!((&json["status"], &json["referer"]), (&200.into(), &"http://x/".into()));
        assert_eq!(lines_in("off"), [""; 0]);
    });
}

#[test]
fn what_is_said_before_a_crash_is_in_the_log() {
    for_each_server(|server| {
        let host = Host::start(says(), server);
        for round in 1..=3 {
            assert!(host.connect().try_get("/die").is_err(), "nobody is left to answer");
            eventually("its last words", || host.log().matches("WARN last words").count() == round);
            host.get("/own-id").expect(200);
        }
    });
}

#[test]
fn quiet_wins_over_a_form_of_access_lines() {
    for_each_server(|server| {
        let host = Host::with(says().text("[log]\naccess = 'json'"), server).start_quietly();
        host.get("/own-id").expect(200);
        let output = host.stop();
        assert!(!output.stderr.contains("/own-id"), "{output:?}");
    });
}
