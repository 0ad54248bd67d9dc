//! What a [`Refusal`] says, and its cure.

use super::facts::{Entry, Kind, SymbolKind};
use super::host::machine_name;
use super::refusal::Refusal;
use crate::error::Error;
use crate::library::ENTRY;
use crate::manifest::no_note;
use crate::suggest;
use std::fmt;

impl Refusal {
    /// The refusal and its cures as an error; it does not name the file.
    pub fn error(&self) -> Error {
        match self {
            // These were made where more is known of them.
            Self::Manifest(error) => error.clone(),
            Self::NoNote => no_note(),
            _ => self.cures().into_iter().fold(Error::spec(self.to_string()), Error::help),
        }
    }

    fn cures(&self) -> Vec<String> {
        match self {
            Self::NotElf(_) | Self::Kind(Kind::Executable) => {
                vec![
                    "set `crate-type = [\"cdylib\"]` under [lib]; cargo makes target/debug/lib<name>.so"
                        .into(),
                ]
            }
            Self::Truncated(..) | Self::Damaged(_) | Self::BadNote(_) => {
                vec!["build or copy it again; write a plugin to another name and rename it into place".into()]
            }
            Self::Machine(..) | Self::Bits(..) | Self::ByteOrder(..) => {
                let arch = std::env::consts::ARCH;
                vec![format!("build it for this machine: `cargo build --target {arch}-unknown-linux-gnu`")]
            }
            Self::Kind(Kind::Relocatable) => vec!["link it: `cc -shared -o libx.so x.o`".into()],
            Self::Kind(_) => Vec::new(),
            Self::Abi(library, host) if library > host => {
                vec![format!(
                    "use a host of ABI {}, or build the plugin with plugin-api of ABI {}",
                    library.0, host.0
                )]
            }
            Self::Abi(_, host) => vec![format!("build the plugin with plugin-api of ABI {}", host.0)],
            Self::PanicAbort => vec!["remove `panic = \"abort\"` from the profile that builds it".into()],
            Self::Extensions(missing, known) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                missing.iter().map(|id| format!("`{id}`: {}", suggest::hint(id, &known))).collect()
            }
            Self::NoSymbols => vec!["link it again, without a tool that removes section headers".into()],
            Self::NoEntry(other) => {
                let exports =
                    format!("a plugin exports `{ENTRY}`: call `plugin_api::plugin!` or include plugin_api.h");
                let other =
                    other.as_ref().map(|name| format!("it exports `{name}`, the entry of another ABI"));
                other.into_iter().chain([exports]).collect()
            }
            Self::WrongEntry(_) => {
                vec![format!("define it as data: `const pa_plugin {ENTRY} = {{ sizeof(pa_plugin), … }};`")]
            }
            Self::Glibc(..) => vec!["build it on the oldest system that it should run on".into()],
            Self::ExecutableStack => vec![
                "link with `-z noexecstack`; give assembly files `.section .note.GNU-stack,\"\",@progbits`"
                    .into(),
            ],
            Self::TextRelocations => vec!["compile all of it with `-fPIC`".into()],
            Self::Manifest(_) | Self::NoNote => Vec::new(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |machine: &u16| machine_name(*machine);
        let order = |little: &bool| if *little { "little-endian" } else { "big-endian" };
        match self {
            Self::NotElf(what) => write!(f, "not a shared library: {what}"),
            Self::Damaged(cause) => write!(f, "not a shared library: damaged ELF file: {cause}"),
            Self::Truncated(end, size) => {
                write!(f, "truncated: its segments end at byte {end}, the file has {size}")
            }
            Self::Machine(library, host) => {
                write!(f, "wrong machine: built for {}, this host runs {}", name(library), name(host))
            }
            Self::Bits(library, host) => {
                write!(f, "wrong class: built for {library} bits, this host runs {host}")
            }
            Self::ByteOrder(library, host) => {
                write!(f, "wrong byte order: built for {}, this host is {}", order(library), order(host))
            }
            Self::Kind(kind) => write!(f, "not a shared library: {kind}"),
            Self::NoNote | Self::Manifest(_) => f.write_str(self.error().message()),
            Self::BadNote(cause) => write!(f, "manifest: {cause}"),
            Self::Abi(library, host) => {
                let newer = if library > host { "plugin" } else { "host" };
                let ((major, minor), (host_major, host_minor)) = (library, host);
                let host = format!("{host_major}.{host_minor}");
                write!(f, "wrong ABI: built for {major}.{minor}, this host has {host}: the {newer} is newer")
            }
            Self::PanicAbort => {
                f.write_str("built with `panic = \"abort\"`: a panic in it would end the host")
            }
            Self::Extensions(missing, _) => {
                write!(
                    f,
                    "missing host extensions: it requires `{}`, this host has not",
                    missing.join("`, `")
                )
            }
            Self::NoSymbols => f.write_str("no symbols: its table of dynamic symbols cannot be read"),
            Self::NoEntry(_) => write!(f, "no entry: it does not export `{ENTRY}`"),
            Self::WrongEntry(Entry { kind: SymbolKind::Object, bytes }) => {
                write!(f, "wrong entry: `{ENTRY}` has {bytes} bytes, its head alone has 8")
            }
            Self::WrongEntry(Entry { kind, .. }) => {
                write!(f, "wrong entry: `{ENTRY}` is {kind}, not a data object")
            }
            Self::Glibc(needed, running, symbol) => {
                write!(f, "glibc too old: it needs {needed}, this host runs on {running}")?;
                symbol.iter().try_for_each(|symbol| write!(f, ": symbol `{symbol}`"))
            }
            Self::ExecutableStack => {
                f.write_str("executable stack: it asks for one, for every thread of the host")
            }
            Self::TextRelocations => {
                f.write_str("text relocations: its code would be written to when it is loaded")
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared => f.write_str("shared library"),
            Self::Executable => f.write_str("it is an executable"),
            Self::Relocatable => f.write_str("it is an object file (.o) that was not linked"),
            Self::Core => f.write_str("it is a core dump"),
            Self::NotDynamic => f.write_str("it has no dynamic section"),
            Self::Other(number) => write!(f, "it is an ELF file of type {number}"),
        }
    }
}

impl fmt::Display for SymbolKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "a data object",
            Self::Function => "a function",
            Self::ThreadLocal => "a thread-local variable",
            Self::Untyped => "a symbol without a type",
        })
    }
}
