//! Which GNU cp the command is compared with, and what that one cannot be asked.

use std::path::PathBuf;
use std::process::Command;

/// A GNU cp.
pub(super) struct Yardstick {
    pub(super) program: PathBuf,
    /// 9.10 is `(9, 10)`.
    version: (u32, u32),
    help: String,
}

impl Yardstick {
    /// Finds the one that `WARPCOPY_GNU_CP` names, else `cp` if that is GNU's.
    pub(super) fn find() -> Option<Yardstick> {
        let program = std::env::var_os("WARPCOPY_GNU_CP").unwrap_or_else(|| "cp".into());
        let answer = |option: &str| {
            let output = Command::new(&program).arg(option).env("LC_ALL", "C").output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let first = answer("--version")?.lines().next()?.to_owned();
        let number = first.strip_prefix("cp (GNU coreutils) ")?;
        let mut parts = number.split('.').map(|part| part.parse().unwrap_or(0));
        let version = (parts.next()?, parts.next()?);
        let program = PathBuf::from(&program);
        // The tests run in other directories.
        let program = if program.components().count() > 1 {
            program.canonicalize().ok()?
        } else {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path)
                .map(|path| path.join(&program))
                .find(|path| path.is_file())?
        };
        Some(Yardstick { program, version, help: answer("--help")? })
    }

    /// Whether it knows this option, and we do.
    pub(super) fn offers(&self, long: &str, short: &str) -> bool {
        !NOT_YET.iter().any(|option| *option == long || *option == short)
            && (long != "keep-directory-symlink" || self.help.contains(long))
    }

    /// Whether it knows this value of an option.
    pub(super) fn offers_value(&self, long: &str, value: &str) -> bool {
        long != "update" || self.help.contains("--update[=UPDATE]") || value.is_empty()
    }

    pub(super) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        self.version >= (major, minor)
    }
}

/// Options that are not offered yet.
const NOT_YET: [&str; 0] = [];
