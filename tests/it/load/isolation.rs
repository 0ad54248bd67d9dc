//! What one load registers never shows in another app.

use super::fixture::{Files, Plugin, declared, only, serve};
use crate::harness::Spec;

/// Loads the target `inner` into `child`, and keeps the reason if that fails.
const LOAD_INNER: &str = r#"
    pa_app *child = NULL;
    pa_buf reason = {0};
    int32_t code = apps->load(apps->ctx, pa_str("inner"), &child, &reason);
    const char *why = kept((pa_slice){reason.ptr, reason.len});
    if (reason.drop) reason.drop(reason.owner, reason.ptr, reason.len);
"#;

/// A plugin `outer` that loads `inner` in the midst of its own registration.
fn outer(after: &str) -> Plugin {
    let body = format!(
        "ROUTE(app, \"/before\", \"before\");
        {LOAD_INNER}
        (void)code; (void)why; (void)child;
        {after}
        return ROUTE(apps->top(apps->ctx), \"/after\", \"after\");"
    );
    Plugin::registering("outer", &body)
}

/// `outer` at `/`, and `inner` once more at `/own`.
fn both() -> Spec {
    declared(only("outer").text("mount = '/'"), "inner").text("mount = '/own'")
}

#[test]
fn a_load_within_a_load_leaves_nothing_in_the_app_around_it() {
    let inner = Plugin::registering("inner", "return ROUTE(app, \"/inner\", \"inner\");");
    let files = Files::of(&[&outer(""), &inner], both());
    assert_eq!(files.routes(), ["GET /before outer 1", "GET /after outer 1", "GET /own/inner inner 1"]);
}

#[test]
fn what_was_loaded_can_be_mounted_and_merged() {
    let inner = Plugin::registering("inner", "return ROUTE(app, \"/inner\", \"inner\");");
    let outer = outer(
        "apps->mount(apps->ctx, app, pa_str(\"/mounted\"), child, err);
        apps->merge(apps->ctx, app, child, err);",
    );
    let routes = Files::of(&[&outer, &inner], both()).routes();
    let want = [
        "GET /before outer 1",
        "GET /inner inner 1",
        "GET /after outer 1",
        "GET /mounted/inner inner 1",
        "GET /own/inner inner 1",
    ];
    assert_eq!(routes, want);
    let host = serve(&[&outer, &inner], both());
    assert_eq!(host.get("/inner").expect(200).text(), "inner");
    assert_eq!(host.get("/mounted/inner").expect(200).text(), "inner");
    assert_eq!(host.get("/after").expect(200).text(), "after");
}

/// Each way to fail after a route was registered and an app was pushed, and what the plugin around it is told.
const FAILURES: &[(&str, &str)] = &[
    (
        "return fail(err, \"the database is away\");",
        "plugin `inner`: cannot make the default app: the database is away",
    ),
    ("return PA_PANIC;", "plugin `inner`: cannot make the default app: panicked"),
    ("return PA_DECLINED;", "plugin `inner`: cannot make the default app: declined"),
];

#[test]
fn a_load_that_fails_leaves_nothing_and_the_plugin_around_it_may_go_on() {
    for (failure, reason) in FAILURES {
        let inner = format!("ROUTE(app, \"/lost\", \"lost\"); apps->push(apps->ctx, NULL); {failure}");
        let inner = Plugin::registering("inner", &inner);
        let outer = outer(
            "if (code != PA_ERR || child) return fail(err, \"loaded\");
            ROUTE(app, \"/why\", why);",
        );
        // Nobody declares `inner`: it is found beside the spec.
        let host = serve(&[&outer, &inner], only("outer"));
        assert_eq!(host.get("/why").expect(200).text(), *reason);
        assert_eq!(host.get("/after").expect(200).text(), "after");
        host.get("/lost").expect(404);
    }
}

#[test]
fn an_app_that_was_pushed_and_forgotten_is_removed() {
    let inner = Plugin::registering(
        "inner",
        "ROUTE(apps->push(apps->ctx, NULL), \"/forgotten\", \"\");
        ROUTE(apps->push(apps->ctx, NULL), \"/forgotten\", \"\");
        return ROUTE(app, \"/inner\", \"inner\");",
    );
    let outer = outer("if (apps->top(apps->ctx) != app) return fail(err, \"another default app\");");
    let routes = Files::of(&[&outer, &inner], both()).routes();
    assert_eq!(routes, ["GET /before outer 1", "GET /after outer 1", "GET /own/inner inner 1"]);
}

#[test]
fn the_default_app_is_the_one_that_was_pushed_last() {
    let plugin = Plugin::registering(
        "stack",
        r#"
        pa_app *mine = apps->top(apps->ctx);
        if (mine != app) return fail(err, "the default app is the one that is loaded");
        if (apps->top(apps->ctx) != mine) return fail(err, "asking for it makes none");
        pa_app *made = apps->push(apps->ctx, NULL);
        if (!made || made == mine || apps->top(apps->ctx) != made) return fail(err, "push makes a default app");
        pa_app *known = apps->create(apps->ctx);
        if (apps->top(apps->ctx) != made) return fail(err, "a new app is on no stack");
        if (apps->push(apps->ctx, known) != known || apps->top(apps->ctx) != known) return fail(err, "push of an app");
        if (apps->push(apps->ctx, (pa_app *)999) || apps->top(apps->ctx) != known) return fail(err, "push of no app");
        if (apps->pop(apps->ctx) != known || apps->pop(apps->ctx) != made) return fail(err, "pop gives what was pushed");
        if (apps->top(apps->ctx) != mine) return fail(err, "the first one is the default again");
        return ROUTE(mine, "/", "all as it should be");
        "#,
    );
    assert_eq!(serve(&[&plugin], only("stack")).get("/").expect(200).text(), "all as it should be");
}

#[test]
fn a_plugin_pops_only_what_it_pushed() {
    let pops = "if (apps->pop(apps->ctx)) return fail(err, \"popped an app of others\");";
    let inner = Plugin::registering(
        "inner",
        &format!("{pops} return ROUTE(apps->top(apps->ctx), \"/inner\", \"\");"),
    );
    let routes = Files::of(&[&outer(pops), &inner], both()).routes();
    assert_eq!(routes, ["GET /before outer 1", "GET /after outer 1", "GET /own/inner inner 1"]);
}

#[test]
fn two_libraries_can_be_loaded_into_one_app() {
    let outer = outer("if (apps->merge(apps->ctx, app, child, err)) return PA_ERR;");
    let inner = Plugin::registering("inner", "return ROUTE(app, \"/shared\", \"shared\");");
    // Loading it elsewhere, too, gives an app of its own with all its routes.
    let routes = Files::of(&[&outer, &inner], both()).routes();
    let want =
        ["GET /before outer 1", "GET /shared inner 1", "GET /after outer 1", "GET /own/shared inner 1"];
    assert_eq!(routes, want);
}

#[test]
fn a_middleware_that_is_installed_at_load_is_in_that_app_only() {
    let inner = Plugin::registering(
        "inner",
        "pa_wrapper wrapper = {NULL, &SHOUT};
        if (apps->install(apps->ctx, app, pa_str(\"shout\"), wrapper, err)) return PA_ERR;
        return ROUTE(app, \"/inner\", \"inner\");",
    );
    let shout = "
        static int32_t shout(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
            return pa_text(response, 200, pa_str(\"SHOUT\"));
        }
        static const pa_handler_vt SHOUTING = PA_HANDLER_VT(shout);
        static int32_t apply(void *data, const pa_route_info *route, pa_handler next, pa_handler *out) {
            if (next.vt->drop) next.vt->drop(next.data);
            *out = (pa_handler){NULL, &SHOUTING};
            return PA_READY;
        }
        static const pa_wrapper_vt SHOUT = {sizeof SHOUT, 0, apply, NULL};\n";
    let host = serve(&[&outer(""), &inner.before(shout)], both());
    assert_eq!(host.get("/own/inner").expect(200).text(), "SHOUT");
    assert_eq!(host.get("/after").expect(200).text(), "after");
}

#[test]
fn a_plugin_that_loads_itself_for_ever_is_stopped() {
    let body = "pa_app *child;
        return apps->load(apps->ctx, pa_str(\"endless\"), &child, err);";
    let files = Files::of(&[&Plugin::registering("endless", body)], only("endless"));
    let output = files.run(&["check", "--app", "app.toml"]);
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(
        output.stderr.contains("cannot load `endless`: 16 loads are within one another already"),
        "{output:?}"
    );
}

#[test]
fn an_app_cannot_be_changed_after_its_load() {
    let plugin =
        Plugin::registering("late", "mine = app; return add(app, \"/\", (pa_handler){NULL, &LATE}, err);");
    let code = r#"
        static pa_app *mine;
        static int32_t late(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
            pa_buf reason = {0};
            pa_buf *err = &reason;
            int32_t code = ROUTE(mine, "/late", "late");
            int all = code == PA_ERR && !apps->top(apps->ctx) && !apps->push(apps->ctx, NULL) && !apps->pop(apps->ctx);
            response->body = reason;
            response->status = all ? 200 : 500;
            return PA_READY;
        }
        static const pa_handler_vt LATE = PA_HANDLER_VT(late);
    "#;
    let host = serve(&[&plugin.before(code)], only("late"));
    assert_eq!(host.get("/").expect(200).text(), "no load is under way on this thread");
    host.get("/late").expect(404);
}
