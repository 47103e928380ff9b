//! The flags of chflags(2): which of them a copy takes over, and when.

/// Do not dump.
const UF_NODUMP: u32 = 0x1;
/// May not be changed, renamed or removed: its owner can undo it.
pub(super) const UF_IMMUTABLE: u32 = 0x2;
/// May only grow: its owner can undo it.
pub(super) const UF_APPEND: u32 = 0x4;
/// Opaque in a union.
const UF_OPAQUE: u32 = 0x8;
/// The content is compressed: the file system's own business.
#[cfg(test)]
const UF_COMPRESSED: u32 = 0x20;
/// Not shown by the Finder.
pub(super) const UF_HIDDEN: u32 = 0x8000;
/// Was archived. SMB shows the archive bit of DOS so, which no user may set.
const SF_ARCHIVED: u32 = 0x1_0000;
/// As [`UF_IMMUTABLE`], but only root can undo it.
pub(super) const SF_IMMUTABLE: u32 = 0x2_0000;
/// As [`UF_APPEND`], but only root can undo it.
const SF_APPEND: u32 = 0x4_0000;

/// May not be removed or renamed. It is not copied: Apple's own copyfile(3) leaves it out.
const SF_NOUNLINK: u32 = 0x10_0000;

/// Locks that only root can undo.
const ROOT_LOCKS: u32 = SF_IMMUTABLE | SF_APPEND;
/// What an owner may set; everything else is root's or the file system's.
const OF_OWNER: u32 = UF_NODUMP | UF_IMMUTABLE | UF_APPEND | UF_OPAQUE | UF_HIDDEN;
/// What a copy may take over at all.
const COPIED: u32 = OF_OWNER | SF_ARCHIVED | ROOT_LOCKS;

/// Whether a source has flags that a copy takes over.
pub(super) fn has_copied(source: u32) -> bool {
    source & COPIED != 0
}

/// The flags of a copy that is being made: none but what is the file system's own.
pub(super) fn while_made(now: u32) -> u32 {
    now & !(COPIED | SF_NOUNLINK)
}

/// Whether a clone with the flags of this source could be neither renamed nor removed by who made it.
pub(super) fn would_trap(source: u32, is_superuser: bool) -> bool {
    !is_superuser && source & (ROOT_LOCKS | SF_NOUNLINK) != 0
}

/// The flags that a finished copy is to have: those of its source that the caller may set, and what it has that is not
/// copied.
pub(super) fn when_finished(now: u32, source: u32, is_superuser: bool) -> u32 {
    let allowed = if is_superuser { COPIED } else { OF_OWNER };
    while_made(now) | source & allowed
}

/// Whether a copy of the source lacks a lock because its caller is not root.
pub(super) fn loses_a_lock(source: u32, is_superuser: bool) -> bool {
    !is_superuser && source & ROOT_LOCKS != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_being_made_is_not_locked_and_stays_compressed() {
        let made = while_made(UF_IMMUTABLE | SF_APPEND | UF_HIDDEN | UF_COMPRESSED);
        assert_eq!(made, UF_COMPRESSED);
    }

    #[test]
    fn what_only_root_can_unlock_traps_a_user() {
        for lock in [SF_IMMUTABLE, SF_APPEND, SF_NOUNLINK] {
            assert!(would_trap(lock, false) && !would_trap(lock, true));
            assert_eq!(while_made(lock), 0);
        }
        assert!(!would_trap(UF_IMMUTABLE | SF_ARCHIVED, false));
    }

    #[test]
    fn a_user_sets_the_owner_s_flags_and_root_the_others_too() {
        let source = UF_IMMUTABLE | UF_HIDDEN | SF_IMMUTABLE | SF_ARCHIVED;
        assert_eq!(when_finished(0, source, false), UF_IMMUTABLE | UF_HIDDEN);
        assert_eq!(when_finished(0, source, true), source);
    }

    #[test]
    fn what_is_the_file_system_s_own_is_neither_set_nor_cleared() {
        assert_eq!(when_finished(UF_COMPRESSED, 0, true), UF_COMPRESSED);
        assert_eq!(when_finished(0, UF_COMPRESSED, true), 0);
    }

    /// griptape-ai/griptape-nodes-engine#5109: the archive bit of an SMB volume made every copy fail.
    #[test]
    fn an_archive_bit_is_no_loss_and_a_lock_of_root_is() {
        assert!(!loses_a_lock(SF_ARCHIVED, false));
        assert!(loses_a_lock(SF_IMMUTABLE, false));
        assert!(!loses_a_lock(SF_IMMUTABLE, true));
    }
}
