//! Points in time as Windows counts them: steps of 100 ns since 1601. Pure.

use crate::plan::Time;

const STEPS_PER_SECOND: i64 = 10_000_000;
/// Seconds between the beginnings of 1601 and 1970.
const EPOCH: i64 = 11_644_473_600;

pub(super) fn from_steps(steps: i64) -> Time {
    Time {
        seconds: steps.div_euclid(STEPS_PER_SECOND) - EPOCH,
        nanoseconds: steps.rem_euclid(STEPS_PER_SECOND) as u32 * 100,
    }
}

/// Rounds down to a step. What lies before the first step becomes the first: zero and less mean other things to the
/// calls that set times (`FILE_BASIC_INFORMATION`).
pub(super) fn to_steps(time: Time) -> i64 {
    time.seconds
        .saturating_add(EPOCH)
        .saturating_mul(STEPS_PER_SECOND)
        .saturating_add(i64::from(time.nanoseconds / 100))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_way_there_and_back_to_100_nanoseconds() {
        let table = [
            (0, Time { seconds: -EPOCH, nanoseconds: 0 }),
            (EPOCH * STEPS_PER_SECOND, Time { seconds: 0, nanoseconds: 0 }),
            (EPOCH * STEPS_PER_SECOND - 1, Time { seconds: -1, nanoseconds: 999_999_900 }),
            (133_485_408_000_000_007, Time { seconds: 1_704_067_200, nanoseconds: 700 }),
        ];
        for (steps, time) in table {
            assert_eq!(from_steps(steps), time);
            assert_eq!(to_steps(time), steps.max(1));
        }
    }

    #[test]
    fn what_is_finer_than_a_step_is_cut_off() {
        let time = Time { seconds: 5, nanoseconds: 123_456_789 };
        assert_eq!(from_steps(to_steps(time)).nanoseconds, 123_456_700);
    }

    #[test]
    fn times_that_windows_does_not_have_become_the_nearest_it_has() {
        assert_eq!(to_steps(Time { seconds: i64::MIN, nanoseconds: 0 }), 1);
        assert_eq!(to_steps(Time { seconds: i64::MAX, nanoseconds: 0 }), i64::MAX);
    }
}
