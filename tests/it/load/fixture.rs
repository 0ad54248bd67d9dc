//! Plugins in C, a few lines each, and folders with apps made of them.

use crate::harness::{Folder, Host, Output, Spec, Starting, plugin_from_c, run_in};
use std::path::{Path, PathBuf};

/// A plugin in C: what its manifest says, and its functions between `plugin_head.c` and `plugin_tail.c`.
pub(crate) struct Plugin {
    name: &'static str,
    keys: String,
    tables: String,
    code: String,
}

impl Plugin {
    /// One without routes. Its id is its name, its version is 1.
    pub(crate) fn new(name: &'static str) -> Self {
        let keys = format!("id = \"{name}\"\nversion = \"1\"\n");
        Self { name, keys, tables: String::new(), code: String::new() }
    }

    /// One with a static route `/`, which answers with the plugin's name.
    pub(crate) fn with_a_route(name: &'static str) -> Self {
        let bind = "static int32_t bind(void *self, pa_slice name, pa_handler *out) {
                *out = (pa_handler){(void *)NAME, &ANSWER};
                return PA_READY;
            }
            #define BIND bind";
        Self::new(name).route("/").code(&bind.replace("NAME", &format!("{name:?}")))
    }

    /// One that makes its default app when it is loaded: the body of a function with `name`, `args`, `app` and `err`.
    pub(crate) fn registering(name: &'static str, body: &str) -> Self {
        let function = format!(
            "static int32_t at_load(pa_slice name, pa_slice args, pa_app *app, pa_buf *err) {{ {body} }}
            #define REGISTER at_load"
        );
        Self::new(name).keys("dynamic = true").code(&function)
    }

    /// Adds a line to the first part of its manifest.
    pub(crate) fn keys(mut self, line: &str) -> Self {
        self.keys.push_str(line);
        self.keys.push('\n');
        self
    }

    /// Adds tables to its manifest: `[[app]]` and so on.
    pub(crate) fn tables(mut self, lines: &str) -> Self {
        self.tables.push_str(lines);
        self.tables.push('\n');
        self
    }

    /// Adds a route for GET to its manifest; the handler is `index`.
    pub(crate) fn route(self, rule: &str) -> Self {
        self.tables(&format!("[[route]]\nmethod = \"GET\"\nrule = {rule:?}\nhandler = \"index\""))
    }

    /// Appends C: definitions, and which of them CREATE, START, BIND, REGISTER or MIDDLEWARE are.
    pub(crate) fn code(mut self, code: &str) -> Self {
        self.code.push_str(code);
        self.code.push('\n');
        self
    }

    /// C that comes before all the rest.
    pub(crate) fn before(mut self, code: &str) -> Self {
        self.code = format!("{code}\n{}", self.code);
        self
    }

    /// The name of its library.
    pub(crate) fn file(&self) -> String {
        format!("lib{}.so", self.name)
    }

    /// Compiles it.
    pub(crate) fn build(&self) -> PathBuf {
        let (head, tail) = (include_str!("plugin_head.c"), include_str!("plugin_tail.c"));
        let note = format!("PA_NOTE({:?})", format!("{}{}", self.keys, self.tables));
        plugin_from_c(self.name, &[head, &note, &self.code, tail].join("\n"))
    }
}

/// A folder with `app.toml` and libraries, which the spec names without a folder: so nothing of the machine is in a message.
pub(crate) struct Files {
    folder: Folder,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self { folder: Folder::new() }
    }

    /// A folder with an app and the libraries of these plugins, each as `lib<name>.so`.
    pub(crate) fn of(plugins: &[&Plugin], spec: impl Into<Spec>) -> Self {
        plugins
            .iter()
            .fold(Self::new().spec(spec), |files, plugin| files.library(&plugin.file(), &plugin.build()))
    }

    /// Copies a library there.
    pub(crate) fn library(self, name: &str, from: &Path) -> Self {
        self.file(name, std::fs::read(from).expect("a library"))
    }

    /// Writes a file there.
    pub(crate) fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        self.folder.write(name, contents);
        self
    }

    /// Writes `app.toml`.
    pub(crate) fn spec(self, spec: impl Into<Spec>) -> Self {
        let spec = spec.into();
        self.file("app.toml", spec.as_str())
    }

    /// Runs `host` there.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        run_in(self.path(), args)
    }

    /// The lines of `host routes`, without the spaces of its columns.
    #[track_caller]
    pub(crate) fn routes(&self) -> Vec<String> {
        let output = self.run(&["routes", "--app", "app.toml"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        output.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// `[[plugin]]` of that name with the library `lib<name>.so` beside the spec.
pub(crate) fn declared(spec: Spec, name: &str) -> Spec {
    spec.plugin(name, Path::new(&format!("lib{name}.so")))
}

/// A spec with one plugin.
pub(crate) fn only(name: &str) -> Spec {
    declared(Spec::new(), name)
}

/// Serves a spec with the libraries of these plugins beside it.
pub(crate) fn serve(plugins: &[&Plugin], spec: impl Into<Spec>) -> Host {
    starting(plugins, spec).start()
}

/// As [`serve`], to be completed.
pub(crate) fn starting(plugins: &[&Plugin], spec: impl Into<Spec>) -> Starting {
    plugins.iter().fold(Host::with(spec, "threaded"), |starting, plugin| {
        starting.file(&plugin.file(), std::fs::read(plugin.build()).expect("a library"))
    })
}
