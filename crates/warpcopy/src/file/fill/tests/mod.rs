//! The loop against a scripted kernel: every clause by example, and random histories judged by a referee.

#![allow(clippy::single_range_in_vec_init, reason = "one hole is a list of holes")]

mod clauses;
mod creating;
mod histories;
mod referee;
mod script;

use super::Surroundings;
use crate::plan::Rule;
use crate::watch::{Cancel, Counters};

/// Neither a network nor other clones.
fn local<'a>(rules: &'a [Rule], cancel: &'a Cancel, counters: &'a Counters) -> Surroundings<'a> {
    Surroundings { rules, is_network: false, cancel, counters, cloning: None }
}
