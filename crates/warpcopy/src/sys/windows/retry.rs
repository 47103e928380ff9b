//! How long a call is repeated that somebody else's open handle stands in the way of. Pure.
//!
//! Virus scanners and indexers open what has just been written, for some milliseconds to seconds. astral-sh/uv and
//! jdx/mise wait from 10 and 50 ms on, doubling, for 10 and 1.5 seconds in all.

use std::time::Duration;

use super::rules::{ACCESS_DENIED, DELETE_PENDING, LOCK_VIOLATION, SHARING_VIOLATION};
use crate::plan::Code;

const FIRST: Duration = Duration::from_millis(10);
const PAUSES_MAX: u32 = 9;

/// Whether a code may come from somebody's open handle, rather than from the file or its rights.
pub(super) fn is_passing(code: Code) -> bool {
    [ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION, DELETE_PENDING].contains(&code)
}

/// How long to wait before the next attempt, after this many; `None` when it is time to give up.
pub(super) fn pause_after(attempts: u32) -> Option<Duration> {
    (1..=PAUSES_MAX).contains(&attempts).then(|| FIRST * 2_u32.pow(attempts - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_10_milliseconds_and_end_after_five_seconds() {
        let pauses: Vec<Duration> = (1..).map_while(pause_after).collect();
        assert_eq!(pauses[0], FIRST);
        assert!(pauses.windows(2).all(|pair| pair[1] == pair[0] * 2));
        let all: Duration = pauses.iter().sum();
        assert!(Duration::from_secs(5) <= all && all < Duration::from_secs(6), "{all:?}");
    }

    #[test]
    fn only_codes_of_somebody_elses_handle_are_repeated() {
        for code in [5, 32, 33, 303] {
            assert!(is_passing(Code(code)), "{code}");
        }
        for code in [1, 2, 3, 17, 19, 39, 50, 80, 87, 112, 123, 145, 183, 206, 225, 347, 1224, 1314]
        {
            assert!(!is_passing(Code(code)), "{code}");
        }
    }
}
