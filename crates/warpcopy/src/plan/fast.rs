//! Which files the fast path may take: small ones, new in a directory that the run made, of which nothing is asked but what
//! is asked of every file.

use super::ladder::{OFFLOAD_PAYS_FROM_BYTES, clone_pays_from_bytes};
use super::{Facts, FileSystem};
use crate::options::{Existing, Make, Mode, Options, Publish, Reflink, Sparse, Symlinks, Sync};

/// The length in bytes from which on a new file takes the usual way, from one file system to another; `None` if all do. Shorter
/// ones are read and written at once, as the ladder would have it, too.
pub(crate) fn fast_below_bytes(
    options: &Options,
    source_fs: FileSystem,
    target_fs: FileSystem,
) -> Option<u64> {
    let is_usual = options.make == Make::Contents
        && options.method.is_none()
        && options.reflink != Reflink::Always
        && options.sparse == Sparse::Auto
        && options.publish != Publish::Staged
        && !matches!(options.existing, Existing::Skip | Existing::Older | Existing::AskIfOlder)
        && options.newer_than.is_none()
        && options.sync == Sync::None
        && options.preserve.mode != Mode::Fresh
        // What was met through one may be met again.
        && (options.symlinks == Symlinks::Keep || !options.preserve.links)
        && !options.uncached;
    let may_clone = options.reflink == Reflink::Auto;
    let below = match may_clone {
        true => clone_pays_from_bytes(target_fs, false).min(OFFLOAD_PAYS_FROM_BYTES),
        false => OFFLOAD_PAYS_FROM_BYTES,
    };
    // Empty files alone are not worth a look at all others.
    (is_usual && below > 1 && source_fs.is_trusted() && target_fs.is_trusted()).then_some(below)
}

/// Whether a file can be as it is to be by being created, written, and given owner, mode and times; `owner` is whom new files
/// belong to, and `gives_away` that the caller may change that.
pub(crate) fn is_fast(
    options: &Options,
    source: &Facts,
    owner: (u32, u32),
    gives_away: bool,
) -> bool {
    !source.is_sparse()
        && (source.links == 1 || !options.preserve.links)
        // Who may not set them is told in the usual way.
        && source.mode & 0o7000 == 0
        && (!is_given_away(options, source, owner)
            || (gives_away && options.preserve.mode == Mode::Keep))
}

/// Whether a new file is to become somebody else's.
pub(crate) fn is_given_away(options: &Options, source: &Facts, owner: (u32, u32)) -> bool {
    options.preserve.ownership && (source.owner, source.group) != owner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Preserve, Xattrs};
    use crate::plan::{Ladder, Method, choose};

    const SYSTEMS: [FileSystem; 10] = [
        FileSystem::Btrfs,
        FileSystem::Xfs,
        FileSystem::Ext4,
        FileSystem::Tmpfs,
        FileSystem::Overlay,
        FileSystem::Apfs,
        FileSystem::Refs,
        FileSystem::Pseudo,
        FileSystem::Network,
        FileSystem::Other,
    ];

    fn facts(len_bytes: u64) -> Facts {
        Facts { owner: 7, group: 8, ..Facts::sample(len_bytes) }
    }

    /// Options that differ from what the fast path knows in one point each, or not.
    fn all_options() -> Vec<(Options, bool)> {
        let new = || Options::new().publish(Publish::Auto).symlinks(Symlinks::Keep);
        let fresh = Preserve { mode: Mode::Fresh, ..Preserve::default() };
        vec![
            (new(), true),
            (new().preserve(Preserve::all()), true),
            (new().reflink(Reflink::Never), true),
            (new().preallocate(true), true),
            (Options::new(), false),
            (new().preserve(fresh), false),
            (new().reflink(Reflink::Always), false),
            (new().sparse(Sparse::Always), false),
            (new().sparse(Sparse::Never), false),
            (new().method(Some(Method::ReadWrite)), false),
            (new().make(Make::AttributesOnly), false),
            (new().make(Make::HardLinks), false),
            (new().symlinks(Symlinks::Follow), true),
            (new().preserve(Preserve::all()).symlinks(Symlinks::Follow), false),
            (new().preserve(Preserve::all()).symlinks(Symlinks::FollowOperands), false),
            (new().existing(Existing::Skip), false),
            (new().existing(Existing::Older), false),
            (new().newer_than(Some(std::time::UNIX_EPOCH)), false),
            (new().sync(Sync::Data), false),
            (new().uncached(true), false),
        ]
    }

    #[test]
    fn what_it_takes_is_what_would_be_read_and_written_anyway() {
        let every = Ladder::of(&Method::ALL);
        let mut taken = 0;
        for (options, is_usual) in all_options() {
            for (source, target) in
                SYSTEMS.iter().flat_map(|one| SYSTEMS.map(|other| (*one, other)))
            {
                let below = fast_below_bytes(&options, source, target);
                let may_clone = target == FileSystem::Btrfs && options.reflink == Reflink::Auto;
                let are_trusted = source.is_trusted() && target.is_trusted();
                assert_eq!(below.is_some(), is_usual && are_trusted && !may_clone);
                let below = below.unwrap_or(0);
                for len in [0, 1, 4096, 16_383, 16_384, 65_535, 65_536]
                    .into_iter()
                    .filter(|len| *len < below)
                {
                    let plan = choose(every, &options, &facts(len), source, target, 8, false);
                    assert_eq!(
                        plan.ladder,
                        Ladder::of(&[Method::ReadWrite]),
                        "{len} {source:?} {target:?}"
                    );
                    assert!(!plan.seeks_holes && !plan.makes_holes && plan.threads == 1);
                    assert!(plan.preallocate_from_bytes.is_none_or(|from| from > len));
                    assert_eq!(plan.len_bytes, Some(len));
                    taken += 1;
                }
            }
        }
        assert!(taken > 100, "{taken}");
    }

    #[test]
    fn each_thing_out_of_the_usual_keeps_a_file_from_it() {
        let (all, bare) = (Options::new().preserve(Preserve::all()), Options::new());
        let owner = (7, 8);
        assert!(is_fast(&all, &facts(1), owner, false));
        let sparse = Facts { allocated_bytes: 0, ..facts(1) };
        let linked = Facts { links: 2, ..facts(1) };
        let set_id = Facts { mode: 0o2755, ..facts(1) };
        for other in [sparse, linked, set_id] {
            assert!(!is_fast(&all, &other, owner, true), "{other:?}");
        }
        for other in [(0, 8), (7, 0)] {
            assert!(!is_fast(&all, &facts(1), other, false));
            assert!(is_fast(&all, &facts(1), other, true));
            // Its mode is made narrow first, and a masked one is not known.
            let masked = Preserve { mode: Mode::Masked, ..Preserve::all() };
            assert!(!is_fast(&Options::new().preserve(masked), &facts(1), other, true));
        }
        // Whom it belonged to, and its other names, do not matter where they are not kept.
        let bare = bare.preserve(Preserve {
            ownership: false,
            links: false,
            xattrs: Xattrs::Drop,
            ..Preserve::default()
        });
        assert!(is_fast(&bare, &linked, (0, 0), false));
        assert!(!is_fast(&bare, &set_id, (0, 0), false) && !is_fast(&bare, &sparse, (0, 0), false));
    }
}
