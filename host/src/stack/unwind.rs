//! From what a thread was at to its calls.

use super::Frame;
use super::module::Module;
use super::stopped::{Registers, Snapshot};
use framehop::{
    CacheNative, ExplicitModuleSectionInfo, FrameAddress, MayAllocateDuringUnwind, UnwindRegsNative,
    Unwinder, UnwinderNative,
};

/// Deeper stacks are cut off at their outer end.
const FRAMES_MAX: usize = 256;

type Unwinding<'f> = UnwinderNative<&'f [u8], MayAllocateDuringUnwind>;

/// The modules of a process.
pub(super) struct Modules<'f> {
    modules: Vec<Module<'f>>,
    unwinder: Unwinding<'f>,
}

impl<'f> Modules<'f> {
    pub(super) fn of(modules: Vec<Module<'f>>) -> Self {
        let mut unwinder = Unwinding::new();
        for module in &modules {
            let (name, range) = (module.found.name.clone(), module.found.range.clone());
            unwinder.add_module(framehop::Module::new(name, range, module.bias, sections(module)));
        }
        Self { modules, unwinder }
    }

    /// The calls, the innermost first.
    pub(super) fn frames(&self, snapshot: &Snapshot) -> Vec<Frame> {
        let mut cache = CacheNative::<MayAllocateDuringUnwind>::new();
        let mut read = |address| snapshot.word(address);
        let (pc, registers) = (snapshot.registers.instruction, native(&snapshot.registers));
        let mut addresses = self.unwinder.iter_frames(pc, registers, &mut cache, &mut read);
        let mut frames = Vec::new();
        // An error is the end of what was copied, or of what can be told.
        while let Ok(Some(address)) = addresses.next() {
            frames.extend(self.named(address));
            if frames.len() >= FRAMES_MAX {
                break;
            }
        }
        frames
    }

    fn named(&self, address: FrameAddress) -> Vec<Frame> {
        let (address, looked_up) = (address.address(), address.address_for_lookup());
        match self.modules.iter().find(|module| module.found.range.contains(&looked_up)) {
            Some(module) => module.frames(address, looked_up),
            None => vec![Frame { address, ..Frame::default() }],
        }
    }
}

fn sections<'f>(module: &Module<'f>) -> ExplicitModuleSectionInfo<&'f [u8]> {
    let of = |name| module.section(name).map_or((None, None), |(range, data)| (Some(range), Some(data)));
    let (text_svma, text) = of(".text");
    let (eh_frame_svma, eh_frame) = of(".eh_frame");
    let (eh_frame_hdr_svma, eh_frame_hdr) = of(".eh_frame_hdr");
    let (got_svma, _) = of(".got");
    let (_, debug_frame) = of(".debug_frame");
    ExplicitModuleSectionInfo {
        text_svma,
        text,
        got_svma,
        eh_frame_svma,
        eh_frame,
        eh_frame_hdr_svma,
        eh_frame_hdr,
        debug_frame,
        ..ExplicitModuleSectionInfo::default()
    }
}

#[cfg(target_arch = "x86_64")]
fn native(registers: &Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(registers.instruction, registers.stack, registers.frame)
}

#[cfg(target_arch = "aarch64")]
fn native(registers: &Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(registers.link, registers.stack, registers.frame)
}
