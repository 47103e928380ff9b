//! Sharing a file's blocks with a target that is open and empty (`FSCTL_DUPLICATE_EXTENTS_TO_FILE`): the order in which
//! things must be done, and what to do where the system says no. Pure; the calls are behind a trait.
//!
//! Microsoft, "Block cloning on ReFS": ranges begin and end at clusters, are shorter than 4 GiB, and lie inside the
//! target's length; both files are on one volume, equally sparse and equally checked (integrity streams).

use std::ops::Range;

use super::at;
use super::rules::{ACCESS_DENIED, INVALID_DATA, INVALID_PARAMETER, NOT_SUPPORTED};
use super::rules::{ENCRYPTION_FAILED, INVALID_FUNCTION, REQUEST_ABORTED};
use crate::plan::{Code, Fault, Side};
use crate::sys::{Answer, Progress};

/// What one call shares at most: well below 4 GiB, and a multiple of every cluster.
const PIECE_BYTES_MAX: u64 = 2 << 30;

/// The volume that holds a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) serial: u32,
    /// It counts who refers to a block (`FILE_SUPPORTS_BLOCK_REFCOUNTING`). Asking it is right, and inferring it from a
    /// clone that failed is not: kunobi-ninja/kache#508.
    pub(super) shares_blocks: bool,
}

/// How a file's content is checked, and the grain of its volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integrity {
    pub(super) checksum: u16,
    pub(super) flags: u32,
    pub(super) cluster_bytes: u64,
}

/// What is known of the source from its facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) len_bytes: u64,
    pub(super) is_sparse: bool,
    pub(super) is_encrypted: bool,
    /// A driver brings its content when it is read; its blocks are not that.
    pub(super) is_elsewhere: bool,
    /// Builds before 26100 are not trusted: their clones have come out as zeros (nicokoch/reflink#10, pnpm/pnpm#7186).
    pub(super) is_verified: bool,
}

/// The calls.
pub(super) trait Cloning {
    fn volumes(&mut self) -> Answer<(Volume, Volume)>;
    fn integrity(&mut self) -> Answer<Integrity>;
    fn set_integrity(&mut self, like: Integrity) -> Answer<()>;
    fn set_sparse(&mut self, is_sparse: bool) -> Answer<()>;
    fn set_len(&mut self, len_bytes: u64) -> Answer<()>;
    /// Lets the target have the source's blocks of a range.
    fn share(&mut self, range: Range<u64>) -> Answer<()>;
    /// Reads and writes a range.
    fn copy(&mut self, range: Range<u64>) -> Result<(), Fault>;
    /// Whether both hold the same in a range.
    fn is_same(&mut self, range: Range<u64>) -> Result<bool, Fault>;
}

/// Clones a whole file. A refusal leaves the target empty, and as it was.
pub(super) fn clone(
    calls: &mut dyn Cloning,
    source: Source,
    progress: Progress<'_>,
) -> Result<(), Fault> {
    let (from, to) = calls.volumes().map_err(at(Side::Either))?;
    if !from.shares_blocks || !to.shares_blocks || from.serial != to.serial {
        return Err(fault(INVALID_FUNCTION, Side::Either));
    }
    // Its blocks mean nothing without its key.
    if source.is_encrypted {
        return Err(fault(ENCRYPTION_FAILED, Side::Source));
    }
    if source.is_elsewhere {
        return Err(fault(NOT_SUPPORTED, Side::Source));
    }
    let answer = prepared(calls, source, progress);
    if answer.is_err() {
        // Best effort: what is being returned is the interesting error.
        let _ = calls.set_len(0);
        let _ = calls.set_sparse(false);
    }
    answer
}

fn prepared(calls: &mut dyn Cloning, source: Source, progress: Progress<'_>) -> Result<(), Fault> {
    let to_target = at(Side::Target);
    // Before the length: else it is filled with clusters, and clones came out empty (cargo-bins/reflink-copy#36).
    calls.set_sparse(true).map_err(&to_target)?;
    let integrity = calls.integrity().map_err(at(Side::Source))?;
    if integrity.checksum != 0 || integrity.flags != 0 {
        match calls.set_integrity(integrity) {
            // So Dev Drives answer, where it makes no difference: cargo-bins/reflink-copy#27.
            Err(ACCESS_DENIED) => {}
            answer => answer.map_err(&to_target)?,
        }
    }
    calls.set_len(source.len_bytes).map_err(&to_target)?;
    for piece in pieces(source.len_bytes, integrity.cluster_bytes) {
        share(calls, piece, source.len_bytes, integrity.cluster_bytes)?;
        if !progress(0) {
            return Err(fault(REQUEST_ABORTED, Side::Either));
        }
    }
    if source.is_verified {
        verify(calls, source.len_bytes)?;
    }
    if !source.is_sparse {
        calls.set_sparse(false).map_err(&to_target)?;
    }
    Ok(())
}

/// Shares one piece. The last one goes to the end of its cluster, beyond the file's length, as Microsoft's own library
/// has it; where that is refused (MS-FSCC forbids what lies beyond the allocation), its whole clusters are shared and the
/// rest is copied.
fn share(
    calls: &mut dyn Cloning,
    piece: Range<u64>,
    len_bytes: u64,
    cluster_bytes: u64,
) -> Result<(), Fault> {
    match calls.share(piece.clone()) {
        Err(NOT_SUPPORTED | INVALID_PARAMETER) if piece.end > len_bytes => {
            let whole = len_bytes - len_bytes % cluster_bytes;
            if whole > piece.start {
                calls.share(piece.start..whole).map_err(at(Side::Either))?;
            }
            calls.copy(whole..len_bytes)
        }
        answer => answer.map_err(at(Side::Either)),
    }
}

/// Cuts a file into what one call shares.
fn pieces(len_bytes: u64, cluster_bytes: u64) -> impl Iterator<Item = Range<u64>> {
    let cluster_bytes = cluster_bytes.max(1);
    let end = len_bytes.next_multiple_of(cluster_bytes);
    let step = (PIECE_BYTES_MAX - PIECE_BYTES_MAX % cluster_bytes).max(cluster_bytes);
    (0..end.div_ceil(step)).map(move |number| number * step..end.min((number + 1) * step))
}

/// Compares a little at the beginning, in the middle and at the end.
fn verify(calls: &mut dyn Cloning, len_bytes: u64) -> Result<(), Fault> {
    const SAMPLE_BYTES: u64 = 4 << 10;
    let last = len_bytes.saturating_sub(SAMPLE_BYTES);
    for start in [0, last / 2, last] {
        if !calls.is_same(start..len_bytes.min(start + SAMPLE_BYTES))? {
            return Err(fault(INVALID_DATA, Side::Either));
        }
    }
    Ok(())
}

fn fault(code: Code, side: Side) -> Fault {
    Fault { code, side }
}

#[cfg(test)]
mod tests;
