//! The tables of every platform: what no row may say, and the page that is printed from them.
//!
//! A platform brings its [`Table`] from the tests of its `rules`. All of them are at hand on Linux alone, where the other
//! platforms' pure parts are compiled for tests; that is where the page is printed.

use std::fmt::Write;

use crate::plan::{Code, Host, Ladder, Method, Rule, Scope, Verdict, When, classify};

/// What one platform's codes mean.
#[derive(Clone, Copy)]
pub(in crate::sys) struct Table {
    /// What the platform is called.
    pub(in crate::sys) system: &'static str,
    /// The file that holds the rows.
    pub(in crate::sys) file: &'static str,
    pub(in crate::sys) methods: Ladder,
    pub(in crate::sys) rules: &'static [Rule],
    /// Truths about the target or the source, whatever the method: another method would only hide them.
    pub(in crate::sys) truths: &'static [Code],
    /// A disk or a server that failed: believed, except of servers.
    pub(in crate::sys) input_output: &'static [Code],
    /// A signal came first.
    pub(in crate::sys) interrupted: Option<Code>,
    /// The words for a code; a number alone differs between platforms.
    pub(in crate::sys) name_of: fn(Code) -> &'static str,
    /// What a method is here.
    pub(in crate::sys) title: fn(Method) -> &'static str,
}

/// Every platform whose table is at hand, in the order of the page.
fn tables() -> Vec<Table> {
    vec![super::linux::table(), super::macos::table(), super::windows::table()]
}

fn each_row(check: impl Fn(&Table, &Rule)) {
    for table in tables() {
        table.rules.iter().for_each(|rule| check(&table, rule));
    }
}

#[test]
fn no_row_explains_away_a_full_disk_a_quota_a_read_only_or_a_stale_file() {
    each_row(|table, rule| assert!(!table.truths.contains(&rule.code), "{rule:?}"));
    for table in tables() {
        for (method, truth) in
            Method::ALL.iter().flat_map(|m| table.truths.iter().map(move |truth| (*m, *truth)))
        {
            for (has_moved, is_network) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let verdict = classify(table.rules, method, truth, has_moved, is_network);
                assert_eq!(verdict, Verdict::Failed, "{}: {method} {truth:?}", table.system);
            }
        }
    }
}

/// A clone writes the source's dirty pages out first: after EIO from it a read may return stale data.
#[test]
fn an_input_output_error_is_believed_except_of_servers() {
    each_row(|table, rule| {
        if table.input_output.contains(&rule.code) {
            assert_eq!(rule.host, Host::Network, "{rule:?}");
            assert_ne!(rule.method, Method::Clone, "{rule:?}");
            assert_ne!(rule.method, Method::ReadWrite, "{rule:?}");
        }
    });
    for table in tables() {
        for (method, code) in
            Method::ALL.iter().flat_map(|m| table.input_output.iter().map(move |code| (*m, *code)))
        {
            let verdict = classify(table.rules, method, code, false, false);
            assert_eq!(verdict, Verdict::Failed, "{}: {method}", table.system);
        }
    }
}

#[test]
fn an_interrupt_costs_no_method() {
    for table in tables() {
        let Some(interrupted) = table.interrupted else { continue };
        for method in table.methods.iter() {
            for has_moved in [false, true] {
                let verdict = classify(table.rules, method, interrupted, has_moved, false);
                assert_eq!(verdict, Verdict::Retry, "{}: {method}", table.system);
            }
        }
    }
}

#[test]
fn reading_and_writing_is_never_refused() {
    each_row(|_, rule| {
        let is_refusal = matches!(rule.verdict, Verdict::Refused(_));
        assert!(rule.method != Method::ReadWrite || !is_refusal, "{rule:?}");
    });
}

/// A clone stops in the middle without saying how far it came, so all its rows hold at the start or not at all.
#[test]
fn a_clone_is_refused_only_at_the_start() {
    each_row(|_, rule| {
        let is_refusal = matches!(rule.verdict, Verdict::Refused(_));
        assert!(
            rule.method != Method::Clone || is_refusal == (rule.when == When::Start),
            "{rule:?}"
        );
    });
}

#[test]
fn no_two_rows_answer_the_same_question() {
    for Table { rules, .. } in tables() {
        for (number, rule) in rules.iter().enumerate() {
            for other in &rules[number + 1..] {
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
}

#[test]
fn every_row_says_where_it_comes_from() {
    each_row(|_, rule| assert!(rule.source.len() > 5, "{rule:?}"));
}

#[test]
fn rows_stand_in_the_order_in_which_methods_are_tried() {
    for table in tables() {
        assert!(table.rules.is_sorted_by_key(|rule| rule.method as u32), "{}", table.system);
        assert!(table.rules.iter().all(|rule| table.methods.contains(rule.method)));
    }
}

fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Retry => "the same call again",
        Verdict::RetryOnce => "the same call once more, then failure",
        Verdict::Refused(Scope::File) => "next method, for this file",
        Verdict::Refused(Scope::Pair) => "next method, for these two devices",
        Verdict::Refused(Scope::PairIfRepeated) => {
            "next method, for this file; for these two devices after three in a row"
        }
        Verdict::Refused(Scope::Process) => "next method, for every file",
        Verdict::Failed => "failure",
    }
}

const INTRODUCTION: &str = "\
# What the error codes of each method mean

Printed by a test from the tables in `crates/warpcopy/src/sys`; it fails when this page is not the tables. Run it with
`WARPCOPY_BLESS=1` to print the page anew. Do not edit it by hand.

Methods are tried in the order of this page, as far as the options and the file let them. One that declines for one
file leaves the target cut at the offset that is known to be right (what it declines for two devices or for every file it
has not begun), and the next one goes on there. **A code that is not in the table is
a failure**, and so are, by a test, a full disk, an exhausted quota, a read-only and a stale file from any method and an
input/output error from local file systems: they are truths about the target, and another method would only hide them.

*When* is `start` if the row holds only as long as the method has moved nothing of the file. *Where* is `network` if it
holds only when one end is served over a network, where in-kernel copies fail for reasons of the server.
";

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for table in tables() {
        write!(page, "\n## {}\n\nFrom `{}`.\n", table.system, table.file).unwrap();
        table.methods.iter().for_each(|method| print_method(&mut page, &table, method));
    }
    page
}

fn print_method(page: &mut String, table: &Table, method: Method) {
    write!(page, "\n### {}\n\n", (table.title)(method)).unwrap();
    page.push_str("| code | when | where | meaning | source |\n|---|---|---|---|---|\n");
    for rule in table.rules.iter().filter(|rule| rule.method == method) {
        let when = match rule.when {
            When::Start => "start",
            When::Anywhere => "any time",
        };
        let host = match rule.host {
            Host::Any => "anywhere",
            Host::Network => "network",
        };
        let (name, meaning) = ((table.name_of)(rule.code), meaning(rule.verdict));
        writeln!(page, "| {name} | {when} | {host} | {meaning} | {} |", rule.source).unwrap();
    }
}

#[test]
fn the_page_of_methods_is_printed_from_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/methods.md");
    let page = page();
    if std::env::var_os("WARPCOPY_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(path, &page).expect("docs/methods.md can be written");
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == page, "docs/methods.md is stale; print it anew with WARPCOPY_BLESS=1");
}
