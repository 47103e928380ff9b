//! Gives the program for Windows its manifest: it knows the present versions, long paths and UTF-8, and asks for no
//! more rights than its caller has.

use std::env;

use embed_manifest::{embed_manifest, new_manifest};

fn main() {
    if env::var_os("CARGO_CFG_WINDOWS").is_some() {
        // It has no windows of its own.
        let manifest =
            new_manifest("warpcp").remove_dependency("Microsoft.Windows.Common-Controls");
        embed_manifest(manifest).expect("cargo gives a folder to write to");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
