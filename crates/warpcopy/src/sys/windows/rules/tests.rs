//! What is true of Windows's table alone. What no platform's table may say is asked in [`tables`](crate::sys::tables).

use super::*;
use crate::plan::{Scope, classify};
#[cfg(target_os = "linux")]
use crate::sys::tables::Table;

/// Truths about the target or the source: a bad checksum, a write-protected disk, a full one or a quota, a virus.
const TRUTHS: [Code; 9] = [
    Code(19),
    Code(23),
    Code(39),
    Code(112),
    Code(223),
    Code(225),
    Code(323),
    Code(665),
    Code(1295),
];

#[cfg(target_os = "linux")]
pub(in crate::sys) fn table() -> Table {
    Table {
        system: "Windows",
        file: "sys/windows/rules.rs",
        methods: METHODS,
        rules: RULES,
        truths: &TRUTHS,
        // ERROR_CRC, ERROR_WRITE_FAULT, ERROR_READ_FAULT, ERROR_GEN_FAILURE, ERROR_IO_DEVICE.
        input_output: const { &[Code(23), Code(29), Code(30), Code(31), Code(1117)] },
        // Nothing interrupts a call.
        interrupted: None,
        name_of,
        title,
    }
}

#[test]
fn somebodys_lock_is_no_reason_for_another_method() {
    for rule in RULES {
        assert!(![SHARING_VIOLATION, LOCK_VIOLATION].contains(&rule.code), "{rule:?}");
    }
    for method in METHODS.iter() {
        for code in [SHARING_VIOLATION, LOCK_VIOLATION] {
            assert_eq!(classify(RULES, method, code, false, false), Verdict::Failed, "{method}");
        }
    }
}

#[test]
fn no_truth_about_a_disk_is_explained_away() {
    for method in METHODS.iter() {
        for code in TRUTHS {
            assert_eq!(classify(RULES, method, code, false, true), Verdict::Failed, "{method}");
        }
    }
}

/// It comes after a cancellation, which is asked about before any code; without one it is an error.
#[test]
fn a_copy_that_was_told_to_stop_is_not_tried_by_another_method() {
    for method in METHODS.iter() {
        assert_eq!(classify(RULES, method, REQUEST_ABORTED, false, false), Verdict::Failed);
    }
}

#[test]
fn too_many_references_to_a_block_concern_one_file() {
    let verdict = classify(RULES, Clone, BLOCK_TOO_MANY_REFERENCES, false, false);
    assert_eq!(verdict, Verdict::Refused(Scope::File));
}

#[test]
fn a_volume_that_shares_nothing_is_asked_once() {
    let verdict = classify(RULES, Clone, INVALID_FUNCTION, false, false);
    assert_eq!(verdict, Verdict::Refused(Scope::Pair));
}

#[test]
fn an_encrypted_file_is_never_read_by_another_method_behind_its_owners_back() {
    let verdict = classify(RULES, CopyFile, ENCRYPTION_FAILED, false, false);
    assert_eq!(verdict, Verdict::Failed);
    let verdict = classify(RULES, ReadWrite, ENCRYPTION_FAILED, false, false);
    assert_eq!(verdict, Verdict::Failed);
}

#[cfg(target_os = "linux")]
fn name_of(code: Code) -> &'static str {
    match code {
        INVALID_FUNCTION => "1 `ERROR_INVALID_FUNCTION`",
        ACCESS_DENIED => "5 `ERROR_ACCESS_DENIED`",
        INVALID_DATA => "13 `ERROR_INVALID_DATA`",
        NOT_SUPPORTED => "50 `ERROR_NOT_SUPPORTED`",
        INVALID_PARAMETER => "87 `ERROR_INVALID_PARAMETER`",
        CALL_NOT_IMPLEMENTED => "120 `ERROR_CALL_NOT_IMPLEMENTED`",
        INVALID_NAME => "123 `ERROR_INVALID_NAME`",
        BLOCK_TOO_MANY_REFERENCES => "347 `ERROR_BLOCK_TOO_MANY_REFERENCES`",
        ENCRYPTION_FAILED => "6000 `ERROR_ENCRYPTION_FAILED`",
        _ => panic!("no name for code {}", code.0),
    }
}

#[cfg(target_os = "linux")]
fn title(method: Method) -> &'static str {
    match method {
        Method::Clone => "`clone`: `FSCTL_DUPLICATE_EXTENTS_TO_FILE`",
        Method::CopyFile => "`copyfile`: `CopyFile2`, or `CopyFileExW`",
        Method::Uncached => "`uncached`: read and write with `FILE_FLAG_NO_BUFFERING`",
        Method::ReadWrite => "`read_write`: read and write through the cache",
        Method::CopyRange | Method::Sendfile | Method::Direct => unreachable!("not on Windows"),
    }
}
