//! The calls of a stack, for people and for programs.

use crate::scoreboard::GenerationOnBoard;
use crate::stack::Frame;
use serde_json::{Value, json};

/// The innermost calls that are shown to people, where none is a plugin's.
const FRAMES_OF_NOBODY_MAX: usize = 32;

fn generation<'g>(frame: &Frame, generations: &'g [GenerationOnBoard]) -> Option<&'g GenerationOnBoard> {
    // Of a call that never returns the address may be the first one behind the library.
    let at = frame.address.saturating_sub(1);
    generations.iter().find(|generation| generation.mapped.contains(&at))
}

/// All down to the plugin's outermost call. What calls that is the host, which is the same each time.
pub(super) fn text(frames: &[Frame], generations: &[GenerationOnBoard]) -> String {
    let outermost = frames.iter().rposition(|frame| generation(frame, generations).is_some());
    let shown = outermost.map_or(FRAMES_OF_NOBODY_MAX.min(frames.len()), |index| index + 1);
    let lines = frames[..shown].iter().enumerate().map(|(index, frame)| line(index, frame, generations));
    let mut lines: Vec<String> = lines.collect();
    let calls = |more: usize| format!("{more} {} more", if more == 1 { "call" } else { "calls" });
    match (frames.len() - shown, outermost) {
        (0, _) => {}
        (more, Some(_)) => lines.push(format!("       called by the host ({})", calls(more))),
        (more, None) => lines.push(format!("       and {}", calls(more))),
    }
    lines.join("\n")
}

/// `  2  lab/1  lab::wait_for  at src/lib.rs:17`; without a name `  2  lab/1  liblab.so+0x1139 (build id 3f…)`.
fn line(index: usize, frame: &Frame, generations: &[GenerationOnBoard]) -> String {
    let library = frame.library.as_deref().unwrap_or("?");
    let whose = match generation(frame, generations) {
        Some(generation) => format!("{}/{}", generation.plugin, generation.number),
        None => library.to_owned(),
    };
    let what = match (&frame.function, frame.offset) {
        (Some(function), _) => function.clone(),
        (None, Some(offset)) => {
            let build_id = frame.build_id.as_ref().map(|id| format!(" (build id {id})"));
            format!("{library}+{offset:#x}{}", build_id.unwrap_or_default())
        }
        (None, None) => format!("{:#x}", frame.address),
    };
    let source = frame.source.as_ref().map(|(file, line)| format!("  at {file}:{line}"));
    format!("  {index:>3}  {whose}  {what}{}", source.unwrap_or_default())
}

pub(super) fn json(frames: &[Frame], generations: &[GenerationOnBoard]) -> Value {
    let of_one = |frame: &Frame| {
        let generation = generation(frame, generations);
        json!({
            "address": format!("{:#x}", frame.address),
            "plugin": generation.map(|generation| &generation.plugin),
            "generation": generation.map(|generation| generation.number),
            "library": frame.library,
            "offset": frame.offset.map(|offset| format!("{offset:#x}")),
            "build_id": frame.build_id,
            "function": frame.function,
            "file": frame.source.as_ref().map(|(file, _)| file),
            "line": frame.source.as_ref().map(|(_, line)| line),
            "inlined": frame.is_inlined,
        })
    };
    frames.iter().map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generations() -> Vec<GenerationOnBoard> {
        vec![GenerationOnBoard {
            is_optional: false,
            plugin: "lab".into(),
            number: 3,
            version: "1.0.0".into(),
            digest: "ab".into(),
            build_id: "77".into(),
            file: "/liblab.so".into(),
            mapped: 0x1000..0x2000,
        }]
    }

    fn frame(address: u64, library: &str, function: Option<&str>) -> Frame {
        Frame {
            address,
            library: Some(library.to_owned()),
            offset: Some(address & 0xfff),
            build_id: Some("77".to_owned()),
            function: function.map(str::to_owned),
            ..Frame::default()
        }
    }

    #[test]
    fn people_see_the_calls_down_to_the_plugins_and_how_many_more_there_are() {
        let source = Some(("src/lib.rs".to_owned(), 17));
        let frames = [
            frame(0x9123, "libc.so.6", Some("nanosleep")),
            Frame { source, ..frame(0x1123, "liblab.so", Some("lab::wait")) },
            frame(0x1456, "liblab.so", None),
            frame(0x8000, "host", Some("host::main")),
            Frame { address: 0x7000, ..Frame::default() },
        ];
        let want = "    0  libc.so.6  nanosleep
    1  lab/3  lab::wait  at src/lib.rs:17
    2  lab/3  liblab.so+0x456 (build id 77)
       called by the host (2 calls more)";
        assert_eq!(text(&frames, &generations()), want);
        assert_eq!(line(0, &frames[4], &[]), "    0  ?  0x7000");
    }

    #[test]
    fn a_stack_without_a_plugin_is_shown_and_programs_get_all_of_any() {
        let frames: Vec<Frame> = (0..40).map(|_| frame(0x8000, "host", Some("run"))).collect();
        assert!(text(&frames, &generations()).ends_with("\n       and 8 calls more"));
        let json = json(&frames, &generations());
        assert_eq!(json.as_array().map(Vec::len), Some(40));
        let of_plugin = super::json(&[frame(0x1123, "liblab.so", None)], &generations());
        assert_eq!(of_plugin[0]["plugin"], "lab");
        assert_eq!((&of_plugin[0]["address"], &of_plugin[0]["offset"]), (&"0x1123".into(), &"0x123".into()));
        assert_eq!((&of_plugin[0]["build_id"], &of_plugin[0]["function"]), (&"77".into(), &Value::Null));
    }
}
