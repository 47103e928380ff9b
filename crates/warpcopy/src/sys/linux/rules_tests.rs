//! What is true of Linux's table alone. What no platform's table may say is asked in [`tables`](crate::sys::tables).

use rustix::io::Errno;

use super::rules::*;
use super::{INTERRUPTED, code};
use crate::plan::{Code, Method, Scope, Verdict};
use crate::sys::tables::Table;

pub(in crate::sys) fn table() -> Table {
    Table {
        system: "Linux",
        file: "sys/linux/rules.rs",
        methods: METHODS,
        rules: RULES,
        truths: const {
            &[code(Errno::NOSPC), code(Errno::DQUOT), code(Errno::ROFS), code(Errno::STALE)]
        },
        input_output: const { &[code(Errno::IO)] },
        interrupted: Some(INTERRUPTED),
        name_of,
        title,
    }
}

#[test]
fn a_lack_of_memory_is_worth_one_more_try_and_no_other_method() {
    for rule in RULES.iter().filter(|rule| rule.code == code(Errno::NOMEM)) {
        assert_eq!(rule.verdict, Verdict::RetryOnce, "{rule:?}");
        assert_ne!(rule.method, Method::Clone, "{rule:?}");
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

fn name_of(code: Code) -> &'static str {
    match Errno::from_raw_os_error(code.0) {
        Errno::ACCESS => "EACCES",
        Errno::AGAIN => "EAGAIN",
        Errno::BADF => "EBADF",
        Errno::FBIG => "EFBIG",
        Errno::INTR => "EINTR",
        Errno::INVAL => "EINVAL",
        Errno::IO => "EIO",
        Errno::MFILE => "EMFILE",
        Errno::NFILE => "ENFILE",
        Errno::NODATA => "ENODATA",
        Errno::NOENT => "ENOENT",
        Errno::NOMEM => "ENOMEM",
        Errno::NOSYS => "ENOSYS",
        Errno::NOTTY => "ENOTTY",
        Errno::OPNOTSUPP => "EOPNOTSUPP",
        Errno::OVERFLOW => "EOVERFLOW",
        Errno::PERM => "EPERM",
        Errno::SPIPE => "ESPIPE",
        Errno::TXTBSY => "ETXTBSY",
        Errno::XDEV => "EXDEV",
        NOTSUPP_LEAKED => "524 (ENOTSUPP)",
        _ => panic!("no name for code {}", code.0),
    }
}

fn title(method: Method) -> &'static str {
    match method {
        Method::Clone => "`clone`: `FICLONE`",
        Method::CopyRange => "`copy_file_range`",
        Method::Sendfile => "`sendfile`",
        Method::CopyFile => unreachable!("not on Linux"),
        Method::Uncached => "`uncached`: read and write with `RWF_DONTCACHE`",
        Method::Direct => "`direct`: read and write with `O_DIRECT`",
        Method::ReadWrite => "`read_write`: read and write through the page cache",
    }
}
