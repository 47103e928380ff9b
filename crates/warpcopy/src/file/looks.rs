//! What a file's copy is to look like: the mode it is created with, and what it is dressed in.

use super::dress::{Acl, Layer, Unkept, Wanted, Weight, Whose, dress};
use super::regular::{Copying, Kept};
use super::target::Target;
use crate::error::{Error, Operation, Result};
use crate::options::{Make, Mode, Xattrs};
use crate::plan::{Code, Facts, Kind, Looks, Method};
use crate::report::{FileReport, StagingUsed};
use crate::sys::{self, Place};

impl Copying<'_> {
    /// The mode to create a new file with: never wider than it ends up, and for the owner alone while it is not
    /// what it is to be. Setting attributes takes the right to write to the inode, whatever the descriptor allows
    /// (xattr(7)).
    pub(super) fn mode_at_creation(&self) -> u32 {
        match self.is_created_narrow() {
            true if self.obeys_default_list() => self.mode_masked() | 0o200,
            true => self.mode_masked() & 0o700 | 0o200,
            false => self.mode_masked(),
        }
    }

    /// The mode to create a file with that is to look like the one it replaces: the owner's part alone while more is missing
    /// than its mode.
    pub(super) fn mode_like(&self, kept: &Kept<'_>) -> u32 {
        let (caller, old) = (self.context.caller, kept.facts);
        let is_alike = kept.names.is_empty()
            && (old.owner, old.group) == (caller.owner, caller.group)
            && !self.leaf.into.has_default_acl
            && !self.is_created_narrow();
        let in_the_end = match self.context.options.preserve.mode {
            Mode::Keep => self.facts.mode,
            Mode::Masked | Mode::Fresh => old.mode,
        };
        match is_alike {
            true => old.mode & in_the_end & 0o777,
            false => old.mode & 0o700,
        }
    }

    /// Whether only the system knows what a new file's mode is, because the directory has a default list for it.
    fn obeys_default_list(&self) -> bool {
        self.leaf.into.has_default_acl && self.context.options.preserve.mode != Mode::Keep
    }

    /// The mode that a new file is asked to have where none is kept; the umask takes from it.
    fn mode_masked(&self) -> u32 {
        match self.context.options.preserve.mode {
            Mode::Fresh => 0o666,
            Mode::Masked | Mode::Keep => self.facts.mode & 0o777,
        }
    }

    /// Whether a new file is to become somebody else's, or gets attributes that come before its mode.
    pub(super) fn is_created_narrow(&self) -> bool {
        self.is_for_others() || (self.xattrs != Xattrs::Drop && !self.names.is_empty())
    }

    /// Whether a new file is to become somebody else's, or others have rights to it that its mode does not tell.
    pub(super) fn is_for_others(&self) -> bool {
        let preserve = &self.context.options.preserve;
        let caller = self.context.caller;
        // A stream takes its time, and what it brings is not known yet.
        let is_stream = self.facts.kind != Kind::File;
        let is_given_away = preserve.ownership
            && (is_stream || (self.facts.owner, self.facts.group) != (caller.owner, caller.group));
        is_given_away || (preserve.mode == Mode::Keep && self.has_list())
    }

    fn has_list(&self) -> bool {
        self.names.iter().any(|name| name.as_c_str() == sys::ACL_ACCESS)
    }

    /// What a target that is new and was written by plain writes looks like, where that is sure without asking: the
    /// file system gives what was asked for less the umask, and writes say how far they came.
    pub(super) fn looks_when_written(
        &self,
        umask: Option<u32>,
        staging: StagingUsed,
        report: &FileReport,
    ) -> Option<Looks> {
        let (owner, group) = self.leaf.into.owner_of_new?;
        let is_sure = staging == StagingUsed::Exclusive
            && !self.leaf.into.has_default_acl
            && matches!(report.bytes.method, None | Some(Method::ReadWrite));
        let mode = self.mode_at_creation() & !umask?;
        is_sure.then_some(Looks { owner, group, mode })
    }

    /// Looks at a target whose content is there, and verifies its length.
    pub(super) fn look_at(
        &self,
        made: &Target<'_>,
        staging: StagingUsed,
        report: &FileReport,
    ) -> Result<Looks> {
        let facts = sys::facts(made.file())
            .map_err(|code| self.leaf.target.error(Operation::StatTarget).with_cause(code))?;
        self.verify_length(&facts, staging, report)?;
        Ok(facts.looks())
    }

    pub(super) fn dress_target(
        &self,
        made: &Target<'_>,
        now: Looks,
        staging: StagingUsed,
        kept: Option<&Kept<'_>>,
        report: &mut FileReport,
    ) -> std::result::Result<(), Undressed> {
        let path = self.leaf.target.path;
        let place = Place::Open(made.file());
        let now = match kept {
            Some(kept) => self.dress_as_before(place, now, kept)?,
            None => now,
        };
        let layers = match made.is_filled() {
            // The method took along what it was to.
            true => Vec::new(),
            false => self.source_layers(),
        };
        let wanted = self.wanted(now, made, (staging, kept), &layers);
        let unkept = dress(place, now, &wanted, path).map_err(Undressed::Failed)?;
        sort_out(unkept, report);
        sort_out(self.unlisted_names(), report);
        Ok(())
    }

    /// What it means that the source does not tell its attributes.
    fn unlisted_names(&self) -> Option<Unkept> {
        let weight = match self.xattrs {
            Xattrs::Try => Weight::Warned,
            Xattrs::Drop | Xattrs::Require => Weight::Required,
        };
        let error = |code| self.leaf.source.error(Operation::SetXattr).with_cause(code);
        self.unlisted.map(|code| Unkept { error: error(code), weight })
    }

    /// A new file has the length that was moved into it. Drivers have claimed more than they did: a FUSE server's
    /// count was cut to 32 bits in libfuse/libfuse#1331.
    fn verify_length(&self, now: &Facts, staging: StagingUsed, report: &FileReport) -> Result<()> {
        let is_filled = self.context.options.make == Make::Contents
            && !matches!(staging, StagingUsed::InPlace(_));
        match is_filled && now.len_bytes != report.bytes.len {
            true => Err(self.leaf.target.error(Operation::VerifyLength)),
            false => Ok(()),
        }
    }

    /// Makes a new file look like the one it replaces, but for its mode where the source's takes its place: that may be less.
    fn dress_as_before(
        &self,
        place: Place<'_>,
        now: Looks,
        kept: &Kept<'_>,
    ) -> std::result::Result<Looks, Undressed> {
        let layers = [Layer {
            origin: kept.place,
            names: kept.names,
            weight: Weight::Required,
            whose: Whose::Replaced,
        }];
        // As after a write by this caller.
        let stays = kept.facts.mode & 0o6000 == 0 || sys::is_superuser();
        let old = if stays { kept.facts.mode } else { kept.facts.mode & !0o6000 };
        let keeps_source_mode = self.context.options.preserve.mode == Mode::Keep;
        let mode = (!keeps_source_mode).then_some(old);
        let wanted = Wanted {
            owner: Some((kept.facts.owner, kept.facts.group)),
            mode,
            acl: match kept.has_list() {
                _ if keeps_source_mode => Acl::Leave,
                true => Acl::From(kept.place, kept.names),
                false if self.leaf.into.has_default_acl => Acl::Remove,
                false => Acl::Leave,
            },
            xattrs: &layers,
            times: None,
            flags: None,
            is_directory: false,
        };
        let unkept =
            dress(place, now, &wanted, self.leaf.target.path).map_err(Undressed::Failed)?;
        match unkept.first().and_then(|unkept| unkept.error.code()) {
            Some(code) => Err(Undressed::CannotKeep(code)),
            None => Ok(Looks {
                owner: kept.facts.owner,
                group: kept.facts.group,
                mode: mode.unwrap_or(now.mode),
            }),
        }
    }

    fn source_layers(&self) -> Vec<Layer<'_>> {
        let weight = match self.xattrs {
            Xattrs::Drop => return Vec::new(),
            Xattrs::Try => Weight::Warned,
            Xattrs::Require => Weight::Required,
        };
        if self.names.is_empty() {
            return Vec::new();
        }
        vec![Layer {
            origin: Place::Open(self.source),
            names: self.names,
            weight,
            whose: Whose::Source,
        }]
    }

    fn wanted<'a>(
        &'a self,
        now: Looks,
        made: &Target<'_>,
        (staging, kept): (StagingUsed, Option<&Kept<'_>>),
        layers: &'a [Layer<'a>],
    ) -> Wanted<'a> {
        let preserve = &self.context.options.preserve;
        let is_in_place = matches!(staging, StagingUsed::InPlace(_));
        let is_new = kept.is_none() && !is_in_place;
        let has_list =
            self.leaf.into.has_default_acl || is_in_place || kept.is_some_and(Kept::has_list);
        let keeps_mode = preserve.mode == Mode::Keep;
        Wanted {
            owner: preserve.ownership.then_some((self.facts.owner, self.facts.group)),
            mode: match preserve.mode {
                Mode::Keep => Some(self.facts.mode),
                // It came with the source's.
                Mode::Masked | Mode::Fresh if is_new && made.is_filled() => {
                    Some(self.mode_masked() & !self.context.umask())
                }
                Mode::Masked | Mode::Fresh if is_new && self.obeys_default_list() => {
                    self.is_created_narrow().then_some(now.mode & !(0o200 & !self.mode_masked()))
                }
                // Created narrower than it is to be.
                Mode::Masked | Mode::Fresh if is_new && self.is_created_narrow() => {
                    Some((self.mode_masked() & !self.context.umask()) | (now.mode & 0o7000))
                }
                Mode::Masked | Mode::Fresh => None,
            },
            acl: match keeps_mode {
                true if self.has_list() => Acl::From(Place::Open(self.source), self.names),
                true if has_list => Acl::Remove,
                _ => Acl::Leave,
            },
            xattrs: layers,
            times: preserve.timestamps.then_some(self.facts),
            flags: None,
            is_directory: false,
        }
    }
}

/// Why a target could not be dressed.
pub(super) enum Undressed {
    /// The old file's looks cannot be given to the new one.
    CannotKeep(Code),
    Failed(Error),
}

/// Puts what could not be kept where it belongs in the report.
pub(super) fn sort_out(unkept: impl IntoIterator<Item = Unkept>, report: &mut FileReport) {
    for Unkept { error, weight } in unkept {
        match weight {
            Weight::Required => report.incomplete.push(error),
            Weight::Warned => report.warned.push(error),
            Weight::Noted => report.unpreserved.push(error),
        }
    }
}
