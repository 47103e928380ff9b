//! What is true of macOS's table alone. What no platform's table may say is asked in `sys::tables`, on Linux.

use super::errno::*;
use super::rules::*;
use crate::plan::{Method, Scope, Verdict, classify};

#[cfg(target_os = "linux")]
pub(in crate::sys) fn table() -> crate::sys::tables::Table {
    crate::sys::tables::Table {
        system: "macOS",
        file: "sys/macos/rules.rs",
        methods: METHODS,
        rules: RULES,
        truths: &[NOSPC, DQUOT, ROFS, STALE, DEADLK],
        input_output: &[IO],
        interrupted: Some(INTR),
        name_of,
        title,
    }
}

#[cfg(target_os = "linux")]
fn title(method: Method) -> &'static str {
    match method {
        Method::Clone => "`clone`: `fclonefileat(2)`, which makes the target",
        Method::CopyFile => "`copyfile`: `fcopyfile(3)` of the data",
        Method::Uncached => "`uncached`: read and write with `F_NOCACHE`",
        Method::ReadWrite => "`read_write`: read and write through the page cache",
        Method::CopyRange | Method::Sendfile | Method::Direct => unreachable!("not on macOS"),
    }
}

fn of_a_clone(code: crate::plan::Code) -> Verdict {
    classify(RULES, Method::Clone, code, false, false)
}

#[test]
fn another_volume_is_an_ordinary_reason_to_copy_and_remembered() {
    assert_eq!(of_a_clone(XDEV), Verdict::Refused(Scope::Pair));
}

#[test]
fn one_file_system_s_no_is_not_yet_held_against_it() {
    for code in [NOTSUP, OPNOTSUPP, NOSYS] {
        assert_eq!(of_a_clone(code), Verdict::Refused(Scope::PairIfRepeated));
    }
}

#[test]
fn a_policy_s_no_is_about_one_file() {
    assert_eq!(of_a_clone(PERM), Verdict::Refused(Scope::File));
    assert_eq!(of_a_clone(INVAL), Verdict::Refused(Scope::File));
}

/// A full disk, a broken one, a file that may not be fetched from its cloud: no other method is asked.
#[test]
fn what_is_true_whatever_the_method_ends_the_copy() {
    for code in [NOSPC, DQUOT, ROFS, IO, DEADLK, ACCES, BADF, STALE, NOMEM] {
        for method in METHODS.iter() {
            assert_eq!(classify(RULES, method, code, false, false), Verdict::Failed, "{code:?}");
        }
    }
}

/// EEXIST beats EXDEV in the kernel: a taken name is no word about cloning.
#[test]
fn a_taken_name_is_about_the_name() {
    assert!(NAME_TAKEN.contains(&EXIST));
    assert!(RULES.iter().all(|rule| !NAME_TAKEN.contains(&rule.code)));
}
