//! What is answered: the tag and the parameters, in the body and in headers (an answer to HEAD has no body).

use plugin_api::Value;
use plugin_api::prelude::*;
use serde_json::{Map, json};

pub(crate) fn echo(request: &Request, tag: &str) -> Response {
    let (mut params, mut types) = (Map::new(), Map::new());
    for (name, value) in request.values() {
        let (json, kind) = typed(value);
        if let Some(kind) = kind {
            types.insert(name.to_owned(), kind.into());
        }
        params.insert(name.to_owned(), json);
    }
    let params_text = ascii(&serde_json::Value::Object(params.clone()).to_string());
    let mut body = json!({
        "tag": tag,
        "params": params,
        "param_types": types,
        "method": request.method(),
        "path": request.path(),
        "script_name": request.script_name(),
    });
    if let Some(status) = request.error_status() {
        body["error"] = json!({ "status": status, "message": request.error_message() });
    }
    if let Some(wanted) = request.header("x-url-for") {
        body["url"] = url(request, wanted);
    }
    Response::text(format!("{body}\n"))
        .content_type("application/json")
        .header("X-Tag", ascii(tag))
        .header("X-Params", params_text)
        .header("X-Script-Name", ascii(request.script_name()))
        .header("X-Path-Info", ascii(request.path()))
}

/// The URL that `name?key=value&key=value` asks for, or why there is none.
fn url(request: &Request, wanted: &str) -> serde_json::Value {
    let (name, values) = wanted.split_once('?').unwrap_or((wanted, ""));
    let values: Vec<(&str, &str)> = values.split('&').filter_map(|pair| pair.split_once('=')).collect();
    match request.url_for(name, &values) {
        Ok(url) => url.into(),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// A value as JSON, and its type if it is not text.
fn typed(value: Value<'_>) -> (serde_json::Value, Option<&'static str>) {
    match value.number {
        Some(Number::Int(int)) => (int.into(), Some("int")),
        Some(Number::Float(float)) => (float.into(), Some("float")),
        None => (value.text.into(), None),
    }
}

/// Text for a header: what is not printable ASCII is escaped as in JSON.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_graphic() || c == ' ' {
            out.push(c);
        } else {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}
