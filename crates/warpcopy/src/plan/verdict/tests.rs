use super::*;

fn row(method: Method, code: i32, when: When, host: Host, verdict: Verdict) -> Rule {
    Rule { method, code: Code(code), when, host, verdict, source: "the test" }
}

#[test]
fn a_code_without_a_row_is_a_failure() {
    for method in Method::ALL {
        let rules = [row(method, 1, When::Anywhere, Host::Any, Verdict::Retry)];
        assert_eq!(classify(&rules, method, Code(2), false, true), Verdict::Failed);
        assert_eq!(classify(&[], method, Code(1), false, true), Verdict::Failed);
    }
}

#[test]
fn a_row_speaks_for_its_method_alone() {
    let rules = [row(Method::Clone, 1, When::Anywhere, Host::Any, Verdict::Retry)];
    assert_eq!(classify(&rules, Method::Clone, Code(1), false, false), Verdict::Retry);
    assert_eq!(classify(&rules, Method::CopyRange, Code(1), false, false), Verdict::Failed);
}

#[test]
fn a_row_about_the_start_is_silent_once_something_moved() {
    let rules = [row(Method::CopyRange, 1, When::Start, Host::Any, Verdict::Retry)];
    assert_eq!(classify(&rules, Method::CopyRange, Code(1), false, false), Verdict::Retry);
    assert_eq!(classify(&rules, Method::CopyRange, Code(1), true, false), Verdict::Failed);
}

#[test]
fn a_row_about_servers_is_silent_about_disks() {
    let rules = [row(Method::CopyRange, 1, When::Anywhere, Host::Network, Verdict::Retry)];
    assert_eq!(classify(&rules, Method::CopyRange, Code(1), true, true), Verdict::Retry);
    assert_eq!(classify(&rules, Method::CopyRange, Code(1), true, false), Verdict::Failed);
}

#[test]
fn the_first_row_that_fits_decides() {
    let rules = [
        row(Method::Clone, 1, When::Start, Host::Network, Verdict::Retry),
        row(Method::Clone, 1, When::Anywhere, Host::Any, Verdict::RetryOnce),
    ];
    assert_eq!(classify(&rules, Method::Clone, Code(1), false, true), Verdict::Retry);
    assert_eq!(classify(&rules, Method::Clone, Code(1), false, false), Verdict::RetryOnce);
    assert_eq!(classify(&rules, Method::Clone, Code(1), true, true), Verdict::RetryOnce);
}

#[test]
fn a_code_is_printed_as_words_without_its_number() {
    let text = Code(28).to_string();
    assert!(!text.contains("28") && !text.contains("os error"), "{text}");
    assert_eq!(std::io::Error::from(Code(28)).raw_os_error(), Some(28));
}
