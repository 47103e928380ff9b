//! One example for each clause of the loop. What survives a random history may still be wrong in the one place
//! where it matters: `progress_of_one_method_does_not_count_for_the_next` was such a survivor once.

use std::ops::Range;
use std::sync::Mutex;

use rustix::io::Errno;

use crate::error::Operation;
use crate::plan::Method::{Clone, CopyRange, Direct, ReadWrite, Sendfile, Uncached};
use crate::plan::{Code, Data, Fault, FillPlan, Method, Mover, Part, Scope, Side};
use crate::report::{Reason, Refusal};
use crate::sys::LINUX_RULES as RULES;
use crate::watch::{Cancel, Counters};

use super::super::{
    CHUNK_BYTES_MAX, Failure, Filled, INTERRUPTS_MAX, SPLIT_CHUNK_BYTES_MAX, STEP_BYTES, Step,
    Surroundings, fill,
};
use super::local;
use super::script::{Act, Call, Change, Kernel, Reaction, code_of, fault, plan};

fn refused(method: Method, errno: Errno, offset: u64, scope: Scope) -> Refusal {
    Refusal { method, reason: Reason::Code(code_of(errno)), offset, scope }
}

fn code(errno: Errno) -> Act {
    Act::Code(errno, 0)
}

/// Runs a script that ends well and checks that every byte arrived.
#[track_caller]
fn fills(kernel: &mut Kernel, plan: &FillPlan) -> Filled {
    let filled = kernel.fill(plan, false).expect("this history ends well");
    let expected: Vec<u8> = (0..filled.bytes.len).map(|offset| kernel.byte(offset)).collect();
    assert_eq!(kernel.target, expected);
    filled
}

#[track_caller]
fn fails(kernel: &mut Kernel, plan: &FillPlan) -> Failure {
    kernel.fill(plan, false).expect_err("this history ends in a failure")
}

#[test]
fn a_method_that_works_is_the_only_one_asked() {
    let mut kernel = Kernel::new(20);
    let filled = fills(&mut kernel, &plan(&[Clone, CopyRange, ReadWrite], 20));
    assert_eq!(kernel.calls(), [Call::Whole(Clone, Ok(20))]);
    assert_eq!((filled.bytes.method, filled.bytes.cloned), (Some(Clone), 20));
    assert_eq!((filled.bytes.moved, filled.bytes.len), (0, 20));
}

#[test]
fn a_small_file_is_read_in_one_call_that_proves_its_end() {
    let mut kernel = Kernel::new(20);
    fills(&mut kernel, &plan(&[ReadWrite], 20));
    let part = Part { advanced: 20, was_short: true, ..Part::default() };
    assert_eq!(kernel.calls(), [Call::Part(ReadWrite, 0..21, Ok(part))]);
}

#[test]
fn the_end_after_a_kernel_method_is_proven_by_a_read() {
    let mut kernel = Kernel::new(20);
    let filled = fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    assert_eq!(kernel.route(), [(CopyRange, 0, Ok(20)), (ReadWrite, 20, Ok(0))]);
    assert_eq!(filled.bytes.method, Some(CopyRange));
}

#[test]
fn a_refused_method_is_left_for_good_and_the_next_goes_on_where_it_stood() {
    let script = [Act::Some(8), code(Errno::INVAL), Act::All, Act::Some(3), code(Errno::INVAL)];
    let mut kernel = Kernel::new(20).react(script);
    let filled = fills(&mut kernel, &plan(&[CopyRange, Sendfile, ReadWrite], 20));
    let invalid = Err(code_of(Errno::INVAL));
    let route = [
        (CopyRange, 0, Ok(8)),
        (CopyRange, 8, invalid),
        (Sendfile, 8, Ok(3)),
        (Sendfile, 11, invalid),
        (ReadWrite, 11, Ok(9)),
    ];
    assert_eq!(kernel.route(), route);
    assert_eq!(kernel.cuts(), [8, 11]);
    assert_eq!(
        filled.refusals,
        [
            refused(CopyRange, Errno::INVAL, 8, Scope::File),
            refused(Sendfile, Errno::INVAL, 11, Scope::File)
        ]
    );
    assert_eq!((filled.bytes.method, filled.bytes.moved), (Some(ReadWrite), 20));
}

/// A driver may have written anything beyond what it confirmed.
#[test]
fn what_a_refused_method_left_behind_is_cut_off() {
    let mut kernel = Kernel::new(20).react([Act::Some(8), Act::Code(Errno::INVAL, 3)]);
    fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    // The same where the source holds a hole at that place, which the next method skips.
    let script = [Act::All, Act::Some(2), Act::Code(Errno::INVAL, 2)];
    let mut kernel = Kernel::new(20).with_holes(&[4..20]).react(script);
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    let filled = fills(&mut kernel, &plan);
    assert_eq!((filled.bytes.moved, filled.bytes.holes), (4, 16));
}

/// Profilers interrupt everything every few milliseconds.
#[test]
fn an_interrupt_does_not_cost_a_rung() {
    let script = [code(Errno::INTR), Act::Some(8), code(Errno::INTR), code(Errno::INTR)];
    let mut kernel = Kernel::new(20).react(script);
    let filled = fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    let interrupted = Err(code_of(Errno::INTR));
    let route = [
        (CopyRange, 0, interrupted),
        (CopyRange, 0, Ok(8)),
        (CopyRange, 8, interrupted),
        (CopyRange, 8, interrupted),
        (CopyRange, 8, Ok(12)),
        (ReadWrite, 20, Ok(0)),
    ];
    assert_eq!(kernel.route(), route);
    assert_eq!(filled.refusals, []);
    assert_eq!(kernel.cuts(), []);
}

#[test]
fn an_interrupted_clone_is_tried_again() {
    let mut kernel = Kernel::new(20).react([code(Errno::INTR), code(Errno::INTR)]);
    let filled = fills(&mut kernel, &plan(&[Clone, ReadWrite], 20));
    assert_eq!(kernel.route().len(), 3);
    assert_eq!(filled.bytes.cloned, 20);
}

/// A driver that answers nothing else must not keep the copy in its loop for ever.
#[test]
fn an_interrupt_without_end_is_a_failure_and_progress_in_between_is_not() {
    for method in [Clone, CopyRange, ReadWrite] {
        let mut kernel = Kernel::new(20).react([code(Errno::INTR); 2000]);
        let failure = fails(&mut kernel, &plan(&[method, ReadWrite], 20));
        let step = Step::Move(method);
        assert_eq!(failure, Failure::Fault { fault: fault(Errno::INTR), step, offset: 0 });
        assert_eq!(kernel.route().len(), INTERRUPTS_MAX + 1);
    }
    let mut kernel = Kernel::new(20).react([code(Errno::INTR); 1000]);
    kernel.reactions.push_back(Act::Some(10).into());
    kernel.reactions.extend([Reaction::from(code(Errno::INTR)); 1000]);
    fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
}

/// ENOENT from a method that has moved nothing of the file is about the way, not about the file.
#[test]
fn progress_of_one_method_does_not_count_for_the_next() {
    let script = [Act::Some(8), code(Errno::INVAL), Act::All, code(Errno::NOENT), Act::All];
    let mut kernel = Kernel::new(20).react(script);
    let filled = fills(&mut kernel, &plan(&[Uncached, Direct, ReadWrite], 20));
    assert_eq!(filled.refusals[1], refused(Direct, Errno::NOENT, 8, Scope::File));
}

#[test]
fn progress_of_a_method_counts_for_itself() {
    let mut kernel = Kernel::new(20).react([Act::Some(8), code(Errno::NOENT)]);
    let failure = fails(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    let step = Step::Move(CopyRange);
    assert_eq!(failure, Failure::Fault { fault: fault(Errno::NOENT), step, offset: 8 });
}

/// "The method had moved anything of this file", not of this piece of it.
#[test]
fn progress_before_a_hole_counts_after_it() {
    let script = [Act::All, Act::All, Act::All, code(Errno::NOENT)];
    let mut kernel = Kernel::new(20).with_holes(&[5..10]).react(script);
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    let failure = fails(&mut kernel, &plan);
    let step = Step::Move(CopyRange);
    assert_eq!(failure, Failure::Fault { fault: fault(Errno::NOENT), step, offset: 10 });
}

/// golang/go#44272: on kernels 5.3 to 5.18 the call succeeds on procfs and moves nothing.
#[test]
fn a_zero_is_never_the_end_by_itself() {
    let mut kernel = Kernel::new(20).react([Act::Zero]);
    let filled = fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    assert_eq!(kernel.route(), [(CopyRange, 0, Ok(0)), (ReadWrite, 0, Ok(20))]);
    let reason = Reason::NoProgress;
    let refusal = Refusal { method: CopyRange, reason, offset: 0, scope: Scope::File };
    assert_eq!(filled.refusals, [refusal]);
}

#[test]
fn short_pieces_are_read_and_the_method_of_the_long_ones_is_said() {
    let mut kernel = Kernel::new(40).with_holes(&[4..8, 18..20, 23..30]);
    let sparse = |methods, read_below_bytes| FillPlan {
        seeks_holes: true,
        read_below_bytes,
        ..plan(methods, 40)
    };
    let filled = fills(&mut kernel, &sparse(&[Sendfile, ReadWrite], 10));
    let route = [
        (ReadWrite, 0, Ok(4)),
        (Sendfile, 8, Ok(10)),
        (ReadWrite, 20, Ok(3)),
        (Sendfile, 30, Ok(10)),
    ];
    assert_eq!(kernel.route(), route);
    assert_eq!((filled.bytes.method, filled.bytes.holes), (Some(Sendfile), 13));
    assert_eq!(filled.refusals, []);
    // Where nothing is long, reading did it.
    let mut kernel = Kernel::new(40).with_holes(&[4..8, 18..20, 23..30]);
    let filled = fills(&mut kernel, &sparse(&[Sendfile, ReadWrite], 11));
    assert_eq!(filled.bytes.method, Some(ReadWrite));
}

/// openclaw/fs-safe#359: 16 MiB of 17 arrived, and the copy was called complete.
#[test]
fn a_zero_after_progress_is_not_the_end_either() {
    let mut kernel = Kernel::new(20).react([Act::Some(16), Act::Zero]);
    let filled = fills(&mut kernel, &plan(&[CopyRange, Sendfile, ReadWrite], 20));
    assert_eq!(filled.bytes.len, 20);
    let route = [
        (CopyRange, 0, Ok(16)),
        (CopyRange, 16, Ok(0)),
        (Sendfile, 16, Ok(4)),
        (ReadWrite, 20, Ok(0)),
    ];
    assert_eq!(kernel.route(), route);
}

#[test]
fn a_zero_from_every_kernel_method_leads_to_reading() {
    let script = [Act::Zero, Act::All, Act::Zero, Act::All, Act::Zero, Act::All, Act::Zero];
    let mut kernel = Kernel::new(20).react(script);
    let filled = fills(&mut kernel, &plan(&[CopyRange, Sendfile, Uncached, Direct, ReadWrite], 20));
    let methods: Vec<_> = filled.refusals.iter().map(|refusal| refusal.method).collect();
    assert_eq!(methods, [CopyRange, Sendfile, Uncached, Direct]);
}

#[test]
fn a_short_read_in_the_middle_is_not_the_end() {
    let mut kernel = Kernel::new(20).react([Act::Some(3), Act::Some(1)]);
    fills(&mut kernel, &plan(&[ReadWrite], 20));
    assert_eq!(kernel.route().len(), 3);
}

#[test]
fn a_source_that_shrank_ends_the_copy_where_it_ends() {
    for methods in [&[ReadWrite][..], &[CopyRange, ReadWrite]] {
        let cut = Reaction { change: Change::Shrinks(15), act: Act::All };
        let mut kernel = Kernel::new(20).react([cut]);
        let filled = fills(&mut kernel, &plan(methods, 20));
        assert_eq!(filled.bytes.len, 5);
        assert_eq!(kernel.target.len(), 5);
    }
}

#[test]
fn a_source_that_grew_is_followed_once() {
    let grown = Reaction { change: Change::Grows(10), act: Act::All };
    let mut kernel = Kernel::new(20).react([grown]);
    let filled = fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    assert_eq!(filled.bytes.len, 30);
    let route = [(CopyRange, 0, Ok(20)), (ReadWrite, 20, Ok(1)), (CopyRange, 21, Ok(9))];
    assert_eq!(kernel.route(), route);
}

/// A log that is written faster than it is copied.
#[test]
fn a_growing_source_ends_the_copy_all_the_same() {
    for (methods, seeks_holes) in [
        (&[ReadWrite][..], false),
        (&[ReadWrite], true),
        (&[CopyRange, ReadWrite], false),
        (&[CopyRange, ReadWrite], true),
    ] {
        let mut kernel = Kernel::new(20);
        kernel.grows_always = 7;
        let plan = FillPlan { seeks_holes, ..plan(methods, 20) };
        let filled = fills(&mut kernel, &plan);
        assert!((20..100).contains(&filled.bytes.len), "{} bytes", filled.bytes.len);
    }
}

/// Its length is no news by the time it is asked for again.
#[test]
fn a_growing_source_with_holes_is_followed_once() {
    let grown = Reaction { change: Change::Grows(10), act: Act::All };
    let mut kernel = Kernel::new(20).with_holes(&[4..8]).react([grown]);
    let plan = |methods| FillPlan { seeks_holes: true, ..plan(methods, 20) };
    let filled = fills(&mut kernel, &plan(&[CopyRange, ReadWrite]));
    assert_eq!((filled.bytes.len, filled.bytes.holes), (30, 4));
    // A read that comes to the old end without having been short has proven nothing.
    let mut kernel = Kernel::new(20).react([Act::All.into(), grown] as [Reaction; 2]);
    let filled = fills(&mut kernel, &plan(&[ReadWrite]));
    assert_eq!(filled.bytes.len, 30);
}

#[test]
fn a_source_that_is_believed_to_be_empty_is_not_read() {
    let mut kernel = Kernel::new(0);
    let filled = fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 0));
    assert_eq!(kernel.calls(), []);
    assert_eq!((filled.bytes.len, filled.bytes.method), (0, None));
}

#[test]
fn a_source_that_grows_is_followed_once() {
    let mut kernel = Kernel::new(1);
    kernel.grows_always = 9;
    let filled = fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 1));
    assert!((2..40).contains(&filled.bytes.len), "{:?}", filled.bytes);
}

#[test]
fn a_source_without_a_length_is_read_to_its_end() {
    let plan = FillPlan { len_bytes: None, ..plan(&[ReadWrite], 0) };
    let mut kernel = Kernel::new(20).react([Act::Some(7), Act::Some(7)]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!(kernel.route().last(), Some(&(ReadWrite, 20, Ok(0))));
    assert_eq!(filled.bytes.len, 20);
}

/// openzfs/zfs#15728: the clone said that it had succeeded and held only what was on disk.
#[test]
fn a_clone_of_the_wrong_length_is_undone() {
    let mut kernel = Kernel::new(20).react([Act::Some(8)]);
    let filled = fills(&mut kernel, &plan(&[Clone, ReadWrite], 20));
    assert_eq!(kernel.cuts(), [0]);
    assert_eq!(kernel.route(), [(Clone, 0, Ok(8)), (ReadWrite, 0, Ok(20))]);
    let reason = Reason::WrongLength;
    let refusal = Refusal { method: Clone, reason, offset: 0, scope: Scope::File };
    assert_eq!(filled.refusals, [refusal]);
    assert_eq!((filled.bytes.cloned, filled.bytes.moved), (0, 20));
}

#[test]
fn a_clone_of_a_source_that_grew_meanwhile_is_right() {
    let grown = Reaction { change: Change::Grows(10), act: Act::All };
    let mut kernel = Kernel::new(20).react([grown]);
    let filled = fills(&mut kernel, &plan(&[Clone, ReadWrite], 20));
    assert_eq!((filled.bytes.cloned, filled.bytes.len), (30, 30));
    assert_eq!(filled.refusals, []);
}

#[test]
fn a_clone_that_declined_in_the_middle_leaves_nothing_for_the_next_method() {
    let mut kernel = Kernel::new(20).with_holes(&[0..16]);
    kernel.reactions.push_back(Act::Code(Errno::INVAL, 12).into());
    let plan = FillPlan { seeks_holes: true, ..plan(&[Clone, ReadWrite], 20) };
    let filled = fills(&mut kernel, &plan);
    assert_eq!(filled.refusals, [refused(Clone, Errno::INVAL, 0, Scope::File)]);
    assert_eq!(kernel.cuts()[0], 0);
}

#[test]
fn a_clone_between_two_devices_that_cannot_costs_no_cut() {
    let mut kernel = Kernel::new(20).react([code(Errno::XDEV)]);
    let filled = fills(&mut kernel, &plan(&[Clone, ReadWrite], 20));
    assert_eq!(kernel.cuts(), []);
    assert_eq!(filled.refusals, [refused(Clone, Errno::XDEV, 0, Scope::Pair)]);
}

#[test]
fn a_clone_or_nothing_fails_with_the_refusal() {
    let mut kernel = Kernel::new(20).react([code(Errno::OPNOTSUPP)]);
    let failure = fails(&mut kernel, &plan(&[Clone], 20));
    let refusal = refused(Clone, Errno::OPNOTSUPP, 0, Scope::Pair);
    assert_eq!(failure, Failure::NoClone { refusal });
    assert_eq!(kernel.calls().len(), 1);
}

#[test]
fn a_clone_or_nothing_does_not_accept_half_of_it() {
    let mut kernel = Kernel::new(20).react([Act::Some(8)]);
    let failure = fails(&mut kernel, &plan(&[Clone], 20));
    assert!(
        matches!(failure, Failure::NoClone { refusal } if refusal.reason == Reason::WrongLength)
    );
    assert_eq!(kernel.target, []);
}

/// "On failure the target holds the right bytes up to the offset reported, and nothing else."
#[test]
fn a_clone_that_fails_leaves_nothing_behind() {
    let mut kernel = Kernel::new(20).react([Act::Code(Errno::NOSPC, 12)]);
    let failure = fails(&mut kernel, &plan(&[Clone, ReadWrite], 20));
    let step = Step::Move(Clone);
    assert_eq!(failure, Failure::Fault { fault: fault(Errno::NOSPC), step, offset: 0 });
    assert_eq!(kernel.target, []);
}

/// coreutils NEWS 9.2: going on after EIO from a clone could make a corrupt copy.
#[test]
fn trouble_during_a_clone_is_not_explained_away() {
    for errno in [Errno::IO, Errno::NOMEM, Errno::NOSPC, Errno::DQUOT, Errno::ROFS] {
        let mut kernel = Kernel::new(20).react([code(errno)]);
        let failure = kernel.fill(&plan(&[Clone, ReadWrite], 20), true).unwrap_err();
        let step = Step::Move(Clone);
        assert_eq!(failure, Failure::Fault { fault: fault(errno), step, offset: 0 });
    }
}

#[test]
fn a_full_disk_is_no_reason_to_try_another_way() {
    let mut kernel = Kernel::new(20).react([Act::Some(8), Act::Code(Errno::NOSPC, 3)]);
    let failure = fails(&mut kernel, &plan(&[CopyRange, Sendfile, ReadWrite], 20));
    let step = Step::Move(CopyRange);
    assert_eq!(failure, Failure::Fault { fault: fault(Errno::NOSPC), step, offset: 8 });
    assert_eq!(kernel.route().len(), 2);
}

#[test]
fn a_failure_leaves_the_confirmed_bytes_and_nothing_else() {
    let mut kernel = Kernel::new(20).react([Act::Some(8), Act::Code(Errno::NOSPC, 3)]);
    fails(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    let expected: Vec<u8> = (0..8).map(|offset| kernel.byte(offset)).collect();
    assert_eq!(kernel.target, expected);
}

#[test]
fn an_error_of_a_server_is_a_refusal_and_of_a_disk_a_failure() {
    let script = || Kernel::new(20).react([code(Errno::IO)]);
    let plan = plan(&[CopyRange, ReadWrite], 20);
    let mut remote = script();
    let filled = remote.fill(&plan, true).unwrap();
    assert_eq!(filled.refusals, [refused(CopyRange, Errno::IO, 0, Scope::File)]);
    let step = Step::Move(CopyRange);
    let failed = Failure::Fault { fault: fault(Errno::IO), step, offset: 0 };
    assert_eq!(fails(&mut script(), &plan), failed);
}

#[test]
fn a_lack_of_memory_is_worth_one_more_try() {
    let mut kernel = Kernel::new(20).react([code(Errno::NOMEM)]);
    let filled = fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    assert_eq!((filled.bytes.method, filled.refusals.len()), (Some(CopyRange), 0));
}

#[test]
fn a_lack_of_memory_twice_in_a_row_is_a_failure() {
    let mut kernel = Kernel::new(20).react([code(Errno::NOMEM), code(Errno::NOMEM)]);
    let failure = fails(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    let step = Step::Move(CopyRange);
    assert_eq!(failure, Failure::Fault { fault: fault(Errno::NOMEM), step, offset: 0 });
}

#[test]
fn progress_forgives_a_lack_of_memory() {
    let script = [code(Errno::NOMEM), Act::Some(5), code(Errno::NOMEM), Act::Some(5)];
    let mut kernel = Kernel::new(20).react(script);
    let filled = fills(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    assert_eq!(filled.bytes.method, Some(CopyRange));
}

#[test]
fn one_method_s_lack_of_memory_is_not_held_against_the_next() {
    let script = [code(Errno::NOMEM), code(Errno::INVAL), Act::All, code(Errno::NOMEM)];
    let mut kernel = Kernel::new(20).react(script);
    let filled = fills(&mut kernel, &plan(&[CopyRange, Sendfile, ReadWrite], 20));
    assert_eq!(filled.bytes.method, Some(Sendfile));
}

#[test]
fn a_raised_flag_stops_the_copy_before_it_begins() {
    for methods in [&[Clone, ReadWrite][..], &[CopyRange, ReadWrite], &[ReadWrite]] {
        for seeks_holes in [false, true] {
            let mut kernel = Kernel::new(20);
            kernel.cancel.cancel();
            let plan = FillPlan { seeks_holes, ..plan(methods, 20) };
            assert_eq!(fails(&mut kernel, &plan), Failure::Cancelled { offset: 0 });
            assert_eq!(kernel.route(), []);
        }
    }
}

#[test]
fn a_raised_flag_stops_the_copy_before_the_next_call() {
    let raised = Reaction { change: Change::Cancelled, act: Act::Some(8) };
    let mut kernel = Kernel::new(20).react([raised]);
    let failure = fails(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    assert_eq!(failure, Failure::Cancelled { offset: 8 });
    assert_eq!(kernel.route(), [(CopyRange, 0, Ok(8))]);
    assert_eq!(kernel.target.len(), 8);
}

/// A signal interrupts the call; its handler raises the flag.
#[test]
fn an_interrupted_call_is_not_repeated_once_the_flag_is_raised() {
    for method in [Clone, CopyRange, ReadWrite] {
        let raised = Reaction { change: Change::Cancelled, act: code(Errno::INTR) };
        let mut kernel = Kernel::new(20).react([raised]);
        let failure = fails(&mut kernel, &plan(&[method, ReadWrite], 20));
        assert_eq!(failure, Failure::Cancelled { offset: 0 });
        assert_eq!(kernel.route().len(), 1);
    }
}

#[test]
fn holes_are_skipped_and_the_last_one_made_by_the_length() {
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 30) };
    let mut kernel = Kernel::new(30).with_holes(&[0..5, 10..15, 20..30]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!(kernel.route(), [(CopyRange, 5, Ok(5)), (CopyRange, 15, Ok(5))]);
    assert_eq!((filled.bytes.moved, filled.bytes.holes), (10, 20));
    assert_eq!(kernel.cuts(), [30]);
    // XFS puts blocks where it expects more data; it has to hear that none comes.
    assert_eq!(kernel.skipped, [0..5, 10..15, 20..30]);
}

#[test]
fn a_file_of_nothing_but_a_hole_is_made_by_its_length() {
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 30) };
    let mut kernel = Kernel::new(30).with_holes(&[0..30]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!((kernel.route(), kernel.cuts()), (vec![], vec![30]));
    assert_eq!((filled.bytes.method, filled.bytes.holes), (None, 30));
}

#[test]
fn a_method_refused_before_a_hole_is_not_asked_after_it() {
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    let script = [Act::All, code(Errno::INVAL)];
    let mut kernel = Kernel::new(20).with_holes(&[5..10]).react(script);
    let filled = fills(&mut kernel, &plan);
    let methods: Vec<_> = kernel.route().into_iter().map(|(method, ..)| method).collect();
    assert_eq!(methods, [CopyRange, ReadWrite, ReadWrite]);
    assert_eq!(filled.refusals.len(), 1);
}

/// openzfs/zfs#8816, #11900, #15526: "nothing but a hole" about a file full of data.
#[test]
fn a_doubtful_hole_is_read() {
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    let mut kernel = Kernel::new(20).with_holes(&[0..8]).react([Act::Doubt]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!(kernel.route(), [(ReadWrite, 0, Ok(20))]);
    assert_eq!((filled.bytes.moved, filled.bytes.holes), (12, 8));
}

#[test]
fn a_source_that_shrank_into_a_hole_ends_there() {
    let shrunk = Reaction { change: Change::Shrinks(10), act: Act::All };
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 30) };
    let mut kernel =
        Kernel::new(30)
            .with_holes(&[8..25])
            .react([Act::All.into(), Act::All.into(), shrunk] as [Reaction; 3]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!((filled.bytes.len, filled.bytes.holes), (20, 12));
}

/// coreutils/coreutils#159: a journal that changed at the hole just found kept cp in its loop for ever.
#[test]
fn data_punched_out_between_two_questions_is_read_past() {
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    let mut kernel =
        Kernel::new(20).with_holes(&[4..8]).react([Act::All, Act::All, Act::Doubt, Act::All]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!(kernel.route(), [(CopyRange, 0, Ok(4)), (CopyRange, 4, Ok(16))]);
    assert_eq!((filled.bytes.len, filled.bytes.holes), (20, 0));
}

#[test]
fn punched_data_is_read_past_no_further_than_a_step() {
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 3 * STEP_BYTES) };
    let mut kernel = Kernel::new(3 * STEP_BYTES).with_holes(&[4..8]);
    kernel.reactions = [Act::All, Act::All, Act::Doubt].map(Reaction::from).into();
    fills(&mut kernel, &plan);
    let route = [
        (CopyRange, 0, Ok(4)),
        (CopyRange, 4, Ok(STEP_BYTES)),
        (CopyRange, 4 + STEP_BYTES, Ok(2 * STEP_BYTES - 4)),
    ];
    assert_eq!(kernel.route(), route);
}

#[test]
fn a_source_that_grew_by_a_hole_is_followed_once() {
    let grown = Reaction { change: Change::Grows(10), act: Act::All };
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    // Its last hole goes on beyond the length that it had.
    let mut kernel =
        Kernel::new(20)
            .with_holes(&[8..30])
            .react([Act::All.into(), Act::All.into(), grown] as [Reaction; 3]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!((filled.bytes.len, filled.bytes.holes), (30, 22));
    let asked = |call: &Call| matches!(call, Call::NextData(20, _));
    assert_eq!(kernel.calls().iter().filter(|call| asked(call)).count(), 1);
    // And so with data behind that hole.
    let mut kernel =
        Kernel::new(20)
            .with_holes(&[8..25])
            .react([Act::All.into(), Act::All.into(), grown] as [Reaction; 3]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!(kernel.route(), [(CopyRange, 0, Ok(8)), (CopyRange, 25, Ok(5))]);
    assert_eq!((filled.bytes.len, filled.bytes.holes), (30, 17));
    assert_eq!(kernel.calls().iter().filter(|call| asked(call)).count(), 1);
}

#[test]
fn data_that_grew_is_moved_up_to_the_length_that_was_known() {
    let grown = Reaction { change: Change::Grows(10), act: Act::All };
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    let mut kernel = Kernel::new(20).react([grown]);
    fills(&mut kernel, &plan);
    assert_eq!(kernel.route(), [(CopyRange, 0, Ok(20)), (CopyRange, 20, Ok(10))]);
}

#[test]
fn a_source_that_shrank_within_its_data_ends_there() {
    let shrunk = Reaction { change: Change::Shrinks(8), act: Act::All };
    let plan = FillPlan { seeks_holes: true, ..plan(&[ReadWrite], 20) };
    let mut kernel = Kernel::new(20).react([Act::All.into(), shrunk] as [Reaction; 2]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!(filled.bytes.len, 12);
    assert_eq!(kernel.route(), [(ReadWrite, 0, Ok(12)), (ReadWrite, 12, Ok(0))]);
}

#[test]
fn a_raised_flag_stops_the_search_for_holes() {
    let raised = Reaction { change: Change::Cancelled, act: Act::All };
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    let mut kernel =
        Kernel::new(20).with_holes(&[5..10]).react([Act::All.into(), raised] as [Reaction; 2]);
    assert_eq!(fails(&mut kernel, &plan), Failure::Cancelled { offset: 5 });
    assert_eq!(kernel.calls().len(), 3, "one question, one part, one cut");
}

#[test]
fn a_refusal_reaches_as_far_as_its_row_says() {
    let reaches = [
        (CopyRange, Errno::INVAL, Scope::File),
        (CopyRange, Errno::XDEV, Scope::Pair),
        (CopyRange, Errno::NOSYS, Scope::Process),
        (Clone, Errno::INVAL, Scope::File),
        (Clone, Errno::OPNOTSUPP, Scope::Pair),
    ];
    for (method, errno, scope) in reaches {
        let mut kernel = Kernel::new(20).react([code(errno)]);
        let filled = fills(&mut kernel, &plan(&[method, ReadWrite], 20));
        assert_eq!(filled.refusals, [refused(method, errno, 0, scope)]);
    }
}

#[test]
fn whoever_watches_sees_what_was_moved_and_what_was_shared() {
    let mut kernel = Kernel::new(20);
    fills(&mut kernel, &plan(&[Clone, ReadWrite], 20));
    assert_eq!((kernel.counters.moved_bytes(), kernel.counters.cloned_bytes()), (0, 20));
    let mut kernel = Kernel::new(20).react([code(Errno::XDEV), Act::Some(5)]);
    fills(&mut kernel, &plan(&[Clone, CopyRange, ReadWrite], 20));
    assert_eq!((kernel.counters.moved_bytes(), kernel.counters.cloned_bytes()), (20, 0));
}

/// Says of every place that the next data begins before it, and of most that it ends there, too.
struct Backwards {
    moved: Vec<Range<u64>>,
    questions: u32,
}

impl Mover for Backwards {
    fn whole(&mut self, _: Method, _: &mut dyn FnMut(u64) -> bool) -> Result<u64, Fault> {
        unreachable!()
    }

    fn part(&mut self, _: Method, range: Range<u64>) -> Result<Part, Fault> {
        self.moved.push(range.clone());
        Ok(Part { advanced: range.end - range.start, ..Part::default() })
    }

    fn next_data(&mut self, from: u64) -> Result<Data, Fault> {
        self.questions += 1;
        assert!(self.questions < 100, "no end in sight");
        Ok(Data::Range(if from == 5 { 2..10 } else { 2..5 }))
    }

    fn source_len(&mut self) -> Result<u64, Fault> {
        Ok(20)
    }

    fn set_len(&mut self, _: u64) -> Result<(), Fault> {
        Ok(())
    }

    fn preallocate(&mut self, _: Range<u64>) -> Result<(), Fault> {
        Ok(())
    }
}

/// openzfs/zfs#12477: a search for data came back with a place before the one where it began.
#[test]
fn data_that_is_said_to_lie_behind_moves_nothing_back_and_ends() {
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    let mut backwards = Backwards { moved: Vec::new(), questions: 0 };
    let (cancel, counters) = (Cancel::new(), Counters::default());
    let around = local(RULES, &cancel, &counters);
    let filled = fill(&mut backwards, &plan, &around).unwrap();
    assert_eq!((filled.bytes.len, filled.bytes.holes), (20, 2));
    assert_eq!(backwards.moved, [2..5, 5..10, 10..20]);
}

#[test]
fn an_error_about_holes_is_not_taken_for_a_hole() {
    let plan = FillPlan { seeks_holes: true, ..plan(&[CopyRange, ReadWrite], 20) };
    let mut kernel = Kernel::new(20).react([Act::Breaks]);
    let failure = fails(&mut kernel, &plan);
    assert!(matches!(failure, Failure::Fault { step: Step::FindHoles, offset: 0, .. }));
}

#[test]
fn zeros_that_became_holes_are_counted_as_holes() {
    let plan = FillPlan { makes_holes: true, ..plan(&[ReadWrite], 20) };
    let mut kernel = Kernel::new(20).with_holes(&[3..6, 15..20]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!((filled.bytes.moved, filled.bytes.holes, filled.bytes.len), (12, 8, 20));
    assert_eq!(kernel.counters.moved_bytes(), 12);
}

#[test]
fn blocks_are_reserved_after_the_clone_and_before_the_data() {
    let plan =
        FillPlan { preallocate_from_bytes: Some(1), ..plan(&[Clone, CopyRange, ReadWrite], 20) };
    let mut kernel = Kernel::new(20).react([code(Errno::XDEV)]);
    fills(&mut kernel, &plan);
    assert_eq!(kernel.calls()[1], Call::Preallocate(0..20, Ok(())));
}

#[test]
fn blocks_that_cannot_be_reserved_say_that_the_disk_is_full_before_it_is() {
    let plan = FillPlan { preallocate_from_bytes: Some(1), ..plan(&[CopyRange, ReadWrite], 20) };
    let mut kernel = Kernel::new(20).react([Act::Breaks]);
    let failure = fails(&mut kernel, &plan);
    assert!(matches!(failure, Failure::Fault { step: Step::Preallocate, offset: 0, .. }));
    assert_eq!(kernel.route(), []);
}

#[test]
fn reserved_blocks_beyond_a_source_that_shrank_are_given_back() {
    let plan = FillPlan { preallocate_from_bytes: Some(1), ..plan(&[ReadWrite], 20) };
    let shrunk = Reaction { change: Change::Shrinks(5), act: Act::All };
    let mut kernel = Kernel::new(20).react([shrunk]);
    fills(&mut kernel, &plan);
    assert_eq!(kernel.cuts(), [15]);
}

#[test]
fn what_other_threads_wrote_beyond_a_source_that_shrank_is_cut_off() {
    let plan = FillPlan { threads: 2, ..plan(&[ReadWrite], 20) };
    let shrunk = Reaction { change: Change::Shrinks(8), act: Act::All };
    let mut kernel = Kernel::new(20).react([Act::Some(5).into(), shrunk] as [Reaction; 2]);
    let filled = fills(&mut kernel, &plan);
    assert_eq!((filled.bytes.len, kernel.target.len()), (12, 12));
}

#[test]
fn a_target_that_cannot_be_cut_is_a_failure() {
    let script = [Act::Some(8), code(Errno::INVAL), Act::Breaks];
    let mut kernel = Kernel::new(20).react(script);
    let failure = fails(&mut kernel, &plan(&[CopyRange, ReadWrite], 20));
    assert!(matches!(failure, Failure::Fault { step: Step::SetLength, offset: 8, .. }));
}

/// Counts what it is asked for and holds no bytes: files too long for a script.
struct Long {
    source_len: u64,
    asked: Vec<u64>,
}

impl Mover for Long {
    fn whole(&mut self, _: Method, _: &mut dyn FnMut(u64) -> bool) -> Result<u64, Fault> {
        unreachable!()
    }

    fn part(&mut self, method: Method, range: Range<u64>) -> Result<Part, Fault> {
        self.asked.push(range.end - range.start);
        let advanced = self.source_len.saturating_sub(range.start).min(range.end - range.start);
        let was_short = method == ReadWrite && advanced < range.end - range.start;
        Ok(Part { advanced, was_short, ..Part::default() })
    }

    fn next_data(&mut self, from: u64) -> Result<Data, Fault> {
        Ok(Data::Range(from..self.source_len))
    }

    fn source_len(&mut self) -> Result<u64, Fault> {
        Ok(self.source_len)
    }

    fn set_len(&mut self, _: u64) -> Result<(), Fault> {
        Ok(())
    }

    fn preallocate(&mut self, _: Range<u64>) -> Result<(), Fault> {
        Ok(())
    }
}

/// containerd/continuity#114, KarpelesLab/reflink#3: one call for everything lost what lay beyond 2 GiB.
#[test]
fn a_long_file_is_moved_in_chunks_that_can_be_cancelled() {
    const LEN: u64 = (5 << 30) + 7;
    for methods in [&[CopyRange, ReadWrite][..], &[Sendfile, ReadWrite], &[ReadWrite]] {
        for (threads, seeks_holes) in [(1, false), (2, false), (64, false), (1, true)] {
            let mut long = Long { source_len: LEN, asked: Vec::new() };
            let plan = FillPlan { threads, seeks_holes, ..plan(methods, LEN) };
            let (cancel, counters) = (Cancel::new(), Counters::default());
            let around = local(RULES, &cancel, &counters);
            let filled = fill(&mut long, &plan, &around).unwrap();
            assert_eq!((filled.bytes.len, filled.bytes.moved), (LEN, LEN));
            let most = long.asked.iter().copied().max();
            // Only reading and writing is shared among threads, and there is an end to that, too.
            let expected = match (methods, threads) {
                ([ReadWrite], 2 | 64) => SPLIT_CHUNK_BYTES_MAX,
                _ => CHUNK_BYTES_MAX,
            };
            assert_eq!(most, Some(expected), "{methods:?} {threads}");
            assert_eq!(counters.moved_bytes(), LEN);
        }
    }
}

#[test]
fn an_error_names_what_was_being_done_to_which_end() {
    let named = |side, step| Fault { code: Code(5), side }.operation(step);
    let (source, target) = (Side::Source, Side::Target);
    assert_eq!(named(source, Step::Move(ReadWrite)), Operation::Read);
    assert_eq!(named(target, Step::Move(ReadWrite)), Operation::Write);
    assert_eq!(named(Side::Either, Step::Move(CopyRange)), Operation::Move);
    assert_eq!(named(Side::Either, Step::Move(Clone)), Operation::Clone);
    assert_eq!(named(source, Step::FindHoles), Operation::FindHoles);
    assert_eq!(named(target, Step::SetLength), Operation::SetLength);
    assert_eq!(named(target, Step::Preallocate), Operation::Preallocate);
}

/// Notes whether anybody else could clone meanwhile.
struct Turns<'a> {
    cloning: &'a Mutex<()>,
    others_may: Vec<(Method, bool)>,
}

impl Mover for Turns<'_> {
    fn whole(&mut self, method: Method, _: &mut dyn FnMut(u64) -> bool) -> Result<u64, Fault> {
        self.others_may.push((method, self.cloning.try_lock().is_ok()));
        Err(fault(Errno::OPNOTSUPP))
    }

    fn part(&mut self, method: Method, range: Range<u64>) -> Result<Part, Fault> {
        self.others_may.push((method, self.cloning.try_lock().is_ok()));
        Ok(Part { advanced: range.end.min(20) - range.start, was_short: true, ..Part::default() })
    }

    fn next_data(&mut self, _: u64) -> Result<Data, Fault> {
        unreachable!()
    }

    fn source_len(&mut self) -> Result<u64, Fault> {
        Ok(20)
    }

    fn set_len(&mut self, _: u64) -> Result<(), Fault> {
        Ok(())
    }

    fn preallocate(&mut self, _: Range<u64>) -> Result<(), Fault> {
        Ok(())
    }
}

#[test]
fn a_turn_lasts_as_long_as_the_clone_and_no_longer() {
    let cloning = Mutex::new(());
    let mut turns = Turns { cloning: &cloning, others_may: Vec::new() };
    let (cancel, counters) = (Cancel::new(), Counters::default());
    let around = Surroundings { cloning: Some(&cloning), ..local(RULES, &cancel, &counters) };
    fill(&mut turns, &plan(&[Clone, ReadWrite], 20), &around).unwrap();
    assert_eq!(turns.others_may, [(Clone, false), (ReadWrite, true)]);
}
