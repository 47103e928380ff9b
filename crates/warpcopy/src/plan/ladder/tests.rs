//! Every plan there can be: which methods it may hold, and which it must not.

use super::*;

const FILE_SYSTEMS: [FileSystem; 8] = [
    FileSystem::Btrfs,
    FileSystem::Xfs,
    FileSystem::Ext4,
    FileSystem::Tmpfs,
    FileSystem::Overlay,
    FileSystem::Pseudo,
    FileSystem::Network,
    FileSystem::Other,
];

/// What there is on Linux.
const LINUX: Ladder = Ladder::of(&[
    Method::Clone,
    Method::CopyRange,
    Method::Sendfile,
    Method::Uncached,
    Method::Direct,
    Method::ReadWrite,
]);

/// One of each kind that a target's file system is asked about.
const TARGETS: [FileSystem; 7] = [
    FileSystem::Btrfs,
    FileSystem::Xfs,
    FileSystem::Ext4,
    FileSystem::Tmpfs,
    FileSystem::Overlay,
    FileSystem::Network,
    FileSystem::Other,
];

/// Around every length at which something changes.
const LENGTHS: [u64; 15] = [
    0,
    1,
    4095,
    4096,
    16383,
    16384,
    65535,
    65536,
    (1 << 20) - 1,
    1 << 20,
    (4 << 20) - 1,
    4 << 20,
    (16 << 20) - 1,
    16 << 20,
    u64::MAX >> 1,
];

fn facts(len_bytes: u64, allocated_bytes: u64) -> Facts {
    Facts { allocated_bytes, ..Facts::sample(len_bytes) }
}

struct Case<'a> {
    options: &'a Options,
    source: Facts,
    source_fs: FileSystem,
    target_fs: FileSystem,
    threads: usize,
    plan: FillPlan,
    methods: Vec<Method>,
}

impl Case<'_> {
    fn has_any(&self, methods: &[Method]) -> bool {
        methods.iter().any(|method| self.methods.contains(method))
    }

    #[track_caller]
    fn holds(&self, is_true: bool, fact: &str) {
        assert!(
            is_true,
            "{fact}: {:?}\n {:?} -> {:?}\n source {:?}\n options {:?}",
            self.plan, self.source_fs, self.target_fs, self.source, self.options
        );
    }
}

fn every_option() -> Vec<Options> {
    let mut all = Vec::new();
    let methods = Method::ALL.into_iter().map(Some).chain([None]);
    for method in methods {
        for reflink in [Reflink::Auto, Reflink::Always, Reflink::Never] {
            for sparse in [Sparse::Auto, Sparse::Always, Sparse::Never] {
                for (uncached, preallocate) in
                    [(false, false), (false, true), (true, false), (true, true)]
                {
                    let options = Options::new().method(method).reflink(reflink).sparse(sparse);
                    all.push(options.uncached(uncached).preallocate(preallocate));
                }
            }
        }
    }
    all
}

fn everywhere(check: impl Fn(&Case<'_>)) {
    let spaces = FILE_SYSTEMS
        .into_iter()
        .flat_map(|source_fs| TARGETS.into_iter().map(move |target_fs| (source_fs, target_fs)));
    let spaces: Vec<_> = spaces.collect();
    for options in &every_option() {
        for &(source_fs, target_fs) in &spaces {
            for len in LENGTHS {
                for allocated in [len / 2, len, len.saturating_add(4096)] {
                    for threads in [1, 3] {
                        let source = facts(len, allocated);
                        let plan =
                            choose(LINUX, options, &source, source_fs, target_fs, threads, false);
                        let methods = plan.ladder.iter().collect();
                        let case =
                            Case { options, source, source_fs, target_fs, threads, plan, methods };
                        check(&case);
                    }
                }
            }
        }
    }
}

#[test]
fn never_sharing_means_no_method_that_might() {
    everywhere(|case| {
        if case.options.reflink == Reflink::Never {
            case.holds(!case.has_any(&[Method::Clone, Method::CopyRange]), "may share");
        }
    });
}

#[test]
fn zeros_are_found_and_written_only_by_methods_that_see_the_bytes() {
    everywhere(|case| {
        if case.options.sparse != Sparse::Auto {
            let blind = [Method::Clone, Method::CopyRange, Method::Sendfile];
            case.holds(!case.has_any(&blind), "blind");
        }
        if case.options.sparse == Sparse::Always {
            let unlooking = [Method::Uncached, Method::Direct];
            case.holds(!case.has_any(&unlooking), "sees the zeros and does not look for them");
        }
    });
}

#[test]
fn a_clone_or_nothing_is_a_clone_or_nothing() {
    everywhere(|case| {
        let must = case.options.reflink == Reflink::Always;
        case.holds(case.plan.must_clone == must, "demanded or not");
        if must {
            case.holds(case.methods.iter().all(|method| *method == Method::Clone), "or else");
        }
    });
}

#[test]
fn every_ladder_ends_in_reading_and_writing() {
    everywhere(|case| {
        if !case.plan.must_clone {
            case.holds(case.methods.last() == Some(&Method::ReadWrite), "no way out");
        }
    });
}

#[test]
fn methods_come_in_order_of_preference_and_once() {
    everywhere(|case| {
        let ranks: Vec<_> = case.methods.iter().map(|method| *method as u32).collect();
        case.holds(ranks.is_sorted_by(|a, b| a < b), "out of order");
    });
}

#[test]
fn the_plain_mode_tries_nothing_else() {
    everywhere(|case| {
        let is_plain = case.options.method == Some(Method::ReadWrite);
        if is_plain && !case.plan.must_clone {
            case.holds(case.methods == [Method::ReadWrite], "tries something");
        }
    });
}

#[test]
fn a_method_asked_for_is_tried_alone() {
    everywhere(|case| {
        if let (Some(method), false) = (case.options.method, case.plan.must_clone) {
            let is_alone = case.methods.iter().all(|one| [method, Method::ReadWrite].contains(one));
            case.holds(is_alone, "in company");
            let is_ruled_out =
                case.options.reflink != Reflink::Auto || case.options.sparse != Sparse::Auto;
            let is_ruled_out = is_ruled_out || !LINUX.contains(method);
            case.holds(is_ruled_out || case.methods.contains(&method), "not at all");
        }
    });
}

#[test]
fn the_cache_is_left_alone_exactly_when_that_was_asked_for() {
    everywhere(|case| {
        if case.options.method.is_none() {
            let caching = [Method::CopyRange, Method::Sendfile];
            let uncaching = [Method::Uncached, Method::Direct];
            let unwanted = if case.options.uncached { caching } else { uncaching };
            case.holds(!case.has_any(&unwanted), "the wrong kind");
        }
    });
}

/// procfs claims no length and sysfs a wrong one; only reading tells.
#[test]
fn a_length_that_says_nothing_is_not_believed() {
    everywhere(|case| {
        let is_empty = case.source.len_bytes == 0;
        let says_nothing =
            case.source_fs == FileSystem::Pseudo || (is_empty && !case.source_fs.is_trusted());
        let believed = (!says_nothing).then_some(case.source.len_bytes);
        case.holds(case.plan.len_bytes == believed, "wrong length");
        if says_nothing {
            case.holds(!case.plan.seeks_holes, "holes of nothing");
            if case.options.method.is_none() && !case.plan.must_clone {
                case.holds(case.methods == [Method::ReadWrite], "not just read");
            }
        }
    });
}

#[test]
fn holes_are_asked_for_only_where_there_may_be_some() {
    everywhere(|case| {
        let is_sparse = case.source.allocated_bytes < case.source.len_bytes;
        if case.plan.seeks_holes {
            case.holds(is_sparse && case.options.sparse != Sparse::Never, "none wanted");
        } else if is_sparse && case.options.sparse != Sparse::Never {
            case.holds(case.source_fs == FileSystem::Pseudo, "not asked for");
        }
        let makes = case.options.sparse == Sparse::Always;
        case.holds(case.plan.makes_holes == makes, "zeros");
    });
}

#[test]
fn blocks_are_reserved_only_where_that_harms_nothing() {
    everywhere(|case| {
        let pays = [FileSystem::Ext4, FileSystem::Overlay].contains(&case.target_fs);
        if let Some(from_bytes) = case.plan.preallocate_from_bytes {
            case.holds(case.options.preallocate || pays, "neither asked for nor of use");
            case.holds(case.target_fs != FileSystem::Btrfs, "Btrfs writes elsewhere anyway");
            case.holds(!case.plan.makes_holes, "the holes would be filled");
            case.holds(from_bytes == PREALLOCATE_FROM_BYTES, "too small to pay");
        } else if case.options.preallocate || pays {
            let is_harmful = case.plan.makes_holes || case.target_fs == FileSystem::Btrfs;
            case.holds(is_harmful, "left out");
        }
    });
}

#[test]
fn short_pieces_go_the_way_that_was_named() {
    everywhere(|case| {
        let is_told = case.options.method.is_some() || case.options.uncached;
        let read_below = if is_told { 0 } else { PIECES_MOVED_FROM_BYTES };
        case.holds(case.plan.read_below_bytes == read_below, "who names a method is to have it");
    });
}

#[test]
fn threads_help_only_where_bytes_can_be_moved_in_any_order_and_that_pays() {
    everywhere(|case| {
        let threads = case.plan.threads;
        case.holds(threads == 1 || threads == case.threads, "neither one nor all");
        if threads > 1 {
            case.holds(case.source.len_bytes >= SPLIT_PAYS_FROM_BYTES, "too small to pay");
            case.holds(!case.plan.makes_holes, "zeros are found from the start on");
            case.holds(!case.options.uncached, "for the cache's sake");
            let ends = [case.source_fs, case.target_fs];
            let is_tmpfs = ends.contains(&FileSystem::Tmpfs);
            let is_between_disks = [FileSystem::Ext4, FileSystem::Xfs, FileSystem::Btrfs]
                .contains(&case.source_fs)
                && [FileSystem::Xfs, FileSystem::Btrfs].contains(&case.target_fs);
            case.holds(is_tmpfs || is_between_disks, "pages are handed on, not read");
            case.holds(ends != [FileSystem::Xfs; 2], "not measured");
            case.holds(!ends.contains(&FileSystem::Network), "over a network");
        }
    });
}

#[test]
fn nobody_is_asked_to_help_with_a_clone() {
    let may = |options: Options, len_bytes, is_one_device, target| {
        may_split(&options, len_bytes, is_one_device, || (FileSystem::Btrfs, target))
    };
    let big = SPLIT_PAYS_FROM_BYTES;
    assert!(!may(Options::new(), big, true, FileSystem::Btrfs));
    assert!(
        may(Options::new(), big, false, FileSystem::Btrfs),
        "another subvolume, or another disk"
    );
    assert!(may(Options::new().reflink(Reflink::Never), big, true, FileSystem::Btrfs));
    assert!(may(Options::new().sparse(Sparse::Never), big, true, FileSystem::Btrfs));
    assert!(may(Options::new(), big, true, FileSystem::Tmpfs));
    assert!(!may(Options::new(), big - 1, false, FileSystem::Tmpfs));
}

#[test]
fn only_clones_of_sparse_files_are_made_one_at_a_time() {
    everywhere(|case| {
        let is_in_turn = clones_in_turn(&case.source, case.target_fs);
        let has_holes = case.source.allocated_bytes < case.source.len_bytes;
        let is_measured = [FileSystem::Btrfs, FileSystem::Xfs].contains(&case.target_fs);
        case.holds(is_in_turn == (has_holes && is_measured), "in turn");
    });
}

fn methods(options: Options, len: u64, target_fs: FileSystem) -> Vec<Method> {
    choose(LINUX, &options, &facts(len, len), FileSystem::Ext4, target_fs, 1, false)
        .ladder
        .iter()
        .collect()
}

#[test]
fn a_large_file_is_offered_to_every_kernel_method() {
    let all = [Method::Clone, Method::CopyRange, Method::Sendfile, Method::ReadWrite];
    for target_fs in FILE_SYSTEMS {
        let sends = [FileSystem::Xfs, FileSystem::Ext4, FileSystem::Tmpfs, FileSystem::Overlay];
        let through_our_pipe = [Method::Clone, Method::Sendfile, Method::ReadWrite];
        let expected = if sends.contains(&target_fs) { &through_our_pipe[..] } else { &all };
        for len in [OFFLOAD_PAYS_FROM_BYTES, 1 << 20] {
            assert_eq!(methods(Options::new(), len, target_fs), expected, "{target_fs:?}, {len}");
        }
    }
    // Two mounts of one XFS share ranges where they do not clone.
    let (xfs, source) = (FileSystem::Xfs, facts(1 << 20, 1 << 20));
    let within: Vec<_> =
        choose(LINUX, &Options::new(), &source, xfs, xfs, 1, false).ladder.iter().collect();
    assert_eq!(within, all);
}

/// At 1 KiB a clone is no faster than reading and writing (conda/conda#16367, ccache/ccache#296); Btrfs pays for
/// small writes later.
#[test]
fn a_small_file_is_just_read() {
    assert_eq!(methods(Options::new(), 1 << 10, FileSystem::Xfs), [Method::ReadWrite]);
    for target_fs in FILE_SYSTEMS {
        let below = clone_pays_from_bytes(target_fs, false) - 1;
        assert_eq!(methods(Options::new(), below, target_fs), [Method::ReadWrite], "{target_fs:?}");
    }
}

/// What is rewritten in place XFS would write out at once; elsewhere nothing changes.
#[test]
fn a_file_rewritten_in_place_is_cloned_on_xfs_whatever_its_length() {
    for target_fs in TARGETS {
        for len in LENGTHS {
            let plan = |is_rewritten| {
                let (options, source) = (Options::new(), facts(len, len));
                choose(LINUX, &options, &source, target_fs, target_fs, 1, is_rewritten)
            };
            let is_xfs = target_fs == FileSystem::Xfs;
            if is_xfs && (1..16384).contains(&len) {
                let ladder = Ladder::of(&[Method::Clone, Method::ReadWrite]);
                assert_eq!(plan(true), FillPlan { ladder, ..plan(false) }, "{len}");
            } else {
                assert_eq!(plan(true), plan(false), "{target_fs:?}, {len}");
            }
        }
    }
}

/// What there is on Windows.
const WINDOWS: Ladder =
    Ladder::of(&[Method::Clone, Method::CopyFile, Method::Uncached, Method::ReadWrite]);

fn on_windows(options: Options, len: u64, spaces: [FileSystem; 2]) -> Vec<Method> {
    choose(WINDOWS, &options, &facts(len, len), spaces[0], spaces[1], 3, false)
        .ladder
        .iter()
        .collect()
}

#[test]
fn on_refs_a_clone_comes_before_the_copy_that_would_make_its_own_target() {
    let (refs, ntfs) = (FileSystem::Refs, FileSystem::Other);
    let cloned = [Method::Clone, Method::ReadWrite];
    for len in [16 << 10, 1 << 20, 1 << 40] {
        assert_eq!(on_windows(Options::new(), len, [refs, refs]), cloned);
    }
    for spaces in [[ntfs, ntfs], [ntfs, refs], [refs, ntfs]] {
        let methods = on_windows(Options::new(), 1 << 20, spaces);
        assert_eq!(methods, [Method::Clone, Method::CopyFile, Method::ReadWrite], "{spaces:?}");
    }
    for spaces in [[ntfs, ntfs], [refs, refs]] {
        assert_eq!(on_windows(Options::new(), 1 << 10, spaces), [Method::ReadWrite]);
    }
}

#[test]
fn on_windows_blocks_are_never_shared_behind_the_callers_back() {
    let options = Options::new().reflink(Reflink::Never);
    for space in [FileSystem::Refs, FileSystem::Other] {
        let methods = on_windows(options.clone(), 1 << 20, [space, space]);
        assert_eq!(methods, [Method::ReadWrite], "CopyFile2 clones by itself");
    }
}

#[test]
fn unbuffered_copies_are_made_on_windows_only_if_asked_for() {
    for len in [1 << 20, 1 << 40] {
        for space in [FileSystem::Refs, FileSystem::Other] {
            let methods = on_windows(Options::new(), len, [space, space]);
            assert!(!methods.contains(&Method::Uncached), "{len}");
            let asked = on_windows(Options::new().uncached(true), len, [space, space]);
            assert!(asked.contains(&Method::Uncached) && !asked.contains(&Method::CopyFile));
        }
    }
}

/// What there is on macOS.
const MACOS: Ladder =
    Ladder::of(&[Method::Clone, Method::CopyFile, Method::Uncached, Method::ReadWrite]);

fn on_macos(options: Options, len: u64, target_fs: FileSystem) -> Vec<Method> {
    choose(MACOS, &options, &facts(len, len), FileSystem::Apfs, target_fs, 3, false)
        .ladder
        .iter()
        .collect()
}

#[test]
fn on_apfs_every_file_with_content_is_cloned_and_a_large_one_goes_around_the_cache_else() {
    use Method::{Clone, CopyFile, ReadWrite, Uncached};
    let apfs = |len| on_macos(Options::new(), len, FileSystem::Apfs);
    assert_eq!(apfs(0), [ReadWrite]);
    assert_eq!(apfs(1), [Clone, ReadWrite]);
    assert_eq!(apfs(64 << 10), [Clone, CopyFile, ReadWrite]);
    assert_eq!(apfs((10 << 20) - 1), [Clone, CopyFile, ReadWrite]);
    assert_eq!(apfs(10 << 20), [Clone, Uncached, ReadWrite]);
    // A volume that shares nothing, or is served by others: the cache is theirs to mind.
    for target_fs in [FileSystem::Other, FileSystem::Network] {
        let methods = on_macos(Options::new(), 10 << 20, target_fs);
        assert_eq!(methods, [Clone, CopyFile, ReadWrite], "{target_fs:?}");
        let asked = on_macos(Options::new().uncached(true), 1 << 20, target_fs);
        assert_eq!(asked, [Clone, Uncached, ReadWrite], "{target_fs:?}");
    }
    let never = Options::new().reflink(Reflink::Never);
    assert_eq!(on_macos(never, 1 << 20, FileSystem::Apfs), [ReadWrite]);
}

#[test]
fn a_clone_is_tried_from_where_it_pays() {
    for target_fs in FILE_SYSTEMS {
        let len = clone_pays_from_bytes(target_fs, false);
        assert!(len < OFFLOAD_PAYS_FROM_BYTES, "sharing pays before moving inside the kernel does");
        let expected = [Method::Clone, Method::ReadWrite];
        assert_eq!(methods(Options::new(), len, target_fs), expected, "{target_fs:?}");
    }
}

#[test]
fn an_uncached_copy_still_clones_first() {
    let expected = [Method::Clone, Method::Uncached, Method::Direct, Method::ReadWrite];
    let options = Options::new().uncached(true);
    assert_eq!(methods(options, 1 << 20, FileSystem::Xfs), expected);
}

#[test]
fn an_empty_file_needs_no_kernel_method() {
    assert_eq!(methods(Options::new(), 0, FileSystem::Btrfs), [Method::ReadWrite]);
}

#[test]
fn methods_are_tried_in_their_order() {
    assert!(Ladder::of(&Method::ALL).iter().eq(Method::ALL));
    assert_eq!(Ladder::of(&[]).first(), None);
}

#[test]
fn taking_a_method_out_leaves_the_others() {
    let ladder = Ladder::of(&Method::ALL).without(Method::Clone.bit() | Method::Direct.bit());
    let left: Vec<_> = ladder.iter().collect();
    let expected = [
        Method::CopyRange,
        Method::Sendfile,
        Method::CopyFile,
        Method::Uncached,
        Method::ReadWrite,
    ];
    assert_eq!(left, expected);
}

#[test]
fn methods_have_names_of_their_own() {
    let names: std::collections::HashSet<_> = Method::ALL.iter().map(|one| one.name()).collect();
    assert_eq!(names.len(), Method::ALL.len());
    assert_eq!(Method::CopyRange.to_string(), "copy_file_range");
}
