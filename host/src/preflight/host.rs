//! The machine and the host that a library is judged for.

use object::elf::{
    EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_MIPS, EM_PPC, EM_PPC64, EM_RISCV, EM_S390, EM_SPARCV9,
    EM_X86_64, Machine,
};
use plugin_api::abi;
use std::fmt;

/// What a library must fit.
#[derive(Clone, Debug)]
pub struct Host<'a> {
    /// The ELF number of the machine; none when it is not in the table: then it is not checked.
    pub machine: Option<u16>,
    /// 32 or 64.
    pub bits: u8,
    /// The byte order.
    pub little_endian: bool,
    /// The C library that this process runs on; none when it is not glibc: then it is not checked.
    pub glibc: Option<Glibc>,
    /// The major version of the ABI.
    pub abi_major: u16,
    /// The minor version of the ABI.
    pub abi_minor: u16,
    /// The extensions that a manifest may require.
    pub extensions: &'a [&'a str],
}

impl<'a> Host<'a> {
    /// This process.
    pub fn this(extensions: &'a [&'a str]) -> Self {
        Self {
            machine: MACHINES
                .iter()
                .find(|machine| machine.2 == std::env::consts::ARCH)
                .map(|machine| machine.0.0),
            bits: if cfg!(target_pointer_width = "64") { 64 } else { 32 },
            little_endian: cfg!(target_endian = "little"),
            glibc: crate::library::glibc_version().and_then(Glibc::parse),
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            extensions,
        }
    }
}

/// ELF's number, the name that people use, and Rust's name where the number alone tells the machine.
const MACHINES: &[(Machine, &str, &str)] = &[
    (EM_X86_64, "x86-64", "x86_64"),
    (EM_AARCH64, "aarch64", "aarch64"),
    (EM_RISCV, "RISC-V", "riscv64"),
    (EM_386, "x86", "x86"),
    (EM_ARM, "arm", "arm"),
    (EM_PPC64, "PowerPC 64", "powerpc64"),
    (EM_PPC, "PowerPC", "powerpc"),
    (EM_S390, "s390x", "s390x"),
    (EM_LOONGARCH, "LoongArch", "loongarch64"),
    (EM_MIPS, "MIPS", "mips64"),
    (EM_SPARCV9, "SPARC 64", "sparc64"),
];

/// The name of a machine by its ELF number.
pub fn machine_name(number: u16) -> String {
    let known = MACHINES.iter().find(|machine| machine.0.0 == number);
    known.map_or_else(|| format!("machine {number}"), |machine| machine.1.to_owned())
}

/// A version of glibc. Its third number never adds symbols since 2.3.4, and is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glibc(
    /// The major number.
    pub u32,
    /// The minor number.
    pub u32,
);

impl Glibc {
    /// Reads `2.36`, also `2.2.5`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??))
    }

    /// The version that a symbol version stands for: `GLIBC_2.36`.
    pub(super) fn of_symbol_version(name: &str) -> Option<Self> {
        // Markers of abilities of the loader, not of symbols.
        match name {
            "GLIBC_ABI_DT_RELR" => Some(Self(2, 36)),
            _ => Self::parse(name.strip_prefix("GLIBC_")?),
        }
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}
