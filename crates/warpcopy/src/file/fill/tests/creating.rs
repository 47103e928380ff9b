//! The methods that make their own target, against a table of this file's own.

use crate::plan::Method::{Clone, CopyFile};
use crate::plan::{Code, Fault, Host, Ladder, Method, Rule, Scope, Side, Verdict, When};
use crate::report::{Reason, Refusal};
use crate::watch::{Cancel, Counters};

use super::super::{Created, Failure, INTERRUPTS_MAX, Step, create_whole};
use super::local;

const ELSEWHERE: Code = Code(18);
const INTERRUPTED: Code = Code(4);
const BUSY: Code = Code(16);
const FULL: Code = Code(28);

const fn row(method: Method, code: Code, verdict: Verdict) -> Rule {
    Rule { method, code, when: When::Start, host: Host::Any, verdict, source: "this test" }
}

const RULES: [Rule; 4] = [
    row(Clone, ELSEWHERE, Verdict::Refused(Scope::Pair)),
    row(Clone, INTERRUPTED, Verdict::Retry),
    row(Clone, BUSY, Verdict::RetryOnce),
    row(CopyFile, ELSEWHERE, Verdict::Refused(Scope::File)),
];

type Making<'a> =
    &'a mut dyn FnMut(Method, &mut dyn FnMut(u64) -> bool) -> Result<Option<(char, u64)>, Code>;

fn create(must_clone: bool, cancel: &Cancel, make: Making<'_>) -> Result<Created<char>, Failure> {
    let counters = Counters::default();
    let around = local(&RULES, cancel, &counters);
    create_whole(Ladder::of(&[Clone, CopyFile]), must_clone, &around, |method, progress| {
        make(method, progress).map_err(|code| Fault { code, side: Side::Either })
    })
}

fn refusal(method: Method, reason: Reason, scope: Scope) -> Refusal {
    Refusal { method, reason, offset: 0, scope }
}

fn failed(code: Code, method: Method) -> Failure {
    let fault = Fault { code, side: Side::Either };
    Failure::Fault { fault, step: Step::Move(method), offset: 0 }
}

#[test]
fn the_first_that_works_makes_it_and_no_other_is_asked() {
    let mut asked = Vec::new();
    let created = create(false, &Cancel::new(), &mut |method, _| {
        asked.push(method);
        Ok(Some(('t', 7)))
    });
    assert_eq!(created.unwrap().made, Some((Clone, 't', 7)));
    assert_eq!(asked, [Clone]);
}

#[test]
fn one_that_declines_makes_room_for_the_next() {
    let created = create(false, &Cancel::new(), &mut |method, _| match method {
        Clone => Err(ELSEWHERE),
        _ => Ok(Some(('t', 7))),
    });
    let created = created.unwrap();
    assert_eq!(created.made, Some((CopyFile, 't', 7)));
    let expected = refusal(Clone, Reason::Code(ELSEWHERE), Scope::Pair);
    assert_eq!(created.refusals, [expected]);
}

#[test]
fn where_all_decline_nothing_is_made_and_all_are_on_record() {
    let created = create(false, &Cancel::new(), &mut |_, _| Err(ELSEWHERE)).unwrap();
    assert_eq!(created.made, None);
    let reason = Reason::Code(ELSEWHERE);
    let expected = [refusal(Clone, reason, Scope::Pair), refusal(CopyFile, reason, Scope::File)];
    assert_eq!(created.refusals, expected);
}

#[test]
fn a_clone_that_was_demanded_and_declined_is_a_failure() {
    let counters = Counters::default();
    let cancel = Cancel::new();
    let around = local(&RULES, &cancel, &counters);
    let made: Result<Created<()>, _> = create_whole(Ladder::of(&[Clone]), true, &around, |_, _| {
        Err(Fault { code: ELSEWHERE, side: Side::Either })
    });
    let refusal = refusal(Clone, Reason::Code(ELSEWHERE), Scope::Pair);
    assert_eq!(made.unwrap_err(), Failure::NoClone { refusal });
}

#[test]
fn a_code_that_no_row_names_is_the_end() {
    let mut asked = 0;
    let created = create(false, &Cancel::new(), &mut |_, _| {
        asked += 1;
        Err(FULL)
    });
    assert_eq!(created.unwrap_err(), failed(FULL, Clone));
    assert_eq!(asked, 1);
}

#[test]
fn a_target_of_the_wrong_length_is_not_taken() {
    let created = create(false, &Cancel::new(), &mut |method, _| match method {
        Clone => Ok(None),
        _ => Ok(Some(('t', 7))),
    });
    let created = created.unwrap();
    assert_eq!(created.made, Some((CopyFile, 't', 7)));
    assert_eq!(created.refusals, [refusal(Clone, Reason::WrongLength, Scope::File)]);
}

#[test]
fn an_interrupt_costs_another_call_but_not_for_ever() {
    let mut asked = 0;
    let created = create(false, &Cancel::new(), &mut |_, _| {
        asked += 1;
        if asked == 3 { Ok(Some(('t', 7))) } else { Err(INTERRUPTED) }
    });
    assert_eq!(created.unwrap().made, Some((Clone, 't', 7)));
    let mut asked = 0;
    let created = create(false, &Cancel::new(), &mut |_, _| {
        asked += 1;
        Err(INTERRUPTED)
    });
    assert_eq!(created.unwrap_err(), failed(INTERRUPTED, Clone));
    assert_eq!(asked, INTERRUPTS_MAX + 1);
}

#[test]
fn what_is_worth_one_more_try_gets_one() {
    let mut asked = 0;
    let created = create(false, &Cancel::new(), &mut |_, _| {
        asked += 1;
        Err(BUSY)
    });
    assert_eq!(created.unwrap_err(), failed(BUSY, Clone));
    assert_eq!(asked, 2);
}

#[test]
fn a_raised_flag_stops_before_and_within_a_method() {
    let cancel = Cancel::new();
    let created = create(false, &cancel, &mut |_, progress| {
        assert!(progress(3), "nobody has cancelled yet");
        cancel.cancel();
        assert!(!progress(3), "the flag is raised");
        // What the system says to one that was told to stop.
        Err(FULL)
    });
    assert_eq!(created.unwrap_err(), Failure::Cancelled { offset: 0 });
    let created = create(false, &cancel, &mut |_, _| unreachable!("it was cancelled before"));
    assert_eq!(created.unwrap_err(), Failure::Cancelled { offset: 0 });
}
