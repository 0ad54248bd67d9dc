//! The layout of ABI 1 on 64-bit targets, as numbers: an accidental change of `abi.rs` does not build.
//!
//! Appending a field to a struct changes its size here, on purpose; moving one changes an offset, which is a new major
//! version.

use crate::abi::*;
use core::mem::{offset_of, size_of};

macro_rules! layout {
    ($($type:ident $size:literal { $($field:ident $offset:literal),* })*) => {
        $(
            const _: () = assert!(size_of::<$type>() == $size, concat!("the size of ", stringify!($type), " changed"));
            $(const _: () = assert!(
                offset_of!($type, $field) == $offset,
                concat!("the place of ", stringify!($type), "::", stringify!($field), " changed")
            );)*
        )*
    };
}

#[cfg(target_pointer_width = "64")]
layout! {
    Slice 16 { ptr 0, len 8 }
    Buf 32 { ptr 0, len 8, owner 16, drop 24 }
    Pair 32 { name 0, value 16 }
    Param 48 { name 0, text 16, kind 32, number 40 }
    Waker 8 { vt 0 }
    WakerVt 40 { size 0, clone 8, wake 16, wake_by_ref 24, drop 32 }
    Poll 16 { data 0, vt 8 }
    PollVt 24 { size 0, poll 8, drop 16 }
    Request 176 {
        size 0, flags 4, version 8, error_status 10, params_len 12, method 16, target 32, path 48, script_name 64,
        query 80, rule 96, body 112, params 128, body_src 136, error_message 144, ctx 160, vt 168
    }
    RequestVt 64 { size 0, header 8, header_at 16, alloc 24, peer 32, id 40, url 48, log 56 }
    Response 72 { size 0, status 4, flags 6, headers 8, headers_len 16, headers_cap 20, body 24, stream 56 }
    Handler 16 { data 0, vt 8 }
    HandlerVt 24 { size 0, call 8, drop 16 }
    RouteInfo 88 { size 0, method 8, rule 24, name 40, mount 56, plugin 72 }
    Wrapper 16 { data 0, vt 8 }
    WrapperVt 24 { size 0, apply 8, drop 16 }
    Filter 16 { data 0, vt 8 }
    FilterVt 40 { size 0, pattern 8, parse 16, format 24, drop 32 }
    Host 48 { size 0, abi_major 4, abi_minor 6, ctx 8, plugin_name 16, log 32, extension 40 }
    Plugin 48 { size 0, abi_major 4, abi_minor 6, create 8, start 16, stop 24, destroy 32, extension 40 }
    PluginHandlers 16 { size 0, bind 8 }
    PluginApps 16 { size 0, register 8 }
    PluginWrap 16 { size 0, make 8 }
    PluginState 24 { size 0, save 8, load 16 }
    RouteSpec 72 { size 0, body 4, flags 6, method 8, rule 24, name 40, handler 56 }
    HostApp 104 {
        size 0, ctx 8, top 16, create 24, push 32, pop 40, load 48, route 56, error 64, filter 72, mount 80, merge 88,
        install 96
    }
    HostTimer 24 { size 0, ctx 8, sleep 16 }
    HostRun 32 { size 0, ctx 8, run 16, stop 24 }
    HostStore 72 {
        size 0, ctx 8, get 16, set 24, remove 32, compare_and_set 40, add 48, count 56, visit 64
    }
}
