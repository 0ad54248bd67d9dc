//! What has an instance, and statics, of its own.

use super::fixture::{Files, Plugin, declared, only, serve};
use crate::harness::{Host, Spec};

/// Counts its calls in a static, and answers with the count and its configuration.
fn counter() -> Plugin {
    let code = r#"
        static int calls, creates;
        static char *config;
        static int32_t created(pa_slice json, pa_buf *err) {
            creates++;
            config = kept(json);
            host->log(host->ctx, PA_LOG_INFO, pa_str("made"));
            return PA_READY;
        }
        #define CREATE created
        static int32_t count(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
            return pa_text(response, 200, pa_printf(request, "%d of %d %s", ++calls, creates, config));
        }
        static const pa_handler_vt COUNT = PA_HANDLER_VT(count);
        static int32_t bind(void *self, pa_slice name, pa_handler *out) {
            *out = (pa_handler){NULL, &COUNT};
            return PA_READY;
        }
        #define BIND bind
    "#;
    Plugin::new("counter").route("/").code(code)
}

fn mounts(target: &str) -> String {
    format!("[[mount]]\nat = '/a'\ntarget = '{target}'\n[[mount]]\nat = '/b'\ntarget = '{target}'")
}

fn answers(host: &Host, paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| host.get(path).expect(200).text().to_owned()).collect()
}

#[test]
fn a_file_that_is_loaded_twice_gives_two_apps_with_all_routes_and_their_own_statics() {
    for target in ["./libcounter.so", "counter"] {
        let host = serve(&[&counter()], Spec::new().text(&mounts(target)));
        assert_eq!(
            answers(&host, &["/a/", "/a/", "/b/"]),
            ["1 of 1 {}", "2 of 1 {}", "1 of 1 {}"],
            "{target}"
        );
        assert_eq!(host.log().matches("made").count(), 2, "{target}: {}", host.log());
    }
}

#[test]
fn a_declared_plugin_that_two_targets_name_is_one_instance_and_two_apps() {
    let host = serve(&[&counter()], only("counter").text(&mounts("counter")));
    assert_eq!(answers(&host, &["/a/", "/a/", "/b/"]), ["1 of 1 {}", "2 of 1 {}", "3 of 1 {}"]);
    assert_eq!(host.log().matches("made").count(), 1, "{}", host.log());
}

#[test]
fn one_file_as_two_plugins_has_two_configurations_and_two_sets_of_statics() {
    let file = "libcounter.so".as_ref();
    let spec = Spec::new().plugin("one", file).text("mount = '/one'\nconfig = { x = 1 }");
    let spec = spec.plugin("two", file).text("mount = '/two'\nconfig = { x = 2 }");
    let host = serve(&[&counter()], spec);
    let want = [r#"1 of 1 {"x":1}"#, r#"2 of 1 {"x":1}"#, r#"1 of 1 {"x":2}"#];
    assert_eq!(answers(&host, &["/one/", "/one/", "/two/"]), want);
}

#[test]
fn a_plugin_that_is_only_loaded_by_another_one_is_made_once() {
    let body = "pa_app *first, *second;
        if (apps->load(apps->ctx, pa_str(\"counter\"), &first, err)) return PA_ERR;
        if (apps->load(apps->ctx, pa_str(\"counter\"), &second, err)) return PA_ERR;
        if (first == second) return fail(err, \"one app\");
        if (apps->mount(apps->ctx, app, pa_str(\"/a\"), first, err)) return PA_ERR;
        return apps->mount(apps->ctx, app, pa_str(\"/b\"), second, err);";
    let outer = Plugin::registering("outer", body);
    let spec = declared(only("outer"), "counter").text("mount = '/own'");
    let host = serve(&[&outer, &counter()], spec);
    assert_eq!(answers(&host, &["/a/", "/b/", "/own/"]), ["1 of 1 {}", "2 of 1 {}", "3 of 1 {}"]);
}

#[test]
fn configuration_and_its_types_cross_as_json() {
    let config = "config = { text = 'ä\"', int = -3, float = 1.5, yes = true, day = 1979-05-27, list = [1, 'a'], \
                  table = { x = {} } }";
    let host = serve(&[&counter()], only("counter").text(config));
    let answer = host.get("/").expect(200);
    let json = answer.text().strip_prefix("1 of 1 ").expect("the configuration");
    let want = r#"{"day":"1979-05-27","float":1.5,"int":-3,"list":[1,"a"],"table":{"x":{}},"text":"ä\"","yes":true}"#;
    assert_eq!(json, want);
}

#[test]
fn a_plugin_without_a_name_has_the_id_of_its_manifest() {
    let spec = Spec::new().text("[[plugin]]\npath = 'libcounter.so'");
    assert_eq!(Files::of(&[&counter()], spec).routes(), ["GET / counter 1"]);
}
