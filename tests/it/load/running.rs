//! `"pa.run/1"`: what a plugin asks of the host that runs it, as Bottle's `run()` in a module.

use super::fixture::{Plugin, only, serve};

/// Asks at every step of its loading, and answers `/asked` with the answers; `/run` and `/stop` ask while it serves.
fn asking() -> Plugin {
    let code = r#"
        static char answers[200];
        static const pa_host_run *control;
        static void ask(const char *when) {
            control = host->extension(host->ctx, pa_str(PA_EXT_RUN));
            size_t used = strlen(answers);
            int run = control->run(control->ctx), stop = control->stop(control->ctx);
            snprintf(answers + used, sizeof answers - used, "%s: %d %d\n", when, run, stop);
        }
        static int32_t created(pa_slice json, pa_buf *err) { ask("create"); return PA_READY; }
        #define CREATE created
        static int32_t starts(void *self, pa_buf *err) { ask("start"); return PA_READY; }
        #define START starts
        static int32_t run(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
            return pa_text(response, 200, pa_printf(request, "%d", control->run(control->ctx)));
        }
        static int32_t stop(void *data, const pa_request *request, pa_response *response, pa_poll *pending) {
            int stopped = control->stop(control->ctx), runs = control->run(control->ctx);
            return pa_text(response, 200, pa_printf(request, "%d %d", stopped, runs));
        }
        static const pa_handler_vt RUN = PA_HANDLER_VT(run), STOPS = PA_HANDLER_VT(stop);
    "#;
    let body = r#"
        ask("register");
        add(app, "/run", (pa_handler){NULL, &RUN}, err);
        add(app, "/stop", (pa_handler){NULL, &STOPS}, err);
        return ROUTE(app, "/asked", answers);
    "#;
    Plugin::registering("asking", body).before(code)
}

const READY: i32 = 0;
const DECLINED: i32 = 3;
const ERR: i32 = -1;

#[test]
fn asking_to_run_or_to_stop_while_loading_is_ignored() {
    let host = serve(&[&asking()], only("asking"));
    let want =
        ["create", "start", "register"].map(|when| format!("{when}: {DECLINED} {DECLINED}\n")).concat();
    assert_eq!(host.get("/asked").expect(200).text(), want);
}

#[test]
fn asking_to_run_while_it_serves_changes_nothing() {
    let host = serve(&[&asking()], only("asking"));
    assert_eq!(host.get("/run").expect(200).text(), READY.to_string());
    assert_eq!(host.get("/run").expect(200).text(), READY.to_string());
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn a_handler_that_stops_the_host_still_answers_and_the_host_ends_well() {
    let host = serve(&[&asking()], only("asking"));
    let late = format!("{READY} {ERR}");
    assert_eq!(host.get("/stop").expect(200).text(), late, "what asks to run after the stop comes too late");
    let output = host.wait();
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stderr.contains("plugin `asking` asked to stop"), "{output:?}");
}
