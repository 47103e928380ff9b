//! Every situation there can be, and what must never be decided in any of them.

use std::time::{Duration, SystemTime};

use super::*;
use crate::plan::Time;

const SOURCE: Identity = Identity { device: 1, inode: 1 };
const TARGET: Identity = Identity { device: 1, inode: 2 };
const REFERENT: Identity = Identity { device: 1, inode: 3 };
const ELSEWHERE: Identity = Identity { device: 1, inode: 4 };

const SOURCE_MODIFIED: Time = Time { seconds: 100, nanoseconds: 0 };
/// Before the source's time, the same, and after it.
const TIMES: [Time; 3] = [
    Time { seconds: 99, nanoseconds: 999_999_999 },
    SOURCE_MODIFIED,
    Time { seconds: 100, nanoseconds: 1 },
];

const SOURCE_KINDS: [Kind; 6] =
    [Kind::File, Kind::Symlink, Kind::Fifo, Kind::Socket, Kind::CharDevice, Kind::BlockDevice];
const NODES: [Kind; 4] = [Kind::Fifo, Kind::Socket, Kind::CharDevice, Kind::BlockDevice];

fn facts(kind: Kind, identity: Identity, modified: Time, links: u64) -> Facts {
    Facts { kind, identity, modified, links, ..Facts::sample(10) }
}

/// What may be at a target's name.
#[derive(Clone, Copy, Debug)]
struct There {
    target: Option<Facts>,
    referent: Option<Facts>,
    leads_to: Option<Identity>,
}

impl There {
    fn nothing() -> There {
        There { target: None, referent: None, leads_to: None }
    }

    fn one(kind: Kind) -> There {
        let target = facts(kind, TARGET, TIMES[0], 1);
        There { target: Some(target), ..There::nothing() }
    }

    fn link_to(kind: Kind) -> There {
        let referent = facts(kind, REFERENT, TIMES[0], 1);
        There { referent: Some(referent), ..There::one(Kind::Symlink) }
    }
}

/// Everything that a source of this kind can meet.
fn whatever_is_there(source: Kind) -> Vec<There> {
    let mut all = vec![There::nothing()];
    let same_or_not = |own: Identity| [own, SOURCE];
    for modified in TIMES {
        for kind in [Kind::File, Kind::Directory].into_iter().chain(NODES) {
            for identity in same_or_not(TARGET) {
                for links in [1, 2] {
                    if identity == TARGET || kind == source {
                        let target = facts(kind, identity, modified, links);
                        all.push(There { target: Some(target), ..There::nothing() });
                    }
                }
            }
        }
        for identity in same_or_not(TARGET) {
            if identity == SOURCE && source != Kind::Symlink {
                continue;
            }
            // The link's own time is one that would decide differently.
            let link = Some(facts(Kind::Symlink, identity, TIMES[1], 1));
            all.push(There { target: link, ..There::nothing() });
            for kind in [Kind::File, Kind::Directory].into_iter().chain(NODES) {
                for leads in same_or_not(REFERENT) {
                    if leads == REFERENT || kind == source {
                        let referent = Some(facts(kind, leads, modified, 1));
                        all.push(There { target: link, referent, leads_to: None });
                    }
                }
            }
        }
    }
    if source == Kind::Symlink {
        let led = |leads_to| all.iter().map(move |there| There { leads_to, ..*there });
        let target = all
            .iter()
            .map(|there| There { leads_to: there.target.map(|target| target.identity), ..*there });
        return led(None).chain(led(Some(ELSEWHERE))).chain(target).collect();
    }
    all
}

fn every_option() -> Vec<Options> {
    let mut all = Vec::new();
    for existing in [
        Existing::Replace,
        Existing::Fail,
        Existing::Skip,
        Existing::Older,
        Existing::Ask,
        Existing::AskIfOlder,
    ] {
        for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
            for unlink in [Unlink::Never, Unlink::IfUnopenable, Unlink::Always] {
                for make in [Make::Contents, Make::AttributesOnly, Make::HardLinks, Make::Symlinks]
                {
                    for (recursive, copy_contents) in [(false, false), (true, false), (true, true)]
                    {
                        for backup in [Backup::None, Backup::Existing] {
                            let options = Options::new().existing(existing).publish(publish);
                            let options = options.unlink(unlink).make(make).backup(backup);
                            all.push(options.recursive(recursive).copy_contents(copy_contents));
                        }
                    }
                }
            }
        }
    }
    all
}

/// One point of the whole space, with what was decided there.
struct Case<'a> {
    options: &'a Options,
    source: Facts,
    there: There,
    is_same_name: bool,
    is_operand: bool,
    is_just_created: bool,
    decision: Decision,
}

impl Case<'_> {
    fn way(&self) -> Option<Way> {
        match self.decision {
            Decision::Go(way) | Decision::Ask(way) => Some(way),
            _ => None,
        }
    }

    /// How the name is taken, if it is taken without keeping what is there.
    fn staging(&self) -> Option<Staging> {
        match self.way()? {
            Way::Take(staging) => Some(staging),
            Way::BackUp | Way::ToBackup => None,
        }
    }

    fn backs_up(&self) -> bool {
        self.options.backup != Backup::None
    }

    /// The name of the source itself, or of a link of it.
    fn is_itself(&self) -> bool {
        self.there.target.is_some_and(|target| target.identity == SOURCE)
    }

    fn in_place(&self) -> Option<InPlace> {
        match self.staging() {
            Some(Staging::InPlace(reason)) => Some(reason),
            _ => None,
        }
    }

    /// Whether the name's present holder goes away.
    fn replaces(&self) -> bool {
        matches!(self.staging(), Some(Staging::Staged { replace: true, .. }))
    }

    fn target_kind(&self) -> Option<Kind> {
        self.there.target.map(|target| target.kind)
    }

    fn makes_links(&self) -> bool {
        matches!(self.options.make, Make::HardLinks | Make::Symlinks)
    }

    /// Whether bytes are copied: a regular file, or a stream that is read.
    fn moves_bytes(&self) -> bool {
        let is_stream_read = !self.options.recursive || self.options.copy_contents;
        match self.source.kind {
            Kind::File => true,
            Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice => is_stream_read,
            Kind::Symlink | Kind::Directory => false,
        }
    }

    /// Whether the source is no regular file, and no symbolic link was followed to it.
    fn is_node_itself(&self) -> bool {
        let follows = match self.options.symlinks {
            Symlinks::Follow => true,
            Symlinks::FollowOperands => self.is_operand,
            Symlinks::Keep => false,
        };
        match self.source.kind {
            Kind::File => false,
            kind => kind == Kind::Symlink || !follows,
        }
    }

    #[track_caller]
    fn holds(&self, is_true: bool, fact: &str) {
        assert!(
            is_true,
            "{fact}: {:?}\n source {:?}\n there {:?}\n same name {} operand {} just created {}\n \
             options {:?}",
            self.decision,
            self.source,
            self.there,
            self.is_same_name,
            self.is_operand,
            self.is_just_created,
            self.options
        );
    }
}

/// Looks at every case there is.
fn everywhere(check: impl Fn(&Case<'_>)) {
    let options = every_option();
    let mut cases = 0_u64;
    for kind in SOURCE_KINDS {
        let source = facts(kind, SOURCE, SOURCE_MODIFIED, 1);
        for there in whatever_is_there(kind) {
            let can_be_same = there.target.is_some_and(|target| target.identity == SOURCE);
            let bits = |from: u32, bit: u32| from >> bit & 1 == 1;
            for flags in 0..8 {
                let (is_operand, is_just_created) = (bits(flags, 0), bits(flags, 1));
                let is_same_name = bits(flags, 2);
                if is_same_name && !can_be_same {
                    continue;
                }
                let situation = Situation {
                    is_same_name,
                    is_same_spelling: is_same_name,
                    is_operand,
                    is_just_created,
                    ..situation(&source, &there)
                };
                for options in &options {
                    let decision = decide(options, &situation);
                    cases += 1;
                    check(&Case {
                        options,
                        source,
                        there,
                        is_same_name,
                        is_operand,
                        is_just_created,
                        decision,
                    });
                }
            }
        }
    }
    assert!(cases > 1_000_000, "the space shrank to {cases} cases");
}

#[test]
fn the_source_is_never_written_and_loses_no_name_that_nothing_else_keeps() {
    everywhere(|case| {
        let leads_there = case.there.referent.is_some_and(|referent| referent.identity == SOURCE);
        if case.is_itself() || leads_there {
            case.holds(case.in_place().is_none(), "the source was written");
        }
        if case.is_itself() && case.is_same_name {
            let goes = case.way().is_some_and(|way| way != Way::ToBackup);
            case.holds(!goes, "the source's own name was taken");
        }
        if case.is_itself() && case.staging().is_some() {
            let has_other = case.there.target.is_some_and(|target| target.links > 1)
                || case.target_kind() == Some(Kind::Symlink);
            let is_asked = case.options.unlink == Unlink::Always;
            case.holds(is_asked && has_other, "the name of the source itself was touched");
        }
        if leads_there && !case.makes_links() && !case.is_itself() {
            let may_go = case.options.unlink == Unlink::Always || case.backs_up();
            let is_link_copied = case.source.kind == Kind::Symlink;
            case.holds(
                case.way().is_none() || may_go || is_link_copied,
                "a link to the source was touched",
            );
        }
    });
}

#[test]
fn what_a_copied_link_leads_to_is_not_replaced_by_the_link() {
    everywhere(|case| {
        let target = case.there.target.map(|target| target.identity);
        let is_other_link = case.target_kind() == Some(Kind::Symlink);
        let leads_there = target.is_some() && case.there.leads_to == target;
        if !case.makes_links() && leads_there && !is_other_link {
            case.holds(case.staging().is_none(), "the link would lead to itself");
        }
    });
}

#[test]
fn what_is_backed_up_is_there_and_is_no_directory() {
    everywhere(|case| match case.way() {
        Some(Way::BackUp) => {
            let is_meant = case.target_kind().is_some_and(|kind| kind != Kind::Directory);
            case.holds(is_meant && case.backs_up(), "backed up for nothing");
        }
        Some(Way::ToBackup) => {
            let is_asked = case.options.unlink == Unlink::IfUnopenable && case.backs_up();
            case.holds(is_asked && case.is_same_name && case.is_operand, "its own backup");
        }
        Some(Way::Take(_)) => {
            let is_free = case.there.target.is_none();
            case.holds(is_free || !case.backs_up(), "no backup was made");
        }
        None => {}
    });
}

#[test]
fn a_target_that_is_to_stay_stays() {
    everywhere(|case| {
        let must_stay = matches!(case.options.existing, Existing::Fail | Existing::Skip);
        if must_stay && case.there.target.is_some() {
            case.holds(case.staging().is_none(), "touched");
        }
    });
}

#[test]
fn a_directory_is_never_replaced_or_written_by_something_else() {
    everywhere(|case| {
        if case.target_kind() == Some(Kind::Directory) {
            case.holds(case.staging().is_none(), "touched");
        }
        let leads_to_one = case.there.referent.is_some_and(|there| there.kind == Kind::Directory);
        if leads_to_one {
            case.holds(case.in_place().is_none(), "written through a link");
        }
    });
}

#[test]
fn what_this_run_made_from_another_source_stays() {
    everywhere(|case| {
        if case.is_just_created && case.there.target.is_some() {
            case.holds(case.staging().is_none(), "touched");
        }
    });
}

#[test]
fn a_free_name_is_taken_and_nothing_replaced_under_it() {
    everywhere(|case| {
        if case.there.target.is_none() {
            let is_filled = case.source.kind == Kind::File && case.options.make == Make::Contents;
            let expected = match case.options.publish == Publish::Staged && is_filled {
                true => Staging::Staged { replace: false, keep: false },
                false => Staging::Exclusive,
            };
            case.holds(case.decision == Decision::Go(Way::Take(expected)), "a free name");
        }
    });
}

#[test]
fn staged_is_staged() {
    everywhere(|case| {
        // Attributes alone do not make new content, so there is nothing to stage.
        let is_dressing =
            case.options.make == Make::AttributesOnly && case.target_kind() == Some(Kind::File);
        // A device cannot be staged: bytes go into it.
        let is_sink = case.in_place() == Some(InPlace::NotRegular);
        if case.options.publish == Publish::Staged && !is_dressing && !is_sink {
            case.holds(case.in_place().is_none(), "written in place");
        }
    });
}

#[test]
fn a_file_to_be_unlinked_is_never_written_in_place() {
    everywhere(|case| {
        if case.options.unlink == Unlink::Always && case.options.make == Make::Contents {
            case.holds(case.in_place().is_none(), "written in place");
        }
    });
}

#[test]
fn writing_in_place_has_a_reason_that_is_true() {
    everywhere(|case| {
        let Some(reason) = case.in_place() else { return };
        let target = case.there.target.expect("there is no place without a target");
        let options = case.options;
        case.holds(
            case.moves_bytes() || options.make == Make::AttributesOnly,
            "a node or link was to be written into something",
        );
        match reason {
            InPlace::Asked => {
                let is_asked =
                    options.publish == Publish::InPlace || options.make == Make::AttributesOnly;
                case.holds(is_asked && target.kind == Kind::File, "nobody asked");
            }
            InPlace::HasLinks => {
                case.holds(target.kind == Kind::File && target.links > 1, "it has one link");
            }
            InPlace::ThroughSymlink => {
                let referent = case.there.referent.map(|referent| referent.kind);
                let is_one = target.kind == Kind::Symlink && referent == Some(Kind::File);
                case.holds(is_one, "it is no link to a file");
            }
            InPlace::NotRegular => {
                let written = case.there.referent.unwrap_or(target);
                case.holds(NODES.contains(&written.kind), "it is no device or the like");
            }
            InPlace::CannotStage(_) | InPlace::CannotKeep(_) | InPlace::CannotRename(_) => {
                case.holds(false, "nothing was tried yet");
            }
        }
    });
}

#[test]
fn below_an_operand_no_link_is_followed_unless_writing_in_place_was_asked_for() {
    everywhere(|case| {
        let may_follow = case.is_operand || case.options.publish == Publish::InPlace;
        if case.target_kind() == Some(Kind::Symlink) && !may_follow {
            case.holds(case.in_place().is_none(), "followed");
        }
    });
}

#[test]
fn a_dangling_link_is_not_written_through() {
    everywhere(|case| {
        if case.target_kind() == Some(Kind::Symlink) && case.there.referent.is_none() {
            case.holds(case.in_place().is_none(), "written through");
        }
    });
}

/// `cp file /dev/null` must not leave a regular file called /dev/null; and no tree copy is to wait for whoever might
/// read from a FIFO that lies where a file is to be.
#[test]
fn a_device_or_fifo_that_was_named_gives_way_to_bytes_only_where_that_was_asked_for() {
    everywhere(|case| {
        let is_node = case.target_kind().is_some_and(|kind| NODES.contains(&kind));
        let is_asked = case.options.unlink == Unlink::Always || case.makes_links();
        let is_named = case.is_operand || case.options.publish == Publish::InPlace;
        if is_node && case.moves_bytes() && !is_asked && is_named {
            case.holds(!case.replaces(), "replaced");
        }
        if is_node && !is_named {
            case.holds(case.in_place().is_none(), "written into");
        }
    });
}

#[test]
fn looks_are_kept_only_of_a_file_with_one_link_that_is_replaced() {
    everywhere(|case| {
        if matches!(case.staging(), Some(Staging::Staged { keep: true, .. })) {
            let target = case.there.target.expect("kept looks are a target's");
            case.holds(target.kind == Kind::File && target.links == 1, "of what it was not");
            case.holds(case.options.publish == Publish::Auto, "though a new file was asked for");
            case.holds(case.options.unlink != Unlink::Always, "though it was to be unlinked");
            case.holds(case.replaces() && case.moves_bytes(), "without new content");
        }
    });
}

#[test]
fn links_replace_nothing_unless_unlinking_was_asked_for() {
    everywhere(|case| {
        // Whoever is asked may say yes to a hard link.
        let is_asked =
            matches!(case.decision, Decision::Ask(_)) && case.options.make == Make::HardLinks;
        let makes_room = case.is_node_itself();
        if case.makes_links() && case.options.unlink == Unlink::Never && !is_asked && !makes_room {
            case.holds(!case.replaces(), "replaced");
        }
        if case.makes_links() {
            case.holds(case.in_place().is_none(), "a link cannot be made in place");
        }
    });
}

#[test]
fn a_name_that_is_taken_is_not_expected_to_be_free() {
    everywhere(|case| {
        let is_link_kept_out = case.makes_links() && case.options.unlink == Unlink::Never;
        // As with cp: only what is copied itself, and with its contents, makes room.
        let is_node_kept_out = !case.moves_bytes()
            && (!case.is_node_itself() || case.options.make == Make::AttributesOnly);
        if case.there.target.is_some() && !is_link_kept_out && !is_node_kept_out {
            let needs_free = matches!(
                case.staging(),
                Some(Staging::Exclusive | Staging::Staged { replace: false, .. })
            );
            case.holds(!needs_free, "the creation would fail");
        }
    });
}

#[test]
fn whoever_wants_to_be_asked_is_asked_before_anything_is_touched() {
    everywhere(|case| {
        let wants = matches!(case.options.existing, Existing::Ask | Existing::AskIfOlder);
        let is_asked = matches!(
            case.decision,
            Decision::Ask(_) | Decision::AskThenRefuse(_) | Decision::AskThenSkip(_)
        );
        if case.there.target.is_some() && wants {
            let is_own_backup = case.decision == Decision::Go(Way::ToBackup);
            let is_silent = matches!(case.decision, Decision::Go(_)) && !is_own_backup;
            case.holds(!is_silent, "not asked");
        } else {
            case.holds(!is_asked, "asked for nothing");
        }
    });
}

#[test]
fn an_update_touches_only_what_is_older() {
    everywhere(|case| {
        let is_update = matches!(case.options.existing, Existing::Older | Existing::AskIfOlder);
        let Some(target) = case.there.target else { return };
        // A link is as old as what it leads to, unless it is the link itself that is to go.
        let takes_name = case.makes_links()
            || case.backs_up()
            || case.options.unlink == Unlink::Always
            || case.source.kind != Kind::File;
        let is_link_meant = takes_name && case.options.publish != Publish::Staged;
        let referent = case.there.referent.filter(|_| !is_link_meant);
        let modified = referent.unwrap_or(target).modified;
        if is_update && modified >= SOURCE_MODIFIED {
            case.holds(case.staging().is_none(), "not older, and touched");
        }
    });
}

#[test]
fn a_reason_to_skip_is_the_true_one() {
    everywhere(|case| {
        let (Decision::Skip(outcome) | Decision::AskThenSkip(outcome)) = case.decision else {
            return;
        };
        let existing = case.options.existing;
        let is_true = match outcome {
            Outcome::SkippedExisting => existing == Existing::Skip,
            Outcome::SkippedNotOlder => {
                let ends = [case.there.referent, case.there.target];
                let is_newer = |end: &Facts| end.modified >= SOURCE_MODIFIED;
                matches!(existing, Existing::Older | Existing::AskIfOlder)
                    && ends.iter().flatten().any(is_newer)
            }
            Outcome::SkippedSameLink => {
                let target = case.there.target.map(|target| target.identity);
                let leads_there = case.there.leads_to.is_some() && case.there.leads_to == target;
                let is_link = case.source.kind == Kind::Symlink;
                match case.options.make {
                    Make::HardLinks => target == Some(SOURCE) || leads_there,
                    // Another name of the same symbolic link.
                    _ => is_link && target == Some(SOURCE) && !case.is_same_name,
                }
            }
            _ => false,
        };
        case.holds(is_true, "not the reason");
    });
}

#[test]
fn only_files_are_too_old_to_copy_and_only_when_not_newer() {
    let bounds = [
        (SystemTime::UNIX_EPOCH + Duration::from_nanos(99_999_999_999), false),
        (SystemTime::UNIX_EPOCH + Duration::from_secs(100), true),
        (SystemTime::UNIX_EPOCH + Duration::from_nanos(100_000_000_001), true),
    ];
    for kind in SOURCE_KINDS {
        let source = facts(kind, SOURCE, SOURCE_MODIFIED, 1);
        for there in whatever_is_there(kind) {
            for (bound, is_left_out) in bounds {
                let options = Options::new().newer_than(Some(bound));
                let decision = decide_on(&options, &source, &there, true);
                let is_too_old = decision == Decision::Skip(Outcome::SkippedNotNewer);
                assert_eq!(is_too_old, is_left_out && kind == Kind::File, "{kind:?} {bound:?}");
            }
        }
    }
}

fn decide_on(options: &Options, source: &Facts, there: &There, is_operand: bool) -> Decision {
    decide(options, &Situation { is_operand, ..situation(source, there) })
}

fn situation<'a>(source: &'a Facts, there: &'a There) -> Situation<'a> {
    Situation {
        source,
        source_name: source,
        target: there.target.as_ref(),
        referent: there.referent.as_ref(),
        is_loop: false,
        leads_to: there.leads_to,
        is_same_name: false,
        is_same_spelling: false,
        is_source_the_backup: false,
        is_operand: false,
        is_just_created: false,
    }
}

fn decide_file(options: Options, there: There) -> Decision {
    let source = facts(Kind::File, SOURCE, SOURCE_MODIFIED, 1);
    decide_on(&options, &source, &there, true)
}

const AFRESH: Decision = Decision::Go(Way::Take(Staging::Staged { replace: true, keep: false }));

fn go_in_place(reason: InPlace) -> Decision {
    Decision::Go(Way::Take(Staging::InPlace(reason)))
}

#[test]
fn the_default_makes_a_new_file_of_whatever_file_or_link_was_there() {
    for there in [
        There::one(Kind::File),
        There::one(Kind::Symlink),
        There::link_to(Kind::File),
        There::link_to(Kind::Directory),
    ] {
        assert_eq!(decide_file(Options::new(), there), AFRESH, "{there:?}");
    }
}

/// A hard link of an environment's file is somebody else's file too: joshyorko/rcc#63.
#[test]
fn the_default_never_writes_through_a_hard_link() {
    let target = facts(Kind::File, TARGET, TIMES[0], 2);
    let there = There { target: Some(target), ..There::nothing() };
    assert_eq!(decide_file(Options::new(), there), AFRESH);
}

#[test]
fn a_plain_file_is_replaced_looking_as_before() {
    let auto = Options::new().publish(Publish::Auto);
    let kept = Decision::Go(Way::Take(Staging::Staged { replace: true, keep: true }));
    assert_eq!(decide_file(auto, There::one(Kind::File)), kept);
}

#[test]
fn a_file_with_several_links_is_written_in_place_so_that_all_see_it() {
    let target = facts(Kind::File, TARGET, TIMES[0], 3);
    let there = There { target: Some(target), ..There::nothing() };
    let auto = Options::new().publish(Publish::Auto);
    assert_eq!(decide_file(auto, there), go_in_place(InPlace::HasLinks));
}

/// As cp does with `-a`: names that share an inode among the copies share it with nobody else.
#[test]
fn a_file_with_several_links_is_made_anew_where_links_are_kept() {
    let target = facts(Kind::File, TARGET, TIMES[0], 3);
    let there = There { target: Some(target), ..There::nothing() };
    for publish in [Publish::Auto, Publish::InPlace] {
        let options = Options::new().publish(publish).preserve(crate::Preserve::all());
        assert_eq!(decide_file(options, there), AFRESH);
    }
}

#[test]
fn bytes_go_into_a_device_not_over_it() {
    let expected = go_in_place(InPlace::NotRegular);
    for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
        let options = Options::new().publish(publish);
        assert_eq!(decide_file(options.clone(), There::one(Kind::CharDevice)), expected);
        let always = options.unlink(Unlink::Always);
        assert_eq!(decide_file(always, There::one(Kind::CharDevice)), AFRESH);
    }
    let auto = Options::new().publish(Publish::Auto);
    assert_eq!(decide_file(auto.clone(), There::link_to(Kind::Fifo)), expected);
    let source = facts(Kind::File, SOURCE, SOURCE_MODIFIED, 1);
    assert_eq!(decide_on(&auto, &source, &There::one(Kind::Fifo), false), AFRESH);
}

#[test]
fn an_operand_that_is_a_link_is_written_through_and_one_below_is_replaced() {
    let auto = Options::new().publish(Publish::Auto);
    let source = facts(Kind::File, SOURCE, SOURCE_MODIFIED, 1);
    let there = There::link_to(Kind::File);
    let through = go_in_place(InPlace::ThroughSymlink);
    assert_eq!(decide_on(&auto, &source, &there, true), through);
    assert_eq!(decide_on(&auto, &source, &there, false), AFRESH);
}

#[test]
fn a_dangling_link_is_refused_where_it_would_be_followed() {
    let auto = Options::new().publish(Publish::Auto);
    let refused = Decision::Refuse(Operation::DanglingTarget);
    assert_eq!(decide_file(auto, There::one(Kind::Symlink)), refused);
}

/// Something is there even when it leads nowhere: `std::path::Path::exists` would say no.
#[test]
fn a_dangling_link_counts_as_existing() {
    let fail = Options::new().existing(Existing::Fail);
    let refused = Decision::Refuse(Operation::TargetExists);
    assert_eq!(decide_file(fail, There::one(Kind::Symlink)), refused);
}

#[test]
fn a_hard_link_that_is_there_already_is_left_alone() {
    let options = Options::new().make(Make::HardLinks);
    let target = facts(Kind::File, SOURCE, SOURCE_MODIFIED, 2);
    let there = There { target: Some(target), ..There::nothing() };
    assert_eq!(decide_file(options, there), Decision::Skip(Outcome::SkippedSameLink));
}

#[test]
fn a_link_to_the_source_may_become_a_true_link_of_it() {
    let options = Options::new().make(Make::HardLinks).unlink(Unlink::IfUnopenable);
    let target = facts(Kind::Symlink, TARGET, TIMES[0], 1);
    let referent = facts(Kind::File, SOURCE, SOURCE_MODIFIED, 1);
    let there = There { target: Some(target), referent: Some(referent), leads_to: None };
    assert_eq!(decide_file(options, there), AFRESH);
}

/// Rows of a table: what the source's name is, what the target's, options, and what comes of it. The letters: `f` a
/// file, `h` another hard link of it, `l` a symbolic link to it, `L` a hard link of that link.
#[test]
fn one_file_by_two_names_is_decided_as_by_cp() {
    let file = facts(Kind::File, SOURCE, SOURCE_MODIFIED, 2);
    let link = facts(Kind::Symlink, REFERENT, SOURCE_MODIFIED, 1);
    let plain = || Options::new().publish(Publish::InPlace);
    let removes = || plain().unlink(Unlink::Always);
    let backs = || plain().backup(Backup::Simple);
    let links = || plain().make(Make::HardLinks);
    let refused = Decision::Refuse(Operation::SameFile);
    let back_up = Decision::Go(Way::BackUp);
    let already = Decision::Skip(Outcome::SkippedSameLink);
    let (same, other) = (true, false);
    let table = [
        ("f>f", same, plain(), refused),
        ("f>h", other, plain(), refused),
        ("f>l", other, plain(), refused),
        ("l>f", other, plain(), refused),
        ("f>f", same, plain().unlink(Unlink::IfUnopenable), refused),
        ("f>f", same, removes(), refused),
        ("f>h", other, removes(), AFRESH),
        ("f>l", other, removes(), AFRESH),
        ("l>f", other, removes(), refused),
        ("l>l", other, removes(), AFRESH),
        ("f>f", same, backs(), refused),
        ("f>h", other, backs(), back_up),
        ("f>l", other, backs(), back_up),
        ("l>f", other, backs(), refused),
        ("l>l", other, backs(), back_up),
        ("f>f", same, backs().unlink(Unlink::IfUnopenable), Decision::Go(Way::ToBackup)),
        ("f>h", other, backs().unlink(Unlink::IfUnopenable), back_up),
        ("f>f", same, links(), already),
        ("f>h", other, links(), already),
        ("f>l", other, links().unlink(Unlink::IfUnopenable), AFRESH),
        ("f>f", same, plain().existing(Existing::Skip), Decision::Skip(Outcome::SkippedExisting)),
        ("f>f", same, plain().existing(Existing::Ask), refused),
    ];
    let nothing = There::nothing();
    for (names, is_same_name, options, expected) in table {
        let (from, to) = names.split_once('>').unwrap();
        let source_name = if from == "l" { &link } else { &file };
        let (target, referent) = match to {
            "l" if from == "l" => (facts(Kind::Symlink, ELSEWHERE, TIMES[0], 1), Some(&file)),
            "l" => (link, Some(&file)),
            _ => (file, None),
        };
        let situation = Situation {
            source_name,
            target: Some(&target),
            referent,
            is_same_name,
            is_same_spelling: is_same_name,
            is_operand: true,
            ..situation(&file, &nothing)
        };
        assert_eq!(decide(&options, &situation), expected, "{names} {options:?}");
    }
}

#[test]
fn a_backup_of_the_target_must_not_be_the_source() {
    let source = facts(Kind::File, SOURCE, SOURCE_MODIFIED, 1);
    let there = There::one(Kind::File);
    let situation = Situation { is_source_the_backup: true, ..situation(&source, &there) };
    let of = |backup| decide(&Options::new().backup(backup), &situation);
    assert_eq!(of(Backup::Simple), Decision::Refuse(Operation::BackUpSource));
    assert_eq!(of(Backup::Existing), Decision::Refuse(Operation::BackUpSource));
    assert_eq!(of(Backup::Numbered), Decision::Go(Way::BackUp));
}

#[test]
fn numbered_backups_let_two_sources_meet() {
    let source = facts(Kind::File, SOURCE, SOURCE_MODIFIED, 1);
    let there = There::one(Kind::File);
    let situation = Situation { is_just_created: true, ..situation(&source, &there) };
    let of = |backup| decide(&Options::new().backup(backup), &situation);
    assert_eq!(of(Backup::Simple), Decision::Refuse(Operation::JustCreated));
    assert_eq!(of(Backup::Numbered), Decision::Go(Way::BackUp));
}

#[test]
fn a_question_is_about_what_would_be_done() {
    let ask = Options::new().existing(Existing::Ask).publish(Publish::InPlace);
    let expected = Decision::Ask(Way::Take(Staging::InPlace(InPlace::Asked)));
    assert_eq!(decide_file(ask, There::one(Kind::File)), expected);
}

#[test]
fn what_cannot_be_replaced_is_asked_about_as_by_cp() {
    let ask = Options::new().existing(Existing::Ask);
    let refused = Decision::AskThenRefuse(Operation::TargetIsDirectory);
    assert_eq!(decide_file(ask, There::one(Kind::Directory)), refused);
}

#[test]
fn attributes_alone_leave_the_data_where_it_is() {
    for publish in [Publish::Staged, Publish::Auto, Publish::InPlace] {
        let options = Options::new().make(Make::AttributesOnly).publish(publish);
        let decision = decide_file(options, There::one(Kind::File));
        assert_eq!(decision, go_in_place(InPlace::Asked));
    }
}
