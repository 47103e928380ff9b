//! A kernel that does what a script says, and writes down what it was asked.

use std::collections::VecDeque;
use std::ops::Range;

use rustix::io::Errno;

use crate::plan::{
    Code, Data, Fault, FillPlan, Ladder, Method, Mover, Part, Scope, Side, Verdict, classify,
};
use crate::sys::LINUX_RULES as RULES;
use crate::watch::{Cancel, Counters};

use super::super::{Failure, Filled, Surroundings, fill};
use super::local;

/// What happens to the source, or to the copier, just before a call does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    Grows(u64),
    Shrinks(u64),
    /// Somebody raises the flag.
    Cancelled,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// All that it was asked for.
    All,
    /// Some of it, but no more than so many bytes.
    Some(u64),
    /// Nothing, and says so without an error. Reading does this at the source's end only.
    Zero,
    /// It fails with this code and leaves so many wrong bytes behind in what it was asked for. Calls that move
    /// nothing do as they are asked.
    Code(Errno, u64),
    /// About holes: it does not know, or contradicts itself. Else as `All`.
    Doubt,
    /// It fails, whatever it is.
    Breaks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reaction {
    pub(super) change: Change,
    pub(super) act: Act,
}

impl From<Act> for Reaction {
    fn from(act: Act) -> Reaction {
        Reaction { change: Change::Nothing, act }
    }
}

/// A call with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Whole(Method, Result<u64, Fault>),
    Part(Method, Range<u64>, Result<Part, Fault>),
    NextData(u64, Result<Data, Fault>),
    SourceLen(Result<u64, Fault>),
    SetLen(u64, Result<(), Fault>),
    Preallocate(Range<u64>, Result<(), Fault>),
}

/// A call, and whether the flag was up when it returned.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) call: Call,
    pub(super) is_cancelled: bool,
}

/// The code with which a call breaks.
pub(super) const BROKEN: Code = Code(Errno::IO.raw_os_error());

/// More calls than any history of ours takes if it ends at all.
const CALLS_MAX: usize = 3000;

/// What no source holds.
const WRONG: u8 = 0xEE;

/// A source, a target, and the kernel between them.
pub(super) struct Kernel {
    pub(super) source_len: u64,
    /// Where the source holds no data, or will hold none when it has grown so far.
    pub(super) holes: Vec<Range<u64>>,
    pub(super) target: Vec<u8>,
    pub(super) reactions: VecDeque<Reaction>,
    /// The source grows by this much before every call.
    pub(super) grows_always: u64,
    pub(super) makes_holes: bool,
    threads: usize,
    planned_len: u64,
    pub(super) log: Vec<Entry>,
    /// The holes that it was told of.
    pub(super) skipped: Vec<Range<u64>>,
    pub(super) cancel: Cancel,
    pub(super) counters: Counters,
    /// The least and the most that the source ever held.
    pub(super) lengths: (u64, u64),
}

impl Kernel {
    pub(super) fn new(source_len: u64) -> Kernel {
        Kernel {
            source_len,
            holes: Vec::new(),
            target: Vec::new(),
            reactions: VecDeque::new(),
            grows_always: 0,
            makes_holes: false,
            threads: 1,
            planned_len: source_len,
            log: Vec::new(),
            skipped: Vec::new(),
            cancel: Cancel::new(),
            counters: Counters::default(),
            lengths: (source_len, source_len),
        }
    }

    pub(super) fn with_holes(mut self, holes: &[Range<u64>]) -> Kernel {
        self.holes = holes.to_vec();
        self
    }

    pub(super) fn react(
        mut self,
        reactions: impl IntoIterator<Item = impl Into<Reaction>>,
    ) -> Kernel {
        self.reactions = reactions.into_iter().map(Into::into).collect();
        self
    }

    /// Runs the loop.
    pub(super) fn fill(&mut self, plan: &FillPlan, is_network: bool) -> Result<Filled, Failure> {
        self.threads = plan.threads;
        self.planned_len = plan.len_bytes.unwrap_or(0);
        let (cancel, counters) = (self.cancel.clone(), self.counters.clone());
        let around = Surroundings { is_network, ..local(RULES, &cancel, &counters) };
        fill(self, plan, &around)
    }

    /// What the source holds, or held, or will hold at an offset: never zero but in a hole.
    pub(super) fn byte(&self, offset: u64) -> u8 {
        match self.holes.iter().any(|hole| hole.contains(&offset)) {
            true => 0,
            false => (offset % 200) as u8 + 1,
        }
    }

    /// The calls that moved bytes or tried to: method, start, and bytes or code.
    pub(super) fn route(&self) -> Vec<(Method, u64, Result<u64, Code>)> {
        let step = |entry: &Entry| match &entry.call {
            Call::Whole(method, answer) => Some((*method, 0, answer.map_err(|fault| fault.code))),
            Call::Part(method, range, answer) => {
                let answer = answer.map(|part| part.advanced).map_err(|fault| fault.code);
                Some((*method, range.start, answer))
            }
            _ => None,
        };
        self.log.iter().filter_map(step).collect()
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.log.iter().map(|entry| entry.call.clone()).collect()
    }

    /// The lengths that the target was cut to.
    pub(super) fn cuts(&self) -> Vec<u64> {
        let cut = |entry: &Entry| match entry.call {
            Call::SetLen(len, _) => Some(len),
            _ => None,
        };
        self.log.iter().filter_map(cut).collect()
    }

    fn next(&mut self) -> Act {
        let reaction = self.reactions.pop_front().unwrap_or_else(|| Act::All.into());
        self.source_len += self.grows_always;
        match reaction.change {
            Change::Nothing => {}
            Change::Grows(bytes) => self.source_len += bytes,
            Change::Shrinks(bytes) => self.source_len = self.source_len.saturating_sub(bytes),
            Change::Cancelled => self.cancel.cancel(),
        }
        self.lengths.0 = self.lengths.0.min(self.source_len);
        self.lengths.1 = self.lengths.1.max(self.source_len);
        reaction.act
    }

    fn note(&mut self, call: Call) {
        assert!(
            self.log.len() < CALLS_MAX,
            "no end in sight: {:?}",
            &self.calls()[CALLS_MAX - 9..]
        );
        self.log.push(Entry { call, is_cancelled: self.cancel.is_cancelled() });
    }

    fn write(&mut self, offset: u64, byte: u8) {
        let offset = offset as usize;
        if self.target.len() <= offset {
            self.target.resize(offset + 1, 0);
        }
        self.target[offset] = byte;
    }

    /// Leaves wrong bytes behind, unless the code is about two devices or the process, or an interruption: then
    /// nothing was begun.
    fn spoil(&mut self, method: Method, errno: Errno, range: Range<u64>, bytes: u64) {
        let verdict = classify(RULES, method, code_of(errno), false, false);
        if matches!(verdict, Verdict::Refused(Scope::File) | Verdict::Failed) {
            for offset in range.take(bytes as usize) {
                self.write(offset, WRONG);
            }
        }
    }

    fn move_whole(&mut self, act: Act) -> Result<u64, Fault> {
        let count = match act {
            Act::All | Act::Doubt => self.source_len,
            Act::Some(bytes) => bytes.min(self.source_len),
            Act::Zero => 0,
            Act::Code(errno, bytes) => {
                self.spoil(Method::Clone, errno, 0..self.source_len, bytes);
                return Err(fault(errno));
            }
            Act::Breaks => return Err(Fault { code: BROKEN, side: Side::Either }),
        };
        for offset in 0..count {
            self.write(offset, self.byte(offset));
        }
        Ok(self.target.len() as u64)
    }

    fn move_part(&mut self, method: Method, range: Range<u64>, act: Act) -> Result<Part, Fault> {
        let asked = range.end - range.start;
        let available = self.source_len.saturating_sub(range.start).min(asked);
        let count = match act {
            Act::All | Act::Doubt => available,
            Act::Some(bytes) => available.min(bytes.max(1)),
            Act::Zero if method == Method::ReadWrite => available,
            Act::Zero => 0,
            Act::Code(errno, bytes) => {
                // It is the read that is interrupted; nothing was written then.
                if method != Method::ReadWrite {
                    self.spoil(method, errno, range, bytes);
                }
                return Err(fault(errno));
            }
            Act::Breaks => return Err(Fault { code: BROKEN, side: Side::Target }),
        };
        let sees_zeros = self.makes_holes && method == Method::ReadWrite;
        let mut skipped = 0;
        for offset in range.start..range.start + count {
            match self.byte(offset) {
                0 if sees_zeros => skipped += 1,
                byte => self.write(offset, byte),
            }
        }
        if self.threads > 1 && method == Method::ReadWrite {
            // Where they put pages, the file got its length first.
            let made = range.end.min(self.planned_len) as usize;
            self.target.resize(made.max(self.target.len()), 0);
            // Other threads came further than the one that moved the first bytes, and beyond the length that the file had.
            let behind = range.start + available;
            for offset in range.start + count..behind {
                self.write(offset, self.byte(offset));
            }
        }
        Ok(Part {
            advanced: count,
            skipped,
            ends_in_hole: sees_zeros && count > 0 && self.byte(range.start + count - 1) == 0,
            was_short: method == Method::ReadWrite && count < asked,
            left_behind: self.threads > 1 && self.target.len() as u64 > range.start + count,
        })
    }

    fn find_data(&self, from: u64) -> Data {
        let is_hole = |offset: &u64| self.byte(*offset) == 0;
        let Some(start) = (from..self.source_len).find(|offset| !is_hole(offset)) else {
            return Data::HoleUntil(self.source_len.max(from));
        };
        let end = (start..self.source_len).find(is_hole).unwrap_or(self.source_len);
        Data::Range(start..end)
    }
}

impl Mover for Kernel {
    fn whole(&mut self, method: Method, _: &mut dyn FnMut(u64) -> bool) -> Result<u64, Fault> {
        let act = self.next();
        let answer = self.move_whole(act);
        self.note(Call::Whole(method, answer));
        answer
    }

    fn part(&mut self, method: Method, range: Range<u64>) -> Result<Part, Fault> {
        let act = self.next();
        let answer = self.move_part(method, range.clone(), act);
        self.note(Call::Part(method, range, answer));
        answer
    }

    fn leave_zeros_out(&mut self, is_wanted: bool) {
        self.makes_holes = is_wanted;
    }

    fn next_data(&mut self, from: u64) -> Result<Data, Fault> {
        let answer = match self.next() {
            Act::Breaks => Err(Fault { code: BROKEN, side: Side::Source }),
            Act::Doubt if from == 0 && self.source_len > 0 => {
                self.makes_holes = true;
                Ok(Data::Doubtful(0..self.source_len))
            }
            Act::Doubt => Ok(Data::Range(from..from)),
            _ => Ok(self.find_data(from)),
        };
        self.note(Call::NextData(from, answer.clone()));
        answer
    }

    fn skip(&mut self, hole: Range<u64>) {
        let len = self.target.len();
        let (start, end) = ((hole.start as usize).min(len), (hole.end as usize).min(len));
        self.target[start..end].fill(0);
        self.skipped.push(hole);
    }

    fn source_len(&mut self) -> Result<u64, Fault> {
        let answer = match self.next() {
            Act::Breaks => Err(Fault { code: BROKEN, side: Side::Source }),
            _ => Ok(self.source_len),
        };
        self.note(Call::SourceLen(answer));
        answer
    }

    fn set_len(&mut self, len_bytes: u64) -> Result<(), Fault> {
        let answer = match self.next() {
            Act::Breaks => Err(Fault { code: BROKEN, side: Side::Target }),
            _ => {
                self.target.resize(len_bytes as usize, 0);
                Ok(())
            }
        };
        self.note(Call::SetLen(len_bytes, answer));
        answer
    }

    fn preallocate(&mut self, range: Range<u64>) -> Result<(), Fault> {
        let answer = match self.next() {
            Act::Breaks => Err(Fault { code: BROKEN, side: Side::Target }),
            _ => Ok(()),
        };
        self.note(Call::Preallocate(range, answer));
        answer
    }
}

pub(super) fn fault(errno: Errno) -> Fault {
    Fault { code: code_of(errno), side: Side::Either }
}

pub(super) fn code_of(errno: Errno) -> Code {
    Code(errno.raw_os_error())
}

/// A plan for a dense file of known length.
pub(super) fn plan(methods: &[Method], len_bytes: u64) -> FillPlan {
    FillPlan {
        ladder: Ladder::of(methods),
        len_bytes: Some(len_bytes),
        seeks_holes: false,
        makes_holes: false,
        preallocate_from_bytes: None,
        read_below_bytes: 0,
        threads: 1,
        must_clone: methods == [Method::Clone],
    }
}
