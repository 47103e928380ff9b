//! A tree: one directory after another, from a stack that the threads share.
//!
//! Whoever copies a directory also makes the directories in it. Nothing changes it after that, so that its times
//! can be set at once, without waiting for what is below.

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, mkdirat, openat};
use rustix::io::Result;

use crate::content::Tools;
use crate::keep::{self, Links};
use crate::leaf;
use crate::listing::Listing;
use crate::spec::{Method, Spec};
use crate::stack::{Part, Stack, Unit};
use crate::uring::Batches;

/// What the threads share.
pub struct Shared {
    pub spec: Spec,
    pub stack: Stack,
    pub links: Links,
}

/// Copies a tree; the target must not exist.
pub fn copy(spec: &Spec, source: CString, target: CString) -> Result<()> {
    if spec.method != Method::Walk && spec.method != Method::Read {
        mkdirat(CWD, &target, Mode::from(0o700))?;
    }
    let shared = Shared { spec: *spec, stack: Stack::default(), links: Links::default() };
    shared.stack.push(Unit { source, target, part: None });
    if spec.threads == 1 {
        return work(&shared);
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..spec.threads)
            .map(|_| {
                scope.spawn(|| {
                    if shared.spec.has_own_tables {
                        // SAFETY: this thread uses no descriptor that it does not open itself.
                        unsafe { libc::unshare(libc::CLONE_FILES) };
                    }
                    work(&shared)
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap())
    })
}

fn work(shared: &Shared) -> Result<()> {
    let mut tools = Tools::new(&shared.spec);
    let mut listing = Listing::new();
    let mut rings = shared.spec.ring.map(Batches::new).transpose()?;
    while let Some(unit) = shared.stack.take() {
        let answer = directory(shared, &mut tools, &mut listing, rings.as_mut(), unit);
        shared.stack.done(answer.is_err());
        answer?;
    }
    Ok(())
}

fn directory(
    shared: &Shared,
    tools: &mut Tools,
    listing: &mut Listing,
    mut rings: Option<&mut Batches>,
    mut unit: Unit,
) -> Result<()> {
    let spec = &shared.spec;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let makes = !matches!(spec.method, Method::Walk | Method::Read);
    let source = openat(CWD, &unit.source, flags, Mode::empty())?;
    let target = match makes {
        true => openat(CWD, &unit.target, flags, Mode::empty())?,
        false => source.try_clone().map_err(|_| rustix::io::Errno::MFILE)?,
    };
    let ends = (source.as_fd(), target.as_fd());
    let mut copy = |tools: &mut Tools, unit: &Unit, name: &CStr, kind| match &mut rings {
        Some(rings) if kind == FileType::RegularFile => rings.add(shared, tools, ends, unit, name),
        _ => leaf::copy(shared, tools, ends, unit, name, kind),
    };
    let mut part = match unit.part.take() {
        Some(part) => part,
        None => {
            let mut names = Vec::new();
            listing.for_each(ends.0, spec.sorts, |name, kind| match kind {
                FileType::Directory => {
                    if makes {
                        mkdirat(ends.1, name, Mode::from(0o700))?;
                    }
                    shared.stack.push(below(&unit, name));
                    Ok(())
                }
                _ if matches!(spec.method, Method::Walk | Method::Mk) => Ok(()),
                _ if spec.threads == 1 => copy(tools, &unit, name, kind),
                _ => {
                    names.push((name.to_owned(), kind));
                    Ok(())
                }
            })?;
            Part { names, sharers: Arc::new(AtomicUsize::new(1)) }
        }
    };
    while let Some((name, kind)) = part.names.pop() {
        if shared.stack.is_hungry() && part.names.len() > 1 {
            shared.stack.push(half(&unit, &mut part));
        }
        copy(tools, &unit, &name, kind)?;
    }
    if let Some(rings) = rings {
        rings.flush(shared, tools, ends, &unit)?;
    }
    let is_last = part.sharers.fetch_sub(1, Ordering::AcqRel) == 1;
    if is_last && makes && (spec.keeps_all || spec.sets_times) {
        let stat = fstat(ends.0)?;
        keep::dress_directory(tools, ends, &stat, spec)?;
    }
    Ok(())
}

/// Half of the names that are left, for somebody else.
fn half(unit: &Unit, part: &mut Part) -> Unit {
    part.sharers.fetch_add(1, Ordering::Relaxed);
    let names = part.names.split_off(part.names.len() / 2);
    let part = Part { names, sharers: Arc::clone(&part.sharers) };
    Unit { source: unit.source.clone(), target: unit.target.clone(), part: Some(part) }
}

fn below(unit: &Unit, name: &CStr) -> Unit {
    Unit { source: join(&unit.source, name), target: join(&unit.target, name), part: None }
}

/// A path and a name below it.
pub fn join(path: &CStr, name: &CStr) -> CString {
    let bytes = [path.to_bytes(), b"/", name.to_bytes()].concat();
    CString::new(bytes).expect("both come from C strings")
}
