//! Moving a file's content: by the ladder, or as a stream.

use std::time::Duration;

use super::Tools;
use super::fill::{Failure, Filled, Step, Surroundings, fill};
use super::memory::{Pair, bits};
use super::regular::Copying;
use crate::error::{Error, Operation, Result};
use crate::options::{Options, Reflink};
use crate::plan::{self, Code, FileSystem, Kind, Ladder, Looks, Method, Scope};
use crate::report::{Bytes, FileReport, InPlace, Reason, Refusal, StagingUsed};
use crate::sys::{self, Borrowed, Ends, Ready};

fn makes_its_own(method: Method) -> Refusal {
    Refusal { method, reason: Reason::MakesItsOwn, offset: 0, scope: Scope::File }
}

/// The method that was asked for, if this platform does not have it.
fn not_there(options: &Options) -> Option<Refusal> {
    let demanded = (options.reflink == Reflink::Always).then_some(Method::Clone);
    let method = demanded.or(options.method).filter(|method| !method.is_available())?;
    let reason = Reason::Code(sys::NOT_SUPPORTED);
    Some(Refusal { method, reason, offset: 0, scope: Scope::Process })
}

/// How a file's content is to be moved, and between what.
pub(super) struct Planned {
    pub(super) fill: plan::FillPlan,
    pub(super) pair: Pair,
    source_fs: FileSystem,
    target_fs: FileSystem,
}

impl Copying<'_> {
    /// Moves the content; returns what the target looks like if that was seen after its last byte.
    pub(super) fn fill_target(
        &self,
        tools: &mut Tools,
        target: Borrowed<'_>,
        report: &mut FileReport,
    ) -> Result<Option<Looks>> {
        let is_stream = self.facts.kind != Kind::File
            || report.staging == Some(StagingUsed::InPlace(InPlace::NotRegular));
        if is_stream {
            report.bytes = self.stream(tools, target)?;
            return Ok(None);
        }
        // What is written in place may be elsewhere than its name.
        let target_device = match report.staging {
            Some(StagingUsed::InPlace(_)) => {
                let facts = sys::facts(target).map_err(|code| {
                    self.leaf.target.error(Operation::StatTarget).with_cause(code)
                })?;
                facts.identity.device
            }
            _ => self.leaf.into.device,
        };
        let mut impossible = Ladder::of(&[]);
        let filling = |ladder: Ladder| {
            impossible = ladder.and(sys::CREATING);
            ladder.without_all(sys::CREATING)
        };
        let planned = self.plan(tools, target, target_device, filling, report);
        if matches!(report.staging, Some(StagingUsed::InPlace(_))) {
            report.refusals.extend(impossible.iter().map(makes_its_own));
        }
        if let (true, Some(refusal)) = (planned.fill.ladder.is_empty(), report.refusals.last()) {
            return Err(self.failed(Failure::NoClone { refusal: *refusal }));
        }
        let (filled, cloned) = self.fill_patiently(tools, target, &planned)?;
        tools.has_cloned_in_turn = filled.bytes.method == Some(Method::Clone)
            && plan::clones_in_turn(self.facts, planned.target_fs);
        self.remember(planned.pair, filled.refusals, report);
        report.bytes = filled.bytes;
        report.changed = self.has_source_changed(report.bytes.moved)?;
        Ok(cloned.filter(|_| report.bytes.method == Some(Method::Clone)))
    }

    /// Chooses how the content is to be moved, among the methods that `admits` lets through, without those that were
    /// refused before.
    pub(super) fn plan(
        &self,
        tools: &mut Tools,
        target: Borrowed<'_>,
        target_device: u64,
        admits: impl FnOnce(Ladder) -> Ladder,
        report: &mut FileReport,
    ) -> Planned {
        let pair = (self.facts.identity.device, target_device);
        let source_fs = tools.file_system(self.source, pair.0);
        let target_fs = tools.file_system(target, pair.1);
        let mut fill = plan::choose(
            sys::METHODS,
            &self.context.options,
            self.facts,
            source_fs,
            target_fs,
            1 + self.spare_threads,
            matches!(report.staging, Some(StagingUsed::InPlace(_))),
        );
        if sys::is_kept_encrypted(self.facts) && !fill.must_clone {
            fill.ladder = Ladder::of(&[Method::CopyFile, Method::ReadWrite]);
        }
        fill.ladder = admits(fill.ladder);
        let not_there = not_there(&self.context.options);
        if let Some(refusal) = not_there.filter(|it| !report.refusals.contains(it)) {
            report.refusals.push(refusal);
        }
        if !fill.must_clone {
            let known = tools.known.refusals(&self.context.memory, pair);
            let met = known.iter().filter(|refusal| fill.ladder.contains(refusal.method));
            report.refusals.extend(met);
            fill.ladder = fill.ladder.without(bits(known));
        }
        Planned { fill, pair, source_fs, target_fs }
    }

    pub(super) fn surroundings(&self, planned: &Planned) -> Surroundings<'_> {
        let is_in_turn = plan::clones_in_turn(self.facts, planned.target_fs);
        Surroundings {
            rules: sys::RULES,
            is_network: [planned.source_fs, planned.target_fs].contains(&FileSystem::Network),
            cancel: &self.context.cancel,
            counters: &self.context.counters,
            cloning: is_in_turn.then_some(&*self.context.cloning),
        }
    }

    /// Notes refusals for this file and for those to come.
    pub(super) fn remember(&self, pair: Pair, refusals: Vec<Refusal>, report: &mut FileReport) {
        for refusal in &refusals {
            self.context.memory.note(pair, *refusal);
        }
        report.refusals.extend(refusals);
    }

    /// Fills; where a clone is demanded and may work in a moment, waits for that moment.
    fn fill_patiently(
        &self,
        tools: &mut Tools,
        target: Borrowed<'_>,
        planned: &Planned,
    ) -> Result<(Filled, Option<Looks>)> {
        // OpenZFS writes out what is dirty within five seconds (zfs_txg_timeout).
        const ATTEMPTS_MAX: usize = 30;
        const PAUSE: Duration = Duration::from_millis(200);
        let (plan, around) = (&planned.fill, &self.surroundings(planned));
        let mut ends = Ends::new(
            self.source,
            target,
            self.facts,
            planned.source_fs,
            planned.target_fs,
            tools.buffers(plan.threads),
        );
        for _ in 1..ATTEMPTS_MAX {
            match fill(&mut ends, plan, around) {
                Err(Failure::NoClone { refusal })
                    if refusal.reason == Reason::Code(sys::TRY_LATER) =>
                {
                    std::thread::sleep(PAUSE);
                }
                Err(failure) => return Err(self.failed(failure)),
                Ok(filled) => return Ok((filled, ends.cloned)),
            }
        }
        let filled = fill(&mut ends, plan, around).map_err(|failure| self.failed(failure))?;
        Ok((filled, ends.cloned))
    }

    pub(super) fn failed(&self, failure: Failure) -> Error {
        let (source, target) = (&self.leaf.source, &self.leaf.target);
        match failure {
            Failure::Cancelled { .. } => target.error(Operation::Cancelled),
            Failure::NoClone { refusal } => {
                let error = target.error(Operation::Clone).with_other((source.path)());
                match refusal.reason {
                    Reason::Code(code) => error.with_cause(code),
                    _ => error,
                }
                .with_method(refusal.method, refusal.offset)
            }
            Failure::Fault { fault, step, offset } => {
                let operation = fault.operation(step);
                let error = match operation {
                    Operation::Read | Operation::FindHoles => source.error(operation),
                    Operation::Clone | Operation::Move => {
                        target.error(operation).with_other((source.path)())
                    }
                    _ => target.error(operation),
                };
                let error = error.with_cause(fault.code);
                match step {
                    Step::Move(method) => error.with_method(method, offset),
                    _ => error,
                }
            }
        }
    }

    /// Copies from where the source stands to its end: FIFOs, devices, and into such.
    fn stream(&self, tools: &mut Tools, target: Borrowed<'_>) -> Result<Bytes> {
        let mut bytes = Bytes { method: Some(Method::ReadWrite), ..Bytes::default() };
        let buffer = &mut *tools.buffers(1)[0].bytes();
        let failed = |error: Error, code: Code, at: u64| {
            Err(error.with_cause(code).with_method(Method::ReadWrite, at))
        };
        loop {
            let count = match self
                .until_ready(self.source, Ready::ToRead, |source| sys::read_some(source, buffer))?
            {
                Ok(0) => return Ok(bytes),
                Ok(count) => count,
                Err(code) => {
                    return failed(self.leaf.source.error(Operation::Read), code, bytes.len);
                }
            };
            let mut done = 0;
            while done < count {
                match self.until_ready(target, Ready::ToWrite, |target| {
                    sys::write_some(target, &buffer[done..count])
                })? {
                    Ok(taken) => done += taken,
                    Err(code) => {
                        return failed(self.leaf.target.error(Operation::Write), code, bytes.len);
                    }
                }
            }
            bytes.moved += count as u64;
            bytes.len = bytes.moved;
            self.context.counters.add_moved(count as u64);
        }
    }

    /// Makes a call on a stream when the stream is ready for it, and asks for cancellation while it is not.
    fn until_ready(
        &self,
        stream: Borrowed<'_>,
        ready: Ready,
        mut call: impl FnMut(Borrowed<'_>) -> sys::Answer<usize>,
    ) -> Result<sys::Answer<usize>> {
        loop {
            if self.context.cancel.is_cancelled() {
                return Err(self.leaf.target.error(Operation::Cancelled));
            }
            match sys::wait_a_moment(stream, ready) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(code) => return Ok(Err(code)),
            }
            match call(stream) {
                Err(sys::INTERRUPTED | sys::TRY_LATER) => {}
                answer => return Ok(answer),
            }
        }
    }

    /// Whether somebody wrote to the source while so many bytes of it were read. A clone is of one moment, and one read nearly
    /// so.
    pub(super) fn has_source_changed(&self, read_bytes: u64) -> Result<bool> {
        const READ_AT_ONCE_BYTES: u64 = 64 << 10;
        if self.facts.kind != Kind::File || read_bytes <= READ_AT_ONCE_BYTES {
            return Ok(false);
        }
        let now = sys::facts(self.source)
            .map_err(|code| self.leaf.source.error(Operation::StatSource).with_cause(code))?;
        Ok(now.has_changed_since(self.facts))
    }
}
