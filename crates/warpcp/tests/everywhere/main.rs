//! What the command promises on every system: run on a real tree, with what the standard library can plant and look
//! at. What only one system has is in a file of its own; what Linux can do on top is in `it`.

mod existing;
mod lines;
mod support;
mod trees;
#[cfg(windows)]
mod windows;
