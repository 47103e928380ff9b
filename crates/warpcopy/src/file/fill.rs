//! Runs a ladder of methods over one file. The only contact with the kernel is the [`Mover`].
//!
//! One number holds the state: `at`, the bytes from the start of the target that are known to be right. A method
//! that declines a file leaves the target cut at that length, and the next one goes on there.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::plan::{
    Data, Fault, FillPlan, Ladder, Method, Mover, Part, Rule, Scope, Side, Verdict, classify,
};
use crate::report::{Bytes, Reason, Refusal};
use crate::watch::{Cancel, Counters};

/// What one call is asked to move at most: long enough that the cost of the call vanishes, short enough that a
/// cancelled copy stops within tens of milliseconds.
const CHUNK_BYTES_MAX: u64 = 16 << 20;

/// As [`CHUNK_BYTES_MAX`], where several threads move the bytes: they are started for each call, and whoever is done
/// first waits for the others. 1 GiB in calls of 32 MiB took 1.05 of `cp`'s time on ext4, in calls of 256 MiB 0.87.
const SPLIT_CHUNK_BYTES_MAX: u64 = 256 << 20;

/// How far is read past a place where the source's answers about holes contradict each other.
const STEP_BYTES: u64 = 64 << 10;

/// Reading and writing alone.
const PLAIN: Ladder = Ladder::plain();

/// What filling needs to know besides the plan.
pub(crate) struct Surroundings<'a> {
    pub(crate) rules: &'a [Rule],
    pub(crate) is_network: bool,
    pub(crate) cancel: &'a Cancel,
    pub(crate) counters: &'a Counters,
    /// Held while this file is cloned, where clones are not to meet.
    pub(crate) cloning: Option<&'a Mutex<()>>,
}

/// A file that was filled.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) bytes: Bytes,
    /// Methods that declined, in order.
    pub(crate) refusals: Vec<Refusal>,
}

/// A file that could not be filled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A call failed in a way that no other method can mend.
    Fault { fault: Fault, step: Step, offset: u64 },
    /// A clone was demanded and declined.
    NoClone { refusal: Refusal },
    /// The flag was raised.
    Cancelled { offset: u64 },
}

/// What was being done when a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Move(Method),
    FindHoles,
    SetLength,
    Preallocate,
}

/// Fills the empty target of `mover` with the bytes of its source, by the first method that works.
///
/// The copy ends where the source ends. A source that grows meanwhile is followed once, to the length it has when
/// its first length is reached; one that shrinks ends the copy where it ends. On failure the target holds the
/// right bytes up to the offset reported, and nothing else if it could be cut there.
pub(crate) fn fill(
    mover: &mut dyn Mover,
    plan: &FillPlan,
    around: &Surroundings<'_>,
) -> Result<Filled, Failure> {
    let mut filling = Filling {
        mover,
        plan,
        around,
        at: 0,
        may_end_in_hole: false,
        was_left_behind: false,
        filled: Filled::default(),
    };
    for method in plan.ladder.whole().iter() {
        if filling.take_whole(method)? {
            return Ok(filling.filled);
        }
    }
    let Some(_) = plan.ladder.partial().first() else {
        // The ladder held nothing but clone, and it declined.
        let refusal = filling.filled.refusals.pop().expect("a declined method is on record");
        return Err(Failure::NoClone { refusal });
    };
    let answer = filling.by_parts(plan.ladder.partial());
    if answer.is_err() {
        // Best effort: what is being returned is the interesting error.
        let _ = filling.mover.set_len(filling.at);
    }
    answer.map(|()| filling.filled)
}

struct Filling<'a> {
    mover: &'a mut dyn Mover,
    plan: &'a FillPlan,
    around: &'a Surroundings<'a>,
    /// Bytes from the target's start that are known to be right.
    at: u64,
    /// What came last was a hole, or may have been.
    may_end_in_hole: bool,
    /// A call came further than what is right.
    was_left_behind: bool,
    filled: Filled,
}

/// Whether moving came to the end of the range or to the end of the source.
#[derive(PartialEq, Eq)]
enum End {
    OfRange,
    OfSource,
}

impl Filling<'_> {
    /// Tries a method that takes the whole file; `false` if it declined.
    fn take_whole(&mut self, method: Method) -> Result<bool, Failure> {
        let mut attempts = Attempts::default();
        loop {
            self.check_cancel()?;
            let answer = {
                let cloning = self.around.cloning.filter(|_| method == Method::Clone);
                let _turn = cloning.map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
                self.mover.whole(method, &mut progress(self.around))
            };
            let fault = match answer {
                Ok(length) => return self.accept_whole(method, length),
                Err(fault) => fault,
            };
            self.check_cancel()?;
            match attempts.judge(self.verdict(method, fault, false)) {
                Verdict::Retry | Verdict::RetryOnce => {}
                Verdict::Refused(scope) => {
                    self.refuse(method, Reason::Code(fault.code), scope);
                    // A clone is not atomic: it may have shared a part before it declined.
                    if scope == Scope::File {
                        self.set_len(0)?;
                    }
                    return Ok(false);
                }
                Verdict::Failed => {
                    // Best effort, as above: what is being returned is the interesting error.
                    let _ = self.mover.set_len(0);
                    return Err(self.failed(fault, Step::Move(method)));
                }
            }
        }
    }

    fn accept_whole(&mut self, method: Method, length: u64) -> Result<bool, Failure> {
        let is_right = Some(length) == self.plan.len_bytes
            || length == self.call(Step::Move(method), |mover| mover.source_len())?;
        if !is_right {
            self.refuse(method, Reason::WrongLength, Scope::File);
            self.set_len(0)?;
            return Ok(false);
        }
        self.filled.bytes.method = Some(method);
        if method == Method::Clone {
            self.around.counters.add_cloned(length);
            self.filled.bytes.cloned = length;
        } else {
            self.filled.bytes.moved = length;
        }
        self.filled.bytes.len = length;
        Ok(true)
    }

    fn by_parts(&mut self, mut rungs: Ladder) -> Result<(), Failure> {
        self.mover.leave_zeros_out(self.plan.makes_holes);
        if self.plan.seeks_holes {
            self.by_segments(&mut rungs)?;
        } else {
            self.densely(&mut rungs)?;
        }
        self.filled.bytes.len = self.at;
        let has_more_behind = self.plan.preallocate_from_bytes.is_some() || self.plan.threads > 1;
        let is_cut_short = has_more_behind && Some(self.at) != self.plan.len_bytes;
        // Only then: a length that is set anew makes XFS write out all that was written before.
        if self.may_end_in_hole || is_cut_short || self.was_left_behind {
            self.set_len(self.at)?;
        }
        Ok(())
    }

    /// Moves everything from the start to the source's end.
    fn densely(&mut self, rungs: &mut Ladder) -> Result<(), Failure> {
        let Some(length) = self.plan.len_bytes else {
            return self.advance(u64::MAX, rungs).map(drop);
        };
        // Where a length is not believed, it is not said.
        if length == 0 {
            return Ok(());
        }
        self.preallocate(0..length)?;
        if self.advance(length, rungs)? == End::OfSource {
            return Ok(());
        }
        // A byte beyond the length it had when it was opened: the source grew. It is followed to the length it
        // has now and no further, else a busy writer would never let the copy end.
        if self.advance(length.saturating_add(1), &mut { PLAIN })? == End::OfRange {
            let length = self.call(Step::FindHoles, |mover| mover.source_len())?;
            self.advance(length, rungs)?;
        }
        Ok(())
    }

    /// Moves the data that the source reports and skips its holes.
    fn by_segments(&mut self, rungs: &mut Ladder) -> Result<(), Failure> {
        let mut limit = self.plan.len_bytes.unwrap_or(u64::MAX);
        let mut was_followed = false;
        loop {
            if self.at >= limit {
                let length = self.call(Step::FindHoles, |mover| mover.source_len())?;
                if was_followed || length <= limit {
                    return Ok(());
                }
                (limit, was_followed) = (length, true);
            }
            self.check_cancel()?;
            let from = self.at;
            let end = match self.call(Step::FindHoles, |mover| mover.next_data(from))? {
                Data::HoleUntil(end) => {
                    self.skip_to(end.min(limit));
                    if end < limit {
                        return Ok(()); // the source shrank
                    }
                    continue;
                }
                // A writer punched the data out between two questions, or the answer lies behind (it was 0 in
                // openzfs/zfs#12477): read on a little, so as to get ahead.
                Data::Range(range) | Data::Doubtful(range)
                    if range.end <= from || range.is_empty() =>
                {
                    self.advance(limit.min(from.saturating_add(STEP_BYTES)), rungs)?
                }
                Data::Range(range) => {
                    let (start, end) = (range.start.min(limit), range.end.min(limit));
                    self.skip_to(start);
                    self.preallocate(self.at..end)?;
                    match end.saturating_sub(self.at) < self.plan.read_below_bytes {
                        true => self.read_to(end)?,
                        false => self.advance(end, rungs)?,
                    }
                }
                Data::Doubtful(range) => self.advance(range.end.min(limit), &mut { PLAIN })?,
            };
            if end == End::OfSource {
                return Ok(());
            }
        }
    }

    /// Reads a piece too short for the ladder's methods, and writes what is not zero; the report keeps the method that moved
    /// longer pieces.
    fn read_to(&mut self, end: u64) -> Result<End, Failure> {
        let said = self.filled.bytes.method;
        self.mover.leave_zeros_out(true);
        let answer = self.advance(end, &mut { PLAIN });
        self.mover.leave_zeros_out(self.plan.makes_holes);
        self.filled.bytes.method = said.or(self.filled.bytes.method);
        answer
    }

    fn preallocate(&mut self, data: Range<u64>) -> Result<(), Failure> {
        let len_bytes = data.end.saturating_sub(data.start);
        match self.plan.preallocate_from_bytes {
            Some(from_bytes) if len_bytes >= from_bytes => {
                self.call(Step::Preallocate, |mover| mover.preallocate(data))
            }
            _ => Ok(()),
        }
    }

    fn skip_to(&mut self, offset: u64) {
        let offset = offset.max(self.at);
        if offset > self.at {
            self.mover.skip(self.at..offset);
            self.may_end_in_hole = true;
        }
        self.filled.bytes.holes += offset - self.at;
        self.at = offset;
    }

    /// Moves bytes from `at` to `end` with the first rung that works, and takes away the rungs that decline.
    fn advance(&mut self, end: u64, rungs: &mut Ladder) -> Result<End, Failure> {
        let mut attempts = Attempts::default();
        while self.at < end {
            self.check_cancel()?;
            let method = rungs.first().unwrap_or(Method::ReadWrite);
            let range = self.at..self.ask_until(method, end);
            let fault = match self.mover.part(method, range) {
                Ok(Part { advanced: 0, .. }) if method == Method::ReadWrite => {
                    return Ok(End::OfSource);
                }
                // Zero from inside the kernel is never the end by itself: golang/go#44272, openclaw/fs-safe#359.
                Ok(Part { advanced: 0, .. }) => {
                    self.descend(rungs, method, Reason::NoProgress, Scope::File)?;
                    attempts = Attempts::default();
                    continue;
                }
                Ok(part) => {
                    attempts = Attempts::default();
                    self.account(method, part);
                    let is_full = Some(self.at) == self.plan.len_bytes;
                    if method == Method::ReadWrite && part.was_short && is_full {
                        return Ok(End::OfSource);
                    }
                    continue;
                }
                Err(fault) => fault,
            };
            // Progress of one method does not count for the next.
            let has_moved = self.filled.bytes.method == Some(method);
            match attempts.judge(self.verdict(method, fault, has_moved)) {
                Verdict::Retry | Verdict::RetryOnce => {}
                Verdict::Refused(scope) => {
                    self.descend(rungs, method, Reason::Code(fault.code), scope)?;
                    attempts = Attempts::default();
                }
                Verdict::Failed => return Err(self.failed(fault, Step::Move(method))),
            }
        }
        Ok(End::OfRange)
    }

    /// Where one call is asked to stop. Reading asks for one byte more than the source's length: a short answer
    /// then proves the end without another call.
    fn ask_until(&self, method: Method, end: u64) -> u64 {
        let is_tail = method == Method::ReadWrite
            && Some(end) == self.plan.len_bytes
            && !self.plan.seeks_holes;
        let end = if is_tail { end.saturating_add(1) } else { end };
        let is_split = method == Method::ReadWrite && self.plan.threads > 1;
        let chunk = if is_split { SPLIT_CHUNK_BYTES_MAX } else { CHUNK_BYTES_MAX };
        end.min(self.at.saturating_add(chunk))
    }

    fn account(&mut self, method: Method, part: Part) {
        self.at += part.advanced;
        self.was_left_behind |= part.left_behind;
        self.may_end_in_hole = part.ends_in_hole;
        self.filled.bytes.holes += part.skipped;
        self.filled.bytes.moved += part.advanced - part.skipped;
        self.filled.bytes.method = Some(method);
        self.around.counters.add_moved(part.advanced - part.skipped);
    }

    /// Goes to the next rung, with nothing in the target beyond what is known to be right. What a pair of file systems
    /// or this process cannot do was not begun, so there is nothing to cut, and what was reserved stays.
    fn descend(
        &mut self,
        rungs: &mut Ladder,
        method: Method,
        reason: Reason,
        scope: Scope,
    ) -> Result<(), Failure> {
        self.refuse(method, reason, scope);
        *rungs = rungs.without(method.bit());
        match scope {
            Scope::File => self.set_len(self.at),
            _ => Ok(()),
        }
    }

    fn refuse(&mut self, method: Method, reason: Reason, scope: Scope) {
        self.filled.refusals.push(Refusal { method, reason, offset: self.at, scope });
    }

    fn verdict(&self, method: Method, fault: Fault, has_moved: bool) -> Verdict {
        let around = self.around;
        classify(around.rules, method, fault.code, has_moved, around.is_network)
    }

    fn set_len(&mut self, length: u64) -> Result<(), Failure> {
        self.call(Step::SetLength, |mover| mover.set_len(length))
    }

    fn call<T>(
        &mut self,
        step: Step,
        call: impl FnOnce(&mut dyn Mover) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        call(self.mover).map_err(|fault| self.failed(fault, step))
    }

    fn failed(&self, fault: Fault, step: Step) -> Failure {
        Failure::Fault { fault, step, offset: self.at }
    }

    fn check_cancel(&self) -> Result<(), Failure> {
        check_cancel(self.around, self.at)
    }
}

fn check_cancel(around: &Surroundings<'_>, offset: u64) -> Result<(), Failure> {
    match around.cancel.is_cancelled() {
        true => Err(Failure::Cancelled { offset }),
        false => Ok(()),
    }
}

/// What a method that works at length is to report to.
fn progress<'a>(around: &'a Surroundings<'_>) -> impl FnMut(u64) -> bool + 'a {
    |bytes| {
        around.counters.add_moved(bytes);
        !around.cancel.is_cancelled()
    }
}

/// What came of the methods that make their own target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Created<T> {
    /// The method that worked, the target, and its length.
    pub(crate) made: Option<(Method, T, u64)>,
    /// Methods that declined, in order.
    pub(crate) refusals: Vec<Refusal>,
}

/// Makes a target by the first method of a ladder that works. `make` answers with a target and its length, or with
/// nothing if the length is wrong.
pub(crate) fn create_whole<T>(
    ladder: Ladder,
    must_clone: bool,
    around: &Surroundings<'_>,
    mut make: impl FnMut(Method, &mut dyn FnMut(u64) -> bool) -> Result<Option<(T, u64)>, Fault>,
) -> Result<Created<T>, Failure> {
    let mut refusals = Vec::new();
    for method in ladder.iter() {
        let mut attempts = Attempts::default();
        let (reason, scope) = loop {
            check_cancel(around, 0)?;
            let fault = match make(method, &mut progress(around)) {
                Ok(Some((made, len))) => {
                    return Ok(Created { made: Some((method, made, len)), refusals });
                }
                Ok(None) => break (Reason::WrongLength, Scope::File),
                Err(fault) => fault,
            };
            check_cancel(around, 0)?;
            let verdict = classify(around.rules, method, fault.code, false, around.is_network);
            match attempts.judge(verdict) {
                Verdict::Retry | Verdict::RetryOnce => {}
                Verdict::Refused(scope) => break (Reason::Code(fault.code), scope),
                Verdict::Failed => {
                    return Err(Failure::Fault { fault, step: Step::Move(method), offset: 0 });
                }
            }
        };
        refusals.push(Refusal { method, reason, offset: 0, scope });
    }
    match refusals.pop() {
        Some(refusal) if must_clone => Err(Failure::NoClone { refusal }),
        last => {
            refusals.extend(last);
            Ok(Created { made: None, refusals })
        }
    }
}

/// How often a call is repeated that is interrupted again and again: signals do not come that fast.
const INTERRUPTS_MAX: usize = 1000;

/// Turns "once more" into failure when it comes a second time in a row, and "again" when it never ends.
#[derive(Default)]
struct Attempts {
    repeated: bool,
    interrupts: usize,
}

impl Attempts {
    fn judge(&mut self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::RetryOnce if self.repeated => Verdict::Failed,
            Verdict::RetryOnce => {
                self.repeated = true;
                verdict
            }
            Verdict::Retry if self.interrupts >= INTERRUPTS_MAX => Verdict::Failed,
            Verdict::Retry => {
                self.interrupts += 1;
                verdict
            }
            verdict => verdict,
        }
    }
}

impl Fault {
    /// The operation to name in an error about this fault.
    pub(crate) fn operation(self, step: Step) -> crate::error::Operation {
        use crate::error::Operation;
        match (step, self.side) {
            (Step::FindHoles, _) => Operation::FindHoles,
            (Step::SetLength, _) => Operation::SetLength,
            (Step::Preallocate, _) => Operation::Preallocate,
            (Step::Move(Method::Clone), _) => Operation::Clone,
            (Step::Move(_), Side::Source) => Operation::Read,
            (Step::Move(_), Side::Target) => Operation::Write,
            (Step::Move(_), Side::Either) => Operation::Move,
        }
    }
}

// Its script speaks with the codes of Unix; the loop is the same everywhere.
#[cfg(all(test, unix))]
mod tests;
