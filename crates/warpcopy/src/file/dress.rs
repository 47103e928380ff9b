//! Gives a target its owner, attributes, mode with access control list, times and flags: in that order, because each
//! step undoes something of the ones before it.
//!
//! Changing the owner clears set-id bits and capabilities; writing clears capabilities; setting the list changes
//! the mode; everything changes the times.

use std::ffi::{CStr, CString};
use std::path::PathBuf;

use crate::error::{Error, Operation, Result};
use crate::plan::{Code, Facts, Looks};
use crate::sys::{self, Place};

/// What a target is to look like. `None` leaves a thing as it is.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) mode: Option<u32>,
    pub(crate) acl: Acl<'a>,
    /// Attributes taken over, layer upon layer.
    pub(crate) xattrs: &'a [Layer<'a>],
    pub(crate) times: Option<&'a Facts>,
    /// Flags come last, for they may forbid everything else; those of a file come when it has its name.
    pub(crate) flags: Option<&'a Facts>,
    /// The target is a directory and has a list for its children too.
    pub(crate) is_directory: bool,
}

/// Where a target's access control list comes from.
#[derive(Clone, Copy)]
pub(crate) enum Acl<'a> {
    /// It stays as it is.
    Leave,
    /// There is to be none beyond the mode.
    Remove,
    /// That of this place.
    From(Place<'a>, &'a [CString]),
}

/// Extended attributes of one origin.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'a> {
    pub(crate) origin: Place<'a>,
    pub(crate) names: &'a [CString],
    pub(crate) weight: Weight,
    pub(crate) whose: Whose,
}

/// Whose attributes a layer brings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The source's.
    Source,
    /// Those of the old file, for the one that replaces it: its security label too, but not the capabilities, which
    /// do not survive a change of content.
    Replaced,
}

/// What it means that something could not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It is in the report.
    Noted,
    /// The observer is told.
    Warned,
    /// The copy stays, and counts as failed.
    Required,
}

/// Something that could not be kept.
pub(crate) struct Unkept {
    pub(crate) error: Error,
    pub(crate) weight: Weight,
}

/// The target's place in a message, made when one is needed.
pub(crate) type PathOf<'a> = &'a dyn Fn() -> PathBuf;

/// Dresses one target. `now` is what it looks like at this moment.
///
/// What the file system or the caller's privilege does not allow is returned; anything else is an error.
pub(crate) fn dress(
    place: Place<'_>,
    now: Looks,
    wanted: &Wanted<'_>,
    path: PathOf<'_>,
) -> Result<Vec<Unkept>> {
    let mut unkept = Vec::new();
    let mut dressing = Dressing { place, path, unkept: &mut unkept };
    let owner = dressing.owner(now, wanted.owner)?;
    for layer in wanted.xattrs {
        dressing.layer(layer, |name| name != sys::CAPABILITY);
    }
    let is_list_set = dressing.acl(wanted)?;
    if let Some(mode) = wanted.mode {
        // Whoever owns the file now is not the one who trusted it with set-id bits.
        let mode = if owner == Owner::Lost { mode & !0o7000 } else { mode };
        if mode != now.mode || owner != Owner::Same || is_list_set {
            dressing.mode(mode)?;
        }
    }
    for layer in wanted.xattrs.iter().filter(|layer| layer.whose == Whose::Source) {
        dressing.layer(layer, |name| name == sys::CAPABILITY);
    }
    if let Some(facts) = wanted.times {
        let answer = sys::set_times(place, facts);
        dressing.accept(answer, Operation::SetTimes, Weight::Required)?;
    }
    if let Some(facts) = wanted.flags {
        dressing.accept(sys::set_flags(place, facts), Operation::SetFlags, Weight::Noted)?;
    }
    Ok(unkept)
}

/// What became of a target's owner.
#[derive(PartialEq, Eq)]
enum Owner {
    Same,
    Changed,
    Lost,
}

struct Dressing<'a> {
    place: Place<'a>,
    path: PathOf<'a>,
    unkept: &'a mut Vec<Unkept>,
}

impl Dressing<'_> {
    fn owner(&mut self, now: Looks, wanted: Option<(u32, u32)>) -> Result<Owner> {
        let Some((owner, group)) = wanted else { return Ok(Owner::Same) };
        if (now.owner, now.group) == (owner, group) {
            return Ok(Owner::Same);
        }
        let answer = sys::set_owner(self.place, Some(owner), Some(group));
        if !answer.is_err_and(|code| sys::CANNOT_KEEP.contains(&code)) {
            self.accept(answer, Operation::SetOwner, Weight::Required)?;
            return Ok(Owner::Changed);
        }
        // Only the superuser gives files away, but an owner may choose among the own groups.
        if now.group != group {
            let _ = sys::set_owner(self.place, None, Some(group)); // the error above is the one to report
        }
        let weight = if sys::is_superuser() { Weight::Required } else { Weight::Noted };
        self.accept(answer, Operation::SetOwner, weight)?;
        Ok(Owner::Lost)
    }

    fn layer(&mut self, layer: &Layer<'_>, admits: impl Fn(&CStr) -> bool) {
        let mut value = Vec::new();
        let mut is_without = false;
        for name in layer.names.iter().filter(|name| admits(name)) {
            let answer = match treatment(name, layer.whose) {
                Treatment::Leave => continue,
                Treatment::Impossible => Err(sys::NOT_SUPPORTED),
                Treatment::Copy => {
                    match sys::copy_xattr(layer.origin, self.place, name, &mut value) {
                        // It was removed since it was listed, or is shown to everybody and told to few (trusted.*).
                        Err(sys::NO_ATTRIBUTE) => continue,
                        answer => answer,
                    }
                }
            };
            let Err(code) = answer else { continue };
            let weight = layer.weight.of_attribute(code);
            // That a file system has no attributes at all is said once.
            if code != sys::NOT_SUPPORTED || layer.whose == Whose::Replaced {
                self.unkept.push(Unkept { error: self.xattr_error(name, code), weight });
            } else if !std::mem::replace(&mut is_without, true) {
                let error = self.error(Operation::SetXattr, code);
                self.unkept.push(Unkept { error, weight });
            }
        }
    }

    /// Returns whether the access control list was touched, and with it the mode.
    fn acl(&mut self, wanted: &Wanted<'_>) -> Result<bool> {
        let (origin, names) = match wanted.acl {
            Acl::Leave => return Ok(false),
            Acl::Remove => (None, &[][..]),
            Acl::From(origin, names) => (Some(origin), names),
        };
        let both = [sys::ACL_ACCESS, sys::ACL_DEFAULT];
        for list in &both[..1 + usize::from(wanted.is_directory)] {
            match origin.filter(|_| names.iter().any(|name| name.as_c_str() == *list)) {
                Some(origin) => self.copy_list(origin, list, wanted)?,
                None => {
                    let answer = sys::remove_xattr(self.place, list);
                    self.accept(answer, Operation::SetMode, Weight::Required)?;
                }
            }
        }
        Ok(true)
    }

    fn copy_list(&mut self, origin: Place<'_>, list: &CStr, wanted: &Wanted<'_>) -> Result<()> {
        let answer = sys::copy_xattr(origin, self.place, list, &mut Vec::new());
        // With `-a` a file system without lists is not a failure; it is when the mode alone was asked for.
        let has_layers = wanted.xattrs.iter().any(|layer| layer.weight != Weight::Required);
        let is_tried = has_layers && answer == Err(sys::NOT_SUPPORTED);
        let weight = if is_tried { Weight::Warned } else { Weight::Required };
        self.accept(answer, Operation::SetMode, weight)
    }

    fn mode(&mut self, mode: u32) -> Result<()> {
        let answer = sys::set_mode(self.place, mode);
        self.accept(answer, Operation::SetMode, Weight::Required)
    }

    /// Notes what is not allowed here; passes on what is broken.
    fn accept(
        &mut self,
        answer: sys::Answer<()>,
        operation: Operation,
        weight: Weight,
    ) -> Result<()> {
        match answer {
            Err(code) if sys::CANNOT_KEEP.contains(&code) => {
                let error = self.error(operation, code);
                self.unkept.push(Unkept { error, weight });
                Ok(())
            }
            answer => answer.map_err(|code| self.error(operation, code)),
        }
    }

    fn error(&self, operation: Operation, code: Code) -> Error {
        Error::new(operation, (self.path)()).with_cause(code)
    }

    fn xattr_error(&self, name: &CStr, code: Code) -> Error {
        self.error(Operation::SetXattr, code).with_attribute(name.to_string_lossy().into_owned())
    }
}

impl Weight {
    /// A file system without attributes is silently accepted where they were only tried; one that has them and
    /// declines this one is worth a word.
    fn of_attribute(self, code: Code) -> Weight {
        match self {
            Weight::Warned if code == sys::NOT_SUPPORTED => Weight::Noted,
            weight => weight,
        }
    }
}

/// What to do with an extended attribute by its name.
#[derive(PartialEq, Eq)]
enum Treatment {
    Copy,
    Leave,
    /// It belongs to the file and cannot be given to another.
    Impossible,
}

/// Lists travel with the mode; XFS shows them a second time under `trusted.SGI_`. The marks of an overlay mean
/// something to its own layers only. Labels and signatures of a source are the business of the security module
/// that made them; a file that replaces another keeps its label and cannot keep a signature.
fn treatment(name: &CStr, whose: Whose) -> Treatment {
    let starts = |prefix: &str| name.to_bytes().starts_with(prefix.as_bytes());
    let is_alias = sys::is_acl(name) || starts("trusted.SGI_") || starts("trusted.overlay.");
    let is_signature = starts("security.evm") || starts("security.ima") || starts("system.");
    match whose {
        _ if is_alias => Treatment::Leave,
        Whose::Source if is_signature || starts("security.selinux") => Treatment::Leave,
        Whose::Replaced if name == sys::CAPABILITY => Treatment::Leave,
        Whose::Replaced if is_signature => Treatment::Impossible,
        Whose::Source | Whose::Replaced => Treatment::Copy,
    }
}

/// Whether what the name stands for does not go over to a new file.
pub(super) fn stays_out(name: &CStr, whose: Whose) -> bool {
    treatment(name, whose) != Treatment::Copy
}
