//! The table itself: what no row may say, and the page that is printed from it.

use std::collections::HashMap;
use std::fmt::Write;

use super::*;
use crate::plan::{Scope, classify};

/// Truths about the target or the source, whatever the method: another method would only hide them.
const TRUTHS: [Errno; 4] = [Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::STALE];

#[test]
fn no_row_explains_away_a_full_disk_a_quota_a_read_only_or_a_stale_file() {
    for rule in RULES {
        assert!(!TRUTHS.map(code).contains(&rule.code), "{rule:?}");
    }
    for method in Method::ALL {
        for truth in TRUTHS {
            for (has_moved, is_network) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let verdict = classify(RULES, method, code(truth), has_moved, is_network);
                assert_eq!(verdict, Verdict::Failed, "{method} {truth:?}");
            }
        }
    }
}

/// A clone writes the source's dirty pages out first: after EIO from it a read may return stale data.
#[test]
fn an_input_output_error_is_believed_except_of_servers() {
    for rule in RULES.iter().filter(|rule| rule.code == code(Errno::IO)) {
        assert_eq!(rule.host, Host::Network, "{rule:?}");
        assert_ne!(rule.method, Method::Clone, "{rule:?}");
        assert_ne!(rule.method, Method::ReadWrite, "{rule:?}");
    }
    for method in Method::ALL {
        let verdict = classify(RULES, method, code(Errno::IO), false, false);
        assert_eq!(verdict, Verdict::Failed, "{method}");
    }
}

#[test]
fn a_lack_of_memory_is_worth_one_more_try_and_no_other_method() {
    for rule in RULES.iter().filter(|rule| rule.code == code(Errno::NOMEM)) {
        assert_eq!(rule.verdict, Verdict::RetryOnce, "{rule:?}");
        assert_ne!(rule.method, Method::Clone, "{rule:?}");
    }
}

#[test]
fn an_interrupt_costs_no_method() {
    for method in METHODS.iter() {
        for has_moved in [false, true] {
            let verdict = classify(RULES, method, code(Errno::INTR), has_moved, false);
            assert_eq!(verdict, Verdict::Retry, "{method}");
        }
    }
}

#[test]
fn reading_and_writing_is_never_refused() {
    for rule in RULES.iter().filter(|rule| rule.method == Method::ReadWrite) {
        assert_eq!(rule.verdict, Verdict::Retry, "{rule:?}");
    }
}

/// A clone stops in the middle without saying how far it came, so all its rows hold at the start or not at all.
#[test]
fn a_clone_is_refused_only_at_the_start() {
    for rule in RULES.iter().filter(|rule| rule.method == Method::Clone) {
        let is_refusal = matches!(rule.verdict, Verdict::Refused(_));
        assert_eq!(is_refusal, rule.when == When::Start, "{rule:?}");
    }
}

/// EPERM is a seccomp profile as often as an immutable file; neither tells about other files.
#[test]
fn what_may_be_about_one_file_is_not_held_against_others() {
    for errno in
        [Errno::PERM, Errno::ACCESS, Errno::INVAL, Errno::BADF, Errno::TXTBSY, Errno::AGAIN]
    {
        for rule in RULES.iter().filter(|rule| rule.code == code(errno)) {
            assert_eq!(rule.verdict, Verdict::Refused(Scope::File), "{rule:?}");
        }
    }
}

#[test]
fn no_two_rows_answer_the_same_question() {
    for (number, rule) in RULES.iter().enumerate() {
        for other in &RULES[number + 1..] {
            let is_same = (rule.method, rule.code) == (other.method, other.code);
            let meets_in_time = rule.when == other.when
                || rule.when == When::Anywhere
                || other.when == When::Anywhere;
            let meets_in_place =
                rule.host == other.host || rule.host == Host::Any || other.host == Host::Any;
            assert!(!(is_same && meets_in_time && meets_in_place), "{rule:?} and {other:?}");
        }
    }
}

#[test]
fn every_row_says_where_it_comes_from() {
    for rule in RULES {
        assert!(rule.source.len() > 5, "{rule:?}");
    }
}

/// The names of the codes; a number alone differs between architectures.
fn name_of(code: Code) -> &'static str {
    let names: HashMap<i32, &'static str> = [
        (Errno::ACCESS, "EACCES"),
        (Errno::AGAIN, "EAGAIN"),
        (Errno::BADF, "EBADF"),
        (Errno::FBIG, "EFBIG"),
        (Errno::INTR, "EINTR"),
        (Errno::INVAL, "EINVAL"),
        (Errno::IO, "EIO"),
        (Errno::MFILE, "EMFILE"),
        (Errno::NFILE, "ENFILE"),
        (Errno::NODATA, "ENODATA"),
        (Errno::NOENT, "ENOENT"),
        (Errno::NOMEM, "ENOMEM"),
        (Errno::NOSYS, "ENOSYS"),
        (Errno::NOTTY, "ENOTTY"),
        (Errno::OPNOTSUPP, "EOPNOTSUPP"),
        (Errno::OVERFLOW, "EOVERFLOW"),
        (Errno::PERM, "EPERM"),
        (Errno::SPIPE, "ESPIPE"),
        (Errno::TXTBSY, "ETXTBSY"),
        (Errno::XDEV, "EXDEV"),
        (NOTSUPP_LEAKED, "524 (ENOTSUPP)"),
    ]
    .into_iter()
    .map(|(errno, name)| (errno.raw_os_error(), name))
    .collect();
    names.get(&code.0).copied().unwrap_or_else(|| panic!("no name for code {}", code.0))
}

fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Retry => "the same call again",
        Verdict::RetryOnce => "the same call once more, then failure",
        Verdict::Refused(Scope::File) => "next method, for this file",
        Verdict::Refused(Scope::Pair) => "next method, for these two devices",
        Verdict::Refused(Scope::Process) => "next method, for every file",
        Verdict::Failed => "failure",
    }
}

const INTRODUCTION: &str = "\
# What the error codes of each method mean

Printed from `crates/warpcopy/src/sys/linux/rules.rs` by a test that fails when this page is not the table; run it with
`WARPCOPY_BLESS=1` to print the page anew. Do not edit it by hand.

Methods are tried in the order of this page, as far as the options and the file let them. One that declines leaves the
target cut at the offset that is known to be right, and the next one goes on there. **A code that is not in the table is
a failure**, and so are, by a test, ENOSPC, EDQUOT, EROFS and ESTALE from any method and EIO from local file systems: they
are truths about the target, and another method would only hide them.

*When* is `start` if the row holds only as long as the method has moved nothing of the file. *Where* is `network` if it
holds only when one end is served over a network, where in-kernel copies fail for reasons of the server.
";

fn title(method: Method) -> &'static str {
    match method {
        Method::Clone => "`clone`: `FICLONE`",
        Method::CopyRange => "`copy_file_range`",
        Method::Sendfile => "`sendfile`",
        Method::CopyFile => "`copyfile`",
        Method::Uncached => "`uncached`: read and write with `RWF_DONTCACHE`",
        Method::Direct => "`direct`: read and write with `O_DIRECT`",
        Method::ReadWrite => "`read_write`: read and write through the page cache",
    }
}

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for method in METHODS.iter() {
        write!(page, "\n## {}\n\n", title(method)).unwrap();
        page.push_str("| code | when | where | meaning | source |\n|---|---|---|---|---|\n");
        for rule in RULES.iter().filter(|rule| rule.method == method) {
            let when = match rule.when {
                When::Start => "start",
                When::Anywhere => "any time",
            };
            let host = match rule.host {
                Host::Any => "anywhere",
                Host::Network => "network",
            };
            let (name, meaning) = (name_of(rule.code), meaning(rule.verdict));
            writeln!(page, "| {name} | {when} | {host} | {meaning} | {} |", rule.source).unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_methods_is_printed_from_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/methods.md");
    let page = page();
    if std::env::var_os("WARPCOPY_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(path, &page).expect("docs/methods.md can be written");
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == page, "docs/methods.md is stale; print it anew with WARPCOPY_BLESS=1");
}

#[test]
fn rows_stand_in_the_order_in_which_methods_are_tried() {
    assert!(RULES.is_sorted_by_key(|rule| rule.method as u32));
}
