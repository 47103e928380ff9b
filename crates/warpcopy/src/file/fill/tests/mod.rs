//! The loop against a scripted kernel: every clause by example, and random histories judged by a referee.

#![allow(clippy::single_range_in_vec_init, reason = "one hole is a list of holes")]

mod clauses;
mod creating;
mod histories;
mod referee;
mod script;
