//! The error codes of macOS by name: intro(2). Their numbers are not those of other systems.

use crate::plan::Code;

/// The codes with their names, and a check of the numbers where the system's own are at hand.
macro_rules! codes {
    ($($name:ident $value:literal $system:ident),* $(,)?) => {
        $(#[allow(dead_code, reason = "some are named by tests alone")]
        pub(super) const $name: Code = Code($value);)*

        #[cfg(target_os = "macos")]
        const _: () = {
            $(assert!($value == libc::$system);)*
        };

        /// Returns the name of a code.
        #[cfg(all(test, target_os = "linux"))]
        pub(super) fn name_of(code: Code) -> &'static str {
            match code {
                $($name => stringify!($system),)*
                _ => panic!("no name for code {}", code.0),
            }
        }
    };
}

codes! {
    PERM 1 EPERM,
    NOENT 2 ENOENT,
    INTR 4 EINTR,
    IO 5 EIO,
    NXIO 6 ENXIO,
    BADF 9 EBADF,
    DEADLK 11 EDEADLK,
    NOMEM 12 ENOMEM,
    ACCES 13 EACCES,
    BUSY 16 EBUSY,
    EXIST 17 EEXIST,
    XDEV 18 EXDEV,
    NOTDIR 20 ENOTDIR,
    ISDIR 21 EISDIR,
    INVAL 22 EINVAL,
    NFILE 23 ENFILE,
    MFILE 24 EMFILE,
    NOTTY 25 ENOTTY,
    TXTBSY 26 ETXTBSY,
    NOSPC 28 ENOSPC,
    ROFS 30 EROFS,
    MLINK 31 EMLINK,
    RANGE 34 ERANGE,
    AGAIN 35 EAGAIN,
    NOTSUP 45 ENOTSUP,
    LOOP 62 ELOOP,
    NAMETOOLONG 63 ENAMETOOLONG,
    DQUOT 69 EDQUOT,
    STALE 70 ESTALE,
    NOSYS 78 ENOSYS,
    CANCELED 89 ECANCELED,
    NOATTR 93 ENOATTR,
    OPNOTSUPP 102 EOPNOTSUPP,
}
