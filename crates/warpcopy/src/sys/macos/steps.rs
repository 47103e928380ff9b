//! The order of calls in which macOS makes, mends and publishes a file; the calls themselves are behind [`Kernel`].
//!
//! A clone carries more of its source than a copy: times, extended attributes, flags that forbid renaming it
//! (clonefile(2)). What was not asked for is taken off again while the file has no name that anybody looks for, or one
//! that nobody else could have. Owner and mode are put right by the engine, as of any new file.

use std::ffi::{CStr, CString, OsStr};

use super::errno::{ACCES, INVAL, NOSYS, NOTSUP, OPNOTSUPP, PERM};
use super::flags;
use crate::plan::{Code, NoSnapshot};
use crate::sys::{Answer, CommitError, QUARANTINE, Takes};

/// Do not follow a symbolic link, neither at the source nor at the name of the target: coreutils 9.1 cloned through
/// dangling ones.
pub(super) const CLONE_NOFOLLOW: u32 = 0x1;
/// The target belongs to the caller also where the caller is root, as every new file.
pub(super) const CLONE_NOOWNERCOPY: u32 = 0x2;
/// Take the access control list along. Kernels without it answer EINVAL.
pub(super) const CLONE_ACL: u32 = 0x4;

/// The calls on one directory and the files in it.
pub(super) trait Kernel {
    type File;
    /// An access control list.
    type List;

    /// `fclonefileat` of the source to `name`.
    fn clone_to(&mut self, name: &OsStr, clone_flags: u32) -> Answer<()>;
    /// Opens what was just made, whatever its mode.
    fn open_made(&mut self, name: &OsStr) -> Answer<Self::File>;
    fn flags(&mut self, file: &Self::File) -> Answer<u32>;
    fn set_flags(&mut self, file: &Self::File, flags: u32) -> Answer<()>;
    /// By name, and not through a symbolic link.
    fn set_flags_at(&mut self, name: &OsStr, flags: u32) -> Answer<()>;
    fn xattr_names(&mut self, file: &Self::File) -> Answer<Vec<CString>>;
    fn remove_xattr(&mut self, file: &Self::File, name: &CStr) -> Answer<()>;
    /// Takes a file's list off, if it has one.
    fn take_list(&mut self, file: &Self::File) -> Answer<Option<Self::List>>;
    fn give_list(&mut self, file: &Self::File, list: Self::List) -> Answer<()>;
    /// Sets the times of birth, access and change to now.
    fn stamp_now(&mut self, file: &Self::File) -> Answer<()>;
    /// Whether `name` is that file.
    fn is_at(&mut self, name: &OsStr, file: &Self::File) -> bool;
    fn close(&mut self, file: Self::File) -> Answer<()>;
    fn rename_over(&mut self, from: &OsStr, to: &OsStr) -> Answer<()>;
    /// `renameatx_np` with `RENAME_EXCL`.
    fn rename_exclusive(&mut self, from: &OsStr, to: &OsStr) -> Answer<()>;
    fn link(&mut self, from: &OsStr, to: &OsStr) -> Answer<()>;
    /// Makes an empty file under a free name.
    fn reserve(&mut self, name: &OsStr) -> Answer<()>;
    fn remove(&mut self, name: &OsStr) -> Answer<()>;
    fn is_superuser(&self) -> bool;
}

/// Clones the source to a free name and takes off what it was not to take along. Nothing stays of what fails.
pub(super) fn clone<K: Kernel>(
    kernel: &mut K,
    source_flags: u32,
    takes: Takes,
    name: &OsStr,
) -> Answer<K::File> {
    // A clone that its maker can neither rename nor remove must not be made at all.
    if flags::would_trap(source_flags, kernel.is_superuser()) {
        return Err(PERM);
    }
    let plain = CLONE_NOFOLLOW | CLONE_NOOWNERCOPY;
    match kernel.clone_to(name, if takes.list { plain | CLONE_ACL } else { plain }) {
        Err(INVAL) if takes.list => kernel.clone_to(name, plain)?,
        answer => answer?,
    }
    mend(kernel, takes, name).inspect_err(|_| {
        // Best effort: the error is the interesting answer. What is locked cannot be opened by every owner, nor removed.
        let _ = kernel.set_flags_at(name, 0);
        let _ = match kernel.open_made(name) {
            Ok(file) => discard(kernel, &file, name),
            Err(_) => kernel.remove(name),
        };
    })
}

/// Clones a whole directory, with the lists of all that is below it, to a free name in one call. All of it appears, or
/// nothing (clonefile(2)).
pub(super) fn clone_tree<K: Kernel>(kernel: &mut K, name: &OsStr) -> Result<(), NoSnapshot> {
    kernel.clone_to(name, CLONE_NOFOLLOW | CLONE_ACL).map_err(NoSnapshot::Code)
}

/// Flags first, for a locked file takes nothing else; times last, for everything changes them.
fn mend<K: Kernel>(kernel: &mut K, takes: Takes, name: &OsStr) -> Answer<K::File> {
    let file = kernel.open_made(name)?;
    let now = kernel.flags(&file)?;
    if flags::while_made(now) != now {
        kernel.set_flags(&file, flags::while_made(now))?;
    }
    if !takes.xattrs {
        for attribute in kernel.xattr_names(&file)?.iter().filter(|it| it.as_c_str() != QUARANTINE)
        {
            match kernel.remove_xattr(&file, attribute) {
                // The system's own, which no user may touch (`com.apple.macl`): every file that it made has some.
                Ok(()) | Err(PERM) => {}
                Err(code) => return Err(code),
            }
        }
    }
    if !takes.times {
        kernel.stamp_now(&file)?;
    }
    Ok(file)
}

/// Closes a file and gives it its name, if it has another (`temporary`) until now, and then the flags of its source: those
/// that lock it would keep it from its name.
pub(super) fn finish<K: Kernel>(
    kernel: &mut K,
    file: K::File,
    (temporary, name): (Option<&OsStr>, &OsStr),
    replace: bool,
    source_flags: u32,
) -> Result<(), CommitError> {
    // Closing tells of writes that were lost, so it comes before the name; what comes after goes by another handle.
    let second =
        flags::has_copied(source_flags).then(|| reopened(kernel, &file, temporary.unwrap_or(name)));
    kernel.close(file).map_err(CommitError::Close)?;
    if let Some(temporary) = temporary {
        match publish(kernel, temporary, name, replace) {
            Err(denied @ (ACCES | PERM)) => {
                publish_without_list(kernel, temporary, name, replace, denied)?;
            }
            answer => answer.map_err(CommitError::Name)?,
        }
    }
    let Some(second) = second else { return Ok(()) };
    second.and_then(|file| give_flags(kernel, &file, source_flags)).map_err(CommitError::Flags)
}

fn publish<K: Kernel>(kernel: &mut K, from: &OsStr, to: &OsStr, replace: bool) -> Answer<()> {
    if replace { kernel.rename_over(from, to) } else { rename_to_free(kernel, from, to) }
}

/// A list may deny that its file is deleted, and so that it is renamed (chmod(1)): it comes after the name then.
fn publish_without_list<K: Kernel>(
    kernel: &mut K,
    from: &OsStr,
    to: &OsStr,
    replace: bool,
    denied: Code,
) -> Result<(), CommitError> {
    let taken = kernel.open_made(from).and_then(|file| Ok((kernel.take_list(&file)?, file)));
    let Ok((Some(list), file)) = taken else { return Err(CommitError::Name(denied)) };
    publish(kernel, from, to, replace).map_err(CommitError::Name)?;
    kernel.give_list(&file, list).map_err(CommitError::Flags)
}

/// Removes a file that was not finished, whatever its list or its flags say.
pub(super) fn discard<K: Kernel>(kernel: &mut K, file: &K::File, name: &OsStr) -> Answer<()> {
    match kernel.remove(name) {
        Err(ACCES | PERM) => {
            kernel.set_flags(file, 0)?;
            kernel.take_list(file)?;
            kernel.remove(name)
        }
        answer => answer,
    }
}

fn reopened<K: Kernel>(kernel: &mut K, file: &K::File, name: &OsStr) -> Answer<K::File> {
    if !kernel.is_at(name, file) {
        return Err(super::errno::NOENT);
    }
    let second = kernel.open_made(name)?;
    if kernel.is_at(name, &second) && kernel.is_at(name, file) {
        return Ok(second);
    }
    Err(super::errno::NOENT)
}

/// Gives a finished file the flags of its source; EPERM if one of them was a lock that only root can set.
pub(super) fn give_flags<K: Kernel>(
    kernel: &mut K,
    file: &K::File,
    source_flags: u32,
) -> Answer<()> {
    let is_superuser = kernel.is_superuser();
    let now = kernel.flags(file)?;
    let wanted = flags::when_finished(now, source_flags, is_superuser);
    if wanted != now {
        kernel.set_flags(file, wanted)?;
    }
    if flags::loses_a_lock(source_flags, is_superuser) { Err(PERM) } else { Ok(()) }
}

/// Renames; the new name must be free. File systems that cannot exclude take a second name and give up the first; those
/// without links (exFAT) take the name with an empty file of our own and rename over that: nobody's file is lost.
pub(super) fn rename_to_free<K: Kernel>(kernel: &mut K, from: &OsStr, to: &OsStr) -> Answer<()> {
    const UNKNOWN_HERE: [Code; 3] = [NOTSUP, OPNOTSUPP, NOSYS];
    match kernel.rename_exclusive(from, to) {
        Err(code) if UNKNOWN_HERE.contains(&code) => {}
        answer => return answer,
    }
    match kernel.link(from, to) {
        Err(code) if UNKNOWN_HERE.contains(&code) => {}
        answer => return answer.and_then(|()| kernel.remove(from)),
    }
    kernel.reserve(to)?;
    kernel.rename_over(from, to).inspect_err(|_| {
        let _ = kernel.remove(to); // best effort: the error on its way is the interesting one
    })
}

/// Whether these are the first bytes of a program or library: mach-o/loader.h and mach-o/fat.h, in both byte orders. The
/// kernel remembers the signature of such a file by its node: written anew in place it is killed when it is started
/// (golang/go#42684), so it has to become another file.
pub(super) fn is_program(first: [u8; 4]) -> bool {
    const MAGICS: [u32; 4] = [0xfeed_face, 0xfeed_facf, 0xcafe_babe, 0xcafe_babf];
    let (big, little) = (u32::from_be_bytes(first), u32::from_le_bytes(first));
    MAGICS.contains(&big) || MAGICS.contains(&little)
}

/// How a request to move bytes around the cache is to be cut, for a write goes around it only from a page on, in whole
/// pages from whole pages on (xnu vfs_cluster.c): the aligned part, and the odd tail.
pub(super) fn cut_for_pages(offset: u64, length: usize) -> usize {
    const PAGE: u64 = 16 << 10;
    if !offset.is_multiple_of(PAGE) {
        return 0;
    }
    length - length % PAGE as usize
}

/// The part of a run of zeros, left out one after the other, that is worth punching: APFS makes a hole of a gap only from
/// some 16 MiB on (coreutils commit 6b49972), and F_PUNCHHOLE wants whole blocks (fcntl(2)).
pub(super) fn punchable(run: &std::ops::Range<u64>) -> Option<std::ops::Range<u64>> {
    const PAYS_FROM_BYTES: u64 = 16 << 20;
    const BLOCK: u64 = 64 << 10;
    let whole = run.start.next_multiple_of(BLOCK)..run.end - run.end % BLOCK;
    (whole.start < whole.end && whole.end - whole.start >= PAYS_FROM_BYTES).then_some(whole)
}

#[cfg(test)]
mod tests;
