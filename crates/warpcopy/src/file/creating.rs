//! Methods that make their own target, complete with its content: there is nothing to open before they are done.

use super::Tools;
use super::fill::{Failure, create_whole};
use super::regular::Copying;
use super::target::Target;
use crate::error::Result;
use crate::options::{Make, Mode, Xattrs};
use crate::plan::{Fault, Kind, Ladder, Method, Side};
use crate::report::{Bytes, FileReport};
use crate::sys::{self, Answer};

/// Under which name a target is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Its own, which must be free.
    Final,
    /// One beside it.
    Temporary,
}

impl Copying<'_> {
    /// Has the target made by the first method that makes its own and works. `None` if there is none: then it is to
    /// be made empty, and filled. The answer inside is about the target's name.
    pub(super) fn made_by_method(
        &self,
        tools: &mut Tools,
        naming: Naming,
        report: &mut FileReport,
    ) -> Result<Option<Answer<Target<'_>>>> {
        let has_content =
            self.context.options.make == Make::Contents && self.facts.kind == Kind::File;
        if sys::CREATING.is_empty() || !has_content {
            return Ok(None);
        }
        let into = &self.leaf.into;
        let creating = |ladder: Ladder| ladder.and(sys::CREATING);
        let planned = self.plan(tools, self.leaf.target.directory, into.device, creating, report);
        let (ladder, must_clone) = (planned.fill.ladder, planned.fill.must_clone);
        let naming = if self.is_exposed_when_created() { Naming::Temporary } else { naming };
        let around = self.surroundings(&planned);
        let answer = create_whole(ladder, must_clone, &around, |method, progress| {
            self.create_by(method, naming, progress)
        });
        let created = match answer {
            Ok(created) => created,
            Err(Failure::Fault { fault, .. }) if sys::NAME_TAKEN.contains(&fault.code) => {
                return Ok(Some(Err(fault.code)));
            }
            Err(failure) => return Err(self.failed(failure)),
        };
        self.remember(planned.pair, created.refusals, report);
        let Some((method, target, len)) = created.made else { return Ok(None) };
        self.context.memory.note_success(planned.pair, method);
        report.bytes = Bytes { method: Some(method), len, ..Bytes::default() };
        match method {
            Method::Clone => {
                report.bytes.cloned = len;
                self.context.counters.add_cloned(len);
            }
            _ => report.bytes.moved = len,
        }
        report.changed = self.has_source_changed(report.bytes.moved)?;
        Ok(Some(Ok(target.filled())))
    }

    /// One method's try. Its target has the source's length, or `None` comes instead.
    fn create_by(
        &self,
        method: Method,
        naming: Naming,
        progress: sys::Progress<'_>,
    ) -> std::result::Result<Option<(Target<'_>, u64)>, Fault> {
        let target = &self.leaf.target;
        let source = (self.source, self.facts);
        let preserve = &self.context.options.preserve;
        let takes = sys::Takes {
            list: preserve.mode == Mode::Keep,
            xattrs: preserve.xattrs != Xattrs::Drop,
            times: preserve.timestamps,
        };
        let make = |name: &std::ffi::OsStr| {
            sys::create_by(method, source, takes, target.directory, name, progress)
        };
        let made = match naming {
            Naming::Final => Target::exclusive(target.directory, target.name, make),
            Naming::Temporary => Target::temporary(target.directory, target.name, make),
        };
        let at = |side| move |code| Fault { code, side };
        let made = made.map_err(at(Side::Either))?;
        let len = sys::facts(made.file()).map_err(at(Side::Target))?.len_bytes;
        let is_right = len == self.facts.len_bytes
            || len == sys::facts(self.source).map_err(at(Side::Source))?.len_bytes;
        Ok(is_right.then_some((made, len)))
    }

    /// Whether a target that a method makes with the source's mode would for a moment allow more than it is to.
    fn is_exposed_when_created(&self) -> bool {
        let is_masked = self.context.options.preserve.mode != Mode::Keep;
        self.is_for_others() || is_masked && self.facts.mode & 0o777 & self.context.umask() != 0
    }
}
