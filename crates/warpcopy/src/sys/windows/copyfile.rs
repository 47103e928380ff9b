//! What is asked of the system's own way to copy a file, and what its answers mean. Pure.

use super::rules::{ALREADY_EXISTS, FILE_EXISTS, INVALID_PARAMETER};
use crate::plan::Code;
use crate::sys::Answer;

const FAIL_IF_EXISTS: u32 = 0x1;
/// A link that took the source's place meanwhile is copied as one, not followed.
const COPY_SYMLINK: u32 = 0x800;
/// Holes stay holes. Since Windows 11 22H2 (COPYFILE2_EXTENDED_PARAMETERS_V2).
const ENABLE_SPARSE_COPY: u32 = 0x2000_0000;
const SPARSE_COPY_FROM_BUILD: u32 = 22_621;

/// Streams are copied by themselves, as with every method. Since Windows 10 2004; a build that does not know the flag
/// copies them twice.
const SKIP_ALTERNATE_STREAMS: u32 = 0x8000;

/// The flags without which nothing is to be copied. `None` for a file whose holes this build would fill.
pub(super) fn flags(build: u32, is_sparse: bool) -> Option<u32> {
    match is_sparse {
        false => Some(FAIL_IF_EXISTS | COPY_SYMLINK),
        true if build >= SPARSE_COPY_FROM_BUILD => {
            Some(FAIL_IF_EXISTS | COPY_SYMLINK | ENABLE_SPARSE_COPY)
        }
        true => None,
    }
}

/// Flags that only make it better, the newest last.
pub(super) const BETTER: [u32; 1] = [SKIP_ALTERNATE_STREAMS];

/// Calls with all flags; then without the last of the better ones, as long as the build does not know one.
pub(super) fn with_fewer_flags(
    needed: u32,
    better: &[u32],
    mut call: impl FnMut(u32) -> Answer<()>,
) -> Answer<()> {
    let with = |better: &[u32]| better.iter().fold(needed, |all, flag| all | flag);
    for count in (1..=better.len()).rev() {
        match call(with(&better[..count])) {
            Err(INVALID_PARAMETER) => {}
            answer => return answer,
        }
    }
    call(needed)
}

/// The Win32 code in a result of COM; others stay what they are.
pub(super) fn code_of(result: i32) -> Code {
    const FACILITY_WIN32: u32 = 0x8007;
    match result.cast_unsigned() >> 16 {
        FACILITY_WIN32 => Code(result & 0xffff),
        _ => Code(result),
    }
}

/// The same code for one state, whichever the call and build.
pub(super) fn one_code(code: Code) -> Code {
    if code == FILE_EXISTS { ALREADY_EXISTS } else { code }
}

/// What was told of a copy's progress so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    bytes: u64,
}

impl Told {
    /// How many more bytes there are to tell. Only the first stream is the file's content: the sum of all was wrong in
    /// rust-lang/rust#44532.
    pub(super) fn more(&mut self, stream: u32, transferred: u64) -> u64 {
        let is_content = stream == 1 && transferred > self.bytes;
        let more = if is_content { transferred - self.bytes } else { 0 };
        self.bytes += more;
        more
    }

    /// What is left to tell when the copy is done: nothing is told of a copy that shares blocks, or by Wine.
    pub(super) fn rest(&mut self, len_bytes: u64) -> u64 {
        self.more(1, len_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_target_is_never_overwritten_and_a_link_never_followed() {
        for build in [10_240, 19_041, 22_621, 26_100] {
            for is_sparse in [false, true] {
                let Some(flags) = flags(build, is_sparse) else { continue };
                assert_eq!(flags & (FAIL_IF_EXISTS | COPY_SYMLINK), FAIL_IF_EXISTS | COPY_SYMLINK);
            }
        }
    }

    #[test]
    fn holes_are_kept_or_left_to_the_next_method() {
        assert_eq!(flags(19_045, true), None);
        assert_ne!(flags(22_621, true).unwrap() & ENABLE_SPARSE_COPY, 0);
        assert_eq!(flags(26_100, false).unwrap() & ENABLE_SPARSE_COPY, 0);
    }

    #[test]
    fn flags_that_a_build_does_not_know_are_dropped_newest_first() {
        let mut asked = Vec::new();
        let answer = with_fewer_flags(3, &[4, 8], |flags| {
            asked.push(flags);
            if flags & 4 == 0 { Ok(()) } else { Err(Code(87)) }
        });
        assert_eq!((answer, asked), (Ok(()), vec![15, 7, 3]));
    }

    #[test]
    fn a_code_about_something_else_costs_no_flags() {
        for code in [5, 32, 80, 112, 1235].map(Code) {
            let mut calls = 0;
            let answer = with_fewer_flags(1, &[4, 8], |_| {
                calls += 1;
                Err(code)
            });
            assert_eq!((answer, calls), (Err(code), 1));
        }
        let answer = with_fewer_flags(1, &[4], |_| Err(Code(87)));
        assert_eq!(answer, Err(Code(87)), "a build that takes no flags at all");
    }

    #[test]
    fn results_of_com_are_win32_codes_where_they_hold_one() {
        let table = [
            (0x8007_0057_u32, 87),
            (0x8007_0050, 80),
            (0x8007_00b7, 183),
            (0x8007_04d3, 1235),
            (0x8007_0070, 112),
            (0x8000_4001, 0x8000_4001_u32.cast_signed()),
        ];
        for (result, code) in table {
            assert_eq!(code_of(result.cast_signed()), Code(code), "{result:x}");
        }
        assert_eq!(one_code(Code(80)), Code(183));
        assert_eq!(one_code(Code(183)), Code(183));
        assert_eq!(one_code(Code(5)), Code(5));
    }

    #[test]
    fn progress_is_that_of_the_content_and_never_goes_back() {
        let mut told = Told::default();
        assert_eq!(told.more(1, 100), 100);
        assert_eq!(told.more(2, 5000), 0, "another stream");
        assert_eq!(told.more(1, 100), 0);
        assert_eq!(told.more(1, 50), 0);
        assert_eq!(told.more(1, 250), 150);
        assert_eq!(told.rest(300), 50);
        assert_eq!(Told::default().rest(300), 300, "nothing was told");
    }
}
