//! How a symbolic link is made, and made sure of. Pure; the calls are the caller's.

use super::rules::{INVALID_PARAMETER, NOT_SUPPORTED};
use crate::sys::Answer;

/// winbase.h, `SYMBOLIC_LINK_FLAG_DIRECTORY`.
const DIRECTORY: u32 = 0x1;
/// `SYMBOLIC_LINK_FLAG_ALLOW_UNPRIVILEGED_CREATE`: enough in the developer's mode; unknown before Windows 10 1703.
const ALLOW_UNPRIVILEGED: u32 = 0x2;

/// Makes a link, which is one to a file or to a directory for ever.
pub(super) fn make(
    is_directory: bool,
    mut call: impl FnMut(u32) -> Answer<()>,
    is_there: impl FnOnce() -> bool,
) -> Answer<()> {
    let kind = if is_directory { DIRECTORY } else { 0 };
    match call(kind | ALLOW_UNPRIVILEGED) {
        Err(INVALID_PARAMETER) => call(kind)?,
        answer => answer?,
    }
    // Wine before 9 says yes and makes nothing.
    if is_there() { Ok(()) } else { Err(NOT_SUPPORTED) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Code;

    fn made(is_directory: bool, answers: &[Answer<()>], is_there: bool) -> (Answer<()>, Vec<u32>) {
        let mut asked = Vec::new();
        let call = |flags| {
            asked.push(flags);
            answers[asked.len() - 1]
        };
        let answer = make(is_directory, call, || is_there);
        (answer, asked)
    }

    #[test]
    fn a_link_is_made_for_what_it_is_to_stand_for() {
        assert_eq!(made(false, &[Ok(())], true), (Ok(()), vec![2]));
        assert_eq!(made(true, &[Ok(())], true), (Ok(()), vec![3]));
    }

    #[test]
    fn builds_that_do_not_know_the_developers_mode_are_asked_without_it() {
        let answers = [Err(Code(87)), Ok(())];
        assert_eq!(made(true, &answers, true), (Ok(()), vec![3, 1]));
        let answers = [Err(Code(87)), Err(Code(1314))];
        assert_eq!(made(false, &answers, true), (Err(Code(1314)), vec![2, 0]));
    }

    #[test]
    fn a_missing_privilege_is_said_and_not_worked_around() {
        for code in [1314, 5, 183, 3].map(Code) {
            assert_eq!(made(false, &[Err(code)], true), (Err(code), vec![2]));
        }
    }

    #[test]
    fn a_link_that_is_not_there_was_not_made() {
        assert_eq!(made(false, &[Ok(())], false), (Err(NOT_SUPPORTED), vec![2]));
    }
}
