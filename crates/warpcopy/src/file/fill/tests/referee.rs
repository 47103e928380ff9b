//! Follows a history call by call and says what was not allowed. It knows the rules of the game, not how the loop
//! is written: which call may come next, given the answers so far, and what has to be in the target at the end.

use std::ops::Range;

use crate::plan::{Data, Fault, FillPlan, Method, Part, Scope, Verdict, classify};
use crate::report::{Bytes, Reason, Refusal};
use crate::sys::LINUX_RULES as RULES;

use super::super::{CHUNK_BYTES_MAX, Failure, Filled, SPLIT_CHUNK_BYTES_MAX, STEP_BYTES, Step};
use super::script::{Call, Entry, Kernel};

/// What has to come next.
#[derive(Clone, Debug, PartialEq)]
enum Due {
    Anything,
    /// The same method once more, from the same offset.
    Again(Method),
    /// The target is cut where it is known to be right.
    Cut,
    /// The source is asked how long it is: a clone came out at another length than expected.
    Length(Method, u64),
    /// Nothing any more but a last cut.
    Failure(Fault, Step),
    /// Nothing any more: the file was cloned.
    Cloned,
}

/// How data that the source reports is to be moved.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Ladder,
    /// It may be a hole: read only.
    Doubt,
    /// Read, for being short; the report keeps what it said, if it said anything.
    Shortness,
}

struct Referee<'a> {
    plan: &'a FillPlan,
    is_network: bool,
    rungs: Vec<Method>,
    due: Due,
    at: u64,
    bytes: Bytes,
    refusals: Vec<Refusal>,
    /// The method that moved something of this file, as long as it is not refused.
    has_moved: Option<Method>,
    was_repeated: bool,
    /// The source's end is proven.
    is_ended: bool,
    /// Where the source ended when it was last asked, and how often that was.
    limit: u64,
    questions: u32,
    /// The data that is being moved, and how.
    range: Option<(Range<u64>, By)>,
    /// The holes of the source that were left out.
    holes: Vec<Range<u64>>,
    has_begun: bool,
    /// The data for which blocks are to be reserved before it is moved.
    to_reserve: Option<Range<u64>>,
    is_last: bool,
    is_cancelled: bool,
}

/// Says whether the history of `kernel` was right.
pub(super) fn judge(
    kernel: &Kernel,
    plan: &FillPlan,
    is_network: bool,
    answer: &Result<Filled, Failure>,
) -> Result<(), String> {
    let mut referee = Referee {
        plan,
        is_network,
        rungs: plan.ladder.iter().collect(),
        due: Due::Anything,
        at: 0,
        bytes: Bytes::default(),
        refusals: Vec::new(),
        has_moved: None,
        was_repeated: false,
        is_ended: false,
        limit: plan.len_bytes.unwrap_or(u64::MAX),
        questions: 0,
        range: None,
        holes: Vec::new(),
        has_begun: false,
        to_reserve: None,
        is_last: false,
        is_cancelled: false,
    };
    if let (false, Some(len)) = (plan.seeks_holes, plan.len_bytes) {
        referee.is_to_come(0..len);
    }
    for (number, entry) in kernel.log.iter().enumerate() {
        referee.follow(entry).map_err(|wrong| format!("call {number}: {wrong}"))?;
    }
    referee.conclude(kernel, answer)
}

macro_rules! rule {
    ($holds:expr, $($wrong:tt)*) => {
        if !$holds { return Err(format!($($wrong)*)); }
    };
}

impl Referee<'_> {
    fn follow(&mut self, entry: &Entry) -> Result<(), String> {
        rule!(!self.is_last, "a call after the last one");
        rule!(self.due != Due::Cloned, "a call after the clone");
        let is_cut = matches!(entry.call, Call::SetLen(..));
        let is_failed = matches!(self.due, Due::Failure(..));
        rule!(is_cut || !is_failed, "a call after a failure");
        rule!(is_cut || self.due != Due::Cut, "the target was not cut");
        let is_length = matches!(entry.call, Call::SourceLen(_));
        rule!(is_length || !matches!(self.due, Due::Length(..)), "the length was not asked for");
        let moves = matches!(entry.call, Call::Whole(..) | Call::Part(..) | Call::NextData(..));
        rule!(!(moves && self.is_cancelled), "a call after the flag was raised");
        rule!(is_cut || !self.is_ended, "a call after the end");
        match &entry.call {
            Call::Whole(method, answer) => self.whole(*method, *answer)?,
            Call::Part(method, range, answer) => self.part(*method, range, *answer)?,
            Call::NextData(from, answer) => self.next_data(*from, answer)?,
            Call::SourceLen(answer) => self.source_len(*answer)?,
            Call::SetLen(len, answer) => self.set_len(*len, *answer)?,
            Call::Preallocate(range, answer) => self.preallocate(range, *answer)?,
        }
        self.is_cancelled = entry.is_cancelled;
        Ok(())
    }

    fn whole(&mut self, method: Method, answer: Result<u64, Fault>) -> Result<(), String> {
        rule!(method.is_whole() && self.rungs.first() == Some(&method), "{method} is not next");
        rule!(matches!(self.due, Due::Anything | Due::Again(_)), "{:?} is due", self.due);
        match answer {
            Ok(len) if Some(len) == self.plan.len_bytes => self.cloned(method, len),
            Ok(len) => self.due = Due::Length(method, len),
            Err(fault) => self.judge(method, fault),
        }
        Ok(())
    }

    fn part(
        &mut self,
        method: Method,
        range: &Range<u64>,
        answer: Result<Part, Fault>,
    ) -> Result<(), String> {
        self.begin();
        if let Due::Again(same) = self.due {
            rule!(method == same, "{same} was to be asked again");
        }
        self.due = Due::Anything;
        rule!(self.to_reserve.is_none(), "nothing was reserved");
        rule!(range.start == self.at, "{range:?} does not begin at {}", self.at);
        let asked = range.end.saturating_sub(range.start);
        rule!(asked > 0, "nothing was asked for");
        let is_split = method == Method::ReadWrite && self.plan.threads > 1;
        let chunk = if is_split { SPLIT_CHUNK_BYTES_MAX } else { CHUNK_BYTES_MAX };
        rule!(asked <= chunk, "{asked} bytes in one call");

        let is_probe = !self.plan.seeks_holes
            && Some(range.start) == self.plan.len_bytes
            && self.questions == 0;
        let by = self.range.as_ref().map_or(By::Ladder, |(_, by)| *by);
        let is_plain = is_probe || by != By::Ladder;
        let expected = if is_plain { Method::ReadWrite } else { self.rungs[0] };
        rule!(method == expected, "{method} instead of {expected}");

        // Reading may ask for one byte beyond the end; that it does not come proves the end.
        let may_overshoot =
            !self.plan.seeks_holes && method == Method::ReadWrite && self.questions == 0;
        let limit = self.limit.saturating_add(u64::from(may_overshoot));
        rule!(range.end <= limit, "{range:?} goes beyond {limit}");
        if let Some((data, _)) = &self.range {
            rule!(range.end <= data.end, "{range:?} goes beyond the data {data:?}");
        }

        let part = match answer {
            Err(fault) => {
                self.judge(method, fault);
                return Ok(());
            }
            Ok(part) => part,
        };
        if part.advanced == 0 {
            match method {
                Method::ReadWrite => self.is_ended = true,
                _ => self.refuse(method, Reason::NoProgress, Scope::File),
            }
            return Ok(());
        }
        self.at += part.advanced;
        self.bytes.moved += part.advanced - part.skipped;
        self.bytes.holes += part.skipped;
        self.was_repeated = false;
        if by != By::Shortness || self.bytes.method.is_none() {
            (self.bytes.method, self.has_moved) = (Some(method), Some(method));
        }
        let is_full = Some(self.at) == self.plan.len_bytes;
        self.is_ended |= method == Method::ReadWrite && part.was_short && is_full;
        Ok(())
    }

    fn next_data(&mut self, from: u64, answer: &Result<Data, Fault>) -> Result<(), String> {
        self.begin();
        rule!(self.plan.seeks_holes, "holes were not to be asked for");
        rule!(self.due == Due::Anything, "{:?} is due", self.due);
        rule!(from == self.at && from < self.limit, "asked at {from}, being at {}", self.at);
        if let Some((data, _)) = self.range.take() {
            rule!(self.at >= data.end, "data up to {} was left out", data.end);
        }
        match answer {
            Err(fault) => self.due = Due::Failure(*fault, Step::FindHoles),
            Ok(Data::HoleUntil(end)) => {
                self.skip_to((*end).min(self.limit));
                self.is_ended = *end < self.limit;
            }
            Ok(Data::Range(data)) if data.is_empty() => {
                self.range = Some((from..self.limit.min(from + STEP_BYTES), By::Ladder));
            }
            Ok(Data::Range(data)) => {
                self.skip_to(data.start.min(self.limit));
                let data = self.at..data.end.min(self.limit);
                let is_short = data.end.saturating_sub(data.start) < self.plan.read_below_bytes;
                let by = if is_short { By::Shortness } else { By::Ladder };
                self.range = Some((data.clone(), by));
                self.is_to_come(data);
            }
            Ok(Data::Doubtful(data)) => {
                self.range = Some((from..data.end.min(self.limit), By::Doubt));
            }
        }
        Ok(())
    }

    fn source_len(&mut self, answer: Result<u64, Fault>) -> Result<(), String> {
        if let Due::Length(method, cloned) = self.due {
            match answer {
                Err(fault) => self.due = Due::Failure(fault, Step::Move(method)),
                Ok(len) if len == cloned => self.cloned(method, len),
                Ok(_) => self.refuse(method, Reason::WrongLength, Scope::File),
            }
            return Ok(());
        }
        rule!(self.at >= self.limit, "the length was asked for at {} of {}", self.at, self.limit);
        self.questions += 1;
        rule!(self.questions <= 2, "the source was followed again and again");
        match answer {
            Err(fault) => self.due = Due::Failure(fault, Step::FindHoles),
            Ok(len) if self.plan.seeks_holes => {
                self.is_ended = self.questions == 2 || len <= self.limit;
                self.limit = self.limit.max(len);
            }
            Ok(len) => self.limit = len,
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64, answer: Result<(), Fault>) -> Result<(), String> {
        rule!(len == self.at, "cut at {len} instead of {}", self.at);
        match (&self.due, answer) {
            (Due::Failure(..), _) => self.is_last = true,
            (_, Err(fault)) => self.due = Due::Failure(fault, Step::SetLength),
            (Due::Cut, Ok(())) => self.due = Due::Anything,
            (_, Ok(())) => self.is_last = true,
        }
        Ok(())
    }

    fn preallocate(&mut self, range: &Range<u64>, answer: Result<(), Fault>) -> Result<(), String> {
        self.begin();
        let due = self.to_reserve.take();
        rule!(due.as_ref() == Some(range), "{range:?} was reserved instead of {due:?}");
        if let Err(fault) = answer {
            self.due = Due::Failure(fault, Step::Preallocate);
        }
        Ok(())
    }

    /// Room is reserved for data that is long enough.
    fn is_to_come(&mut self, data: Range<u64>) {
        let from_bytes = self.plan.preallocate_from_bytes;
        let is_long = from_bytes.is_some_and(|from| data.end.saturating_sub(data.start) >= from);
        self.to_reserve = is_long.then_some(data);
    }

    /// The time of whole-file methods is over.
    fn begin(&mut self) {
        self.has_begun = true;
        assert!(self.rungs.first().is_some_and(|rung| !rung.is_whole()), "clone was left out");
    }

    fn cloned(&mut self, method: Method, len: u64) {
        self.bytes.method = Some(method);
        (self.bytes.cloned, self.at) = (len, len);
        self.due = Due::Cloned;
    }

    fn skip_to(&mut self, offset: u64) {
        if offset > self.at {
            self.holes.push(self.at..offset);
        }
        self.bytes.holes += offset - self.at;
        self.at = offset;
    }

    fn judge(&mut self, method: Method, fault: Fault) {
        let has_moved = self.has_moved == Some(method);
        match classify(RULES, method, fault.code, has_moved, self.is_network) {
            Verdict::Retry => self.due = Due::Again(method),
            Verdict::RetryOnce if !self.was_repeated => {
                self.was_repeated = true;
                self.due = Due::Again(method);
            }
            Verdict::Refused(scope) => self.refuse(method, Reason::Code(fault.code), scope),
            Verdict::RetryOnce | Verdict::Failed => {
                self.due = Due::Failure(fault, Step::Move(method));
            }
        }
    }

    fn refuse(&mut self, method: Method, reason: Reason, scope: Scope) {
        self.refusals.push(Refusal { method, reason, offset: self.at, scope });
        self.rungs.remove(0);
        (self.has_moved, self.was_repeated) = (None, false);
        // What these two devices or this process can never do was not begun.
        self.due = if scope == Scope::File { Due::Cut } else { Due::Anything };
    }

    fn conclude(self, kernel: &Kernel, answer: &Result<Filled, Failure>) -> Result<(), String> {
        let is_cut_broken =
            matches!(kernel.log.last().map(|entry| &entry.call), Some(Call::SetLen(_, Err(_))));
        match answer {
            Ok(filled) => self.succeeded(kernel, filled)?,
            Err(Failure::Cancelled { offset }) => {
                rule!(kernel.cancel.is_cancelled(), "cancelled by nobody");
                rule!(*offset == self.at, "cancelled at {offset} instead of {}", self.at);
            }
            Err(Failure::NoClone { refusal }) => {
                rule!(self.rungs.is_empty(), "methods were left: {:?}", self.rungs);
                rule!(self.refusals == [*refusal], "{refusal:?} is not {:?}", self.refusals);
            }
            Err(Failure::Fault { fault, step, offset }) => {
                let Due::Failure(expected_fault, expected_step) = self.due else {
                    return Err(format!("nothing failed, but {fault:?} {step:?}"));
                };
                let expected = (expected_fault, expected_step);
                rule!((*fault, *step) == expected, "{fault:?} {step:?} is not {expected:?}");
                rule!(*offset == self.at, "failed at {offset} instead of {}", self.at);
            }
        }
        if self.has_begun || answer.is_ok() {
            rule!(is_cut_broken || kernel.target.len() as u64 == self.at, "a wrong length");
        }
        for offset in 0..self.at.min(kernel.target.len() as u64) {
            let (is, was) = (kernel.target[offset as usize], kernel.byte(offset));
            rule!(is == was, "byte {offset} is {is} instead of {was}");
        }
        rule!(kernel.skipped == self.holes, "{:?} instead of {:?}", kernel.skipped, self.holes);
        rule!(kernel.counters.moved_bytes() == self.bytes.moved, "moved bytes were miscounted");
        rule!(kernel.counters.cloned_bytes() == self.bytes.cloned, "cloned bytes were miscounted");
        Ok(())
    }

    fn succeeded(&self, kernel: &Kernel, filled: &Filled) -> Result<(), String> {
        let is_over = match self.due {
            Due::Cloned => true,
            // A length of nothing that is believed needs no question.
            Due::Anything => {
                self.is_ended || self.limit == 0 || (self.questions > 0 && self.at >= self.limit)
            }
            _ => false,
        };
        rule!(is_over, "ended at {} of {} with {:?} due", self.at, self.limit, self.due);
        let expected = Bytes { len: self.at, ..self.bytes };
        rule!(filled.bytes == expected, "{:?} instead of {expected:?}", filled.bytes);
        rule!(
            filled.refusals == self.refusals,
            "{:?} instead of {:?}",
            filled.refusals,
            self.refusals
        );
        let bytes = &filled.bytes;
        rule!(bytes.moved + bytes.cloned + bytes.holes == bytes.len, "bytes that do not add up");
        let (shortest, longest) = kernel.lengths;
        rule!((shortest..=longest).contains(&self.at), "{} of {shortest}..{longest}", self.at);
        Ok(())
    }
}
