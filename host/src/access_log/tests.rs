use super::*;
use crate::scoreboard::Client;

/// What a client sent.
#[derive(Default)]
struct Asked {
    method: String,
    target: Vec<u8>,
    headers: Vec<(&'static str, Vec<u8>)>,
}

impl Head for Asked {
    fn method(&self) -> &str {
        &self.method
    }
    fn target(&self) -> &[u8] {
        &self.target
    }
    fn path(&self) -> &[u8] {
        &self.target
    }
    fn query(&self) -> Option<&[u8]> {
        None
    }
    fn version(&self) -> u16 {
        11
    }
    fn host(&self) -> Option<&[u8]> {
        self.header(b"host")
    }
    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(known, _)| known.as_bytes() == name);
        found.map(|(_, value)| &value[..])
    }
    fn header_at(&self, _: usize) -> Option<(&[u8], &[u8])> {
        None
    }
    fn peer(&self) -> String {
        "[::1]:4711".to_owned()
    }
    fn client(&self) -> Client {
        Client::Unix
    }
}

fn get(target: &[u8]) -> Asked {
    Asked { method: "GET".to_owned(), target: target.to_vec(), headers: Vec::new() }
}

fn line_of(form: Form, head: &dyn Head) -> String {
    let mut out = String::new();
    let took = Duration::from_micros(1500);
    write_line(&mut out, form, head, &Sent { id: "1a-2b", status: 200, bytes: 12, took });
    out
}

#[test]
fn a_line_names_client_request_status_size_id_and_time() {
    let line = line_of(Form::Common, &get(b"/a?b=c"));
    assert!(line.starts_with("::1 - - ["), "{line}");
    assert!(line.ends_with("] \"GET /a?b=c HTTP/1.1\" 200 12 1a-2b 1.5ms\n"), "{line}");
}

#[test]
fn the_combined_form_has_referer_and_user_agent() {
    let agent = ("user-agent", b"curl/8".to_vec());
    let line = line_of(Form::Combined, &Asked { headers: vec![agent], ..get(b"/") });
    assert!(line.ends_with(" HTTP/1.1\" 200 12 \"-\" \"curl/8\" 1a-2b 1.5ms\n"), "{line}");
}

#[test]
fn a_request_that_could_not_be_read_is_a_dash_and_so_is_no_body() {
    let mut out = String::new();
    let sent = Sent { id: "1a-2b", status: 400, bytes: 0, took: Duration::ZERO };
    write_line(&mut out, Form::Common, &Asked::default(), &sent);
    assert!(out.ends_with("] \"-\" 400 - 1a-2b 0.0ms\n"), "{out}");
}

#[test]
fn paths_without_a_line_are_those_that_are_meant() {
    let (path, below) = (Without::Path("/healthz".to_owned()), Without::Below("/__host/"));
    let covered = |without: &Without, targets: &[&str]| {
        targets.iter().map(|target| without.covers(target.as_bytes())).collect::<Vec<_>>()
    };
    assert_eq!(covered(&path, &["/healthz", "/healthz?a", "/healthzz", "/"]), [true, true, false, false]);
    assert_eq!(covered(&below, &["/__host/a?b", "/__host", "/a?/__host/"]), [true, false, false]);
}

/// The same numbers every time.
fn random(seed: &mut u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed >> 33).expect("31 bits")
}

/// What breaks lines, fields, terminals and parsers, and a few bytes of any kind.
const NASTY: &[u8] = b"\"\"\\\\\n\r\t\0\x1b[]{}:, %22\x7f\x80\x9b\xc3\xa9\xe2\x80\xa8\xff/ax";

fn nasty(seed: &mut u64) -> Vec<u8> {
    let length = random(seed) % 24;
    let byte = |seed: &mut u64| match random(seed) % 8 {
        0 => u8::try_from(random(seed) % 256).expect("a byte"),
        _ => NASTY[random(seed) % NASTY.len()],
    };
    (0..length).map(|_| byte(seed)).collect()
}

fn nasty_request(seed: &mut u64) -> Asked {
    let method = String::from_utf8_lossy(&nasty(seed)).into_owned();
    let headers = vec![("referer", nasty(seed)), ("user-agent", nasty(seed)), ("host", nasty(seed))];
    Asked { method: format!("M{method}"), target: nasty(seed), headers }
}

/// The fields between quotes, with what was escaped put back; reads as tools do.
fn fields(line: &str) -> Vec<Vec<u8>> {
    let (mut found, mut rest) = (Vec::new(), line.bytes());
    while rest.by_ref().any(|byte| byte == b'"') {
        let mut field = Vec::new();
        loop {
            match rest.next().expect("the quote that ends the field") {
                b'"' => break,
                b'\\' => match rest.next().expect("what is escaped") {
                    b'x' => {
                        let hex: String = rest.by_ref().take(2).map(char::from).collect();
                        field.push(u8::from_str_radix(&hex, 16).expect("two digits"));
                    }
                    byte => field.push(byte),
                },
                byte => field.push(byte),
            }
        }
        found.push(field);
    }
    found
}

#[test]
fn no_client_can_break_a_line_for_people() {
    let seed = &mut 1;
    for _ in 0..20_000 {
        let asked = nasty_request(seed);
        let line = line_of(Form::Combined, &asked);
        let text = line.strip_suffix('\n').expect("a line");
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
        let request = [asked.method.as_bytes(), b" ", &asked.target, b" HTTP/1.1"].concat();
        let want = [&request[..], asked.header(b"referer").unwrap(), asked.header(b"user-agent").unwrap()];
        assert_eq!(fields(text), want, "{text}");
        assert!(text.ends_with(" 1a-2b 1.5ms"), "{text}");
    }
}

#[test]
fn no_client_can_break_a_line_of_json() {
    let seed = &mut 2;
    for _ in 0..20_000 {
        let asked = nasty_request(seed);
        let line = line_of(Form::Json, &asked);
        let text = line.strip_suffix('\n').expect("a line");
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{2028}'), "{text:?}");
        let value: serde_json::Value = serde_json::from_str(text).expect("one object");
        let lossy = |bytes: &[u8]| json!(String::from_utf8_lossy(bytes));
        assert_eq!(value["target"], lossy(&asked.target));
        assert_eq!(value["user_agent"], lossy(asked.header(b"user-agent").unwrap()));
        assert_eq!((&value["method"], &value["status"]), (&json!(asked.method), &json!(200)));
        assert_eq!((&value["request"], &value["ms"]), (&json!("1a-2b"), &json!(1.5)));
    }
}
