//! Answers without a body, and answers without an end.

use crate::harness::{Host, Spec, example_plugin};

fn spec() -> Spec {
    Spec::new().plugin("endless", &example_plugin("endless"))
}

pub(super) fn a_status_without_a_body_sends_none_whatever_the_handler_answers_with(server: &'static str) {
    let host = Host::start(spec(), server);
    let mut client = host.connect();
    for status in [204, 205, 304] {
        let answer = client.get(&format!("/status/{status}")).expect(status);
        assert_eq!(answer.text(), "", "{status}");
        assert_eq!(client.get("/").expect(200).text(), "here", "behind {status}");
    }
}

pub(super) fn head_of_a_stream_without_an_end_is_answered_at_once(server: &'static str) {
    let host = Host::start(spec(), server);
    let mut client = host.connect();
    client.send_head("HEAD", "/stream", &[]);
    client.read_answer_to("HEAD").expect(200);
    assert_eq!(client.get("/").expect(200).text(), "here");
    assert_eq!(host.stop().code, Some(0));
}

pub(super) fn a_handler_that_wakes_itself_for_ever_has_no_more_time_than_another(server: &'static str) {
    let host = Host::start(spec().timeouts("handler = '600ms'"), server);
    host.connect().get("/spin").expect(504);
    assert_eq!(host.connect().get("/").expect(200).text(), "here");
    assert_eq!(host.stop().code, Some(0));
}

pub(super) fn what_is_no_path_is_refused_before_any_route_sees_it(server: &'static str) {
    let host = Host::start(spec(), server);
    let answer = host.connect().send("GET x HTTP/1.1\r\nHost: x\r\n\r\n").read();
    assert_eq!(answer.status, 400);
    let answer = host.connect().send("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").read();
    assert_eq!(answer.status, 501);
}
