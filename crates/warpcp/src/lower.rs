//! From what was typed to what the library understands. Pure: the last of several options holds.

use std::ffi::OsString;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use warpcopy::{
    Backup, Existing, Make, Mode, Options, Preserve, Publish, Reflink, Sparse, Symlinks, Unlink,
    Xattrs,
};

use crate::args::Misuse;
use crate::flags::{Flag, Newer};
use crate::messages;
use crate::names;
use crate::quote::quote;
use crate::values::{self, Attribute, Update};

/// Everything the options say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lowered {
    /// For the library.
    pub(crate) options: Options,
    /// For the rules about operands.
    pub(crate) placing: Placing,
    /// For what is printed.
    pub(crate) voice: Voice,
}

/// How operands become pairs of names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Placing {
    pub(crate) target_directory: Option<PathBuf>,
    pub(crate) no_target_directory: bool,
    pub(crate) parents: bool,
    pub(crate) strips_slashes: bool,
    pub(crate) recursive: bool,
    /// Operands that are symbolic links are copied as links.
    pub(crate) keeps_symlinks: bool,
    pub(crate) make: Make,
    pub(crate) backs_up: bool,
    /// The library knows directories that were named before.
    pub(crate) is_strict: bool,
}

/// What is printed while copying.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Voice {
    pub(crate) verbose: bool,
    pub(crate) debug: bool,
    pub(crate) stats: bool,
    /// As GNU words it.
    pub(crate) is_strict: bool,
    /// Lines come in the order of the tree.
    pub(crate) is_ordered: bool,
    /// The kernel was not to move bytes by itself.
    pub(crate) avoids_offload: bool,
    /// Runs of zeros become holes.
    pub(crate) finds_zeros: bool,
    /// There was a security context to set, and there are none here.
    pub(crate) ignores_context: bool,
    /// `-a` takes what attributes it can get and does not complain.
    pub(crate) hushes_xattrs: bool,
    /// A target that is not writable gets replaced after all; a question says so.
    pub(crate) replaces_unwritable: bool,
    /// What the library makes; messages differ.
    pub(crate) make: Make,
}

/// What the meaning of options depends on besides the command line.
pub(crate) struct Surroundings<'a> {
    /// The program was called `cp`.
    pub(crate) is_strict: bool,
    /// POSIXLY_CORRECT is set.
    pub(crate) is_posix: bool,
    /// VERSION_CONTROL.
    pub(crate) version_control: Option<OsString>,
    /// SIMPLE_BACKUP_SUFFIX.
    pub(crate) backup_suffix: Option<OsString>,
    /// The kernel enforces SELinux labels.
    pub(crate) has_selinux: bool,
    /// Tells when a file was modified.
    pub(crate) modified: &'a dyn Fn(&Path) -> io::Result<SystemTime>,
}

/// Lowers the options.
pub(crate) fn lower(flags: &[Flag], around: &Surroundings<'_>) -> Result<Lowered, Misuse> {
    let mut state = State::new(around);
    for flag in flags {
        state.apply(flag)?;
    }
    state.finish(around)
}

/// The options as far as they are read.
struct State {
    options: Options,
    placing: Placing,
    voice: Voice,
    symlinks: Option<Symlinks>,
    asks: bool,
    update: Update,
    /// `-n` was given and not taken back by a later `-i`.
    is_no_clobber: bool,
    links: bool,
    makes_symlinks: bool,
    attributes_only: bool,
    forces: bool,
    removes: bool,
    /// Some option asked for backups, if only to say of which kind.
    backs_up: bool,
    backup: Option<Backup>,
    suffix: Option<OsString>,
    /// `--preserve=context`: failing to keep it is fatal.
    requires_context: bool,
    context: Option<Option<PathBuf>>,
    newer: Option<Newer>,
    jobs: Option<NonZeroUsize>,
}

impl State {
    fn new(around: &Surroundings<'_>) -> State {
        State {
            options: Options::new()
                .publish(if around.is_strict { Publish::InPlace } else { Publish::Auto })
                .through_dangling(around.is_posix)
                .into_itself(around.is_strict)
                .preserve(Preserve::nothing())
                .make_parents(false),
            placing: Placing::default(),
            voice: Voice { is_strict: around.is_strict, ..Voice::default() },
            symlinks: None,
            asks: false,
            update: Update::All,
            is_no_clobber: false,
            links: false,
            makes_symlinks: false,
            attributes_only: false,
            forces: false,
            removes: false,
            backs_up: false,
            backup: None,
            suffix: None,
            requires_context: false,
            context: None,
            newer: None,
            jobs: None,
        }
    }

    fn apply(&mut self, flag: &Flag) -> Result<(), Misuse> {
        match flag {
            Flag::Archive => {
                self.keep_links();
                self.placing.recursive = true;
                self.preserve(&[Attribute::All]);
                self.voice.hushes_xattrs = true;
            }
            Flag::AttributesOnly => self.attributes_only = true,
            Flag::Atomic(publish) => self.options.publish = *publish,
            Flag::Backup(which) => {
                self.backs_up = true;
                self.backup = which.or(self.backup);
            }
            Flag::Context(context) => self.context = Some(context.clone()),
            Flag::CopyContents => self.options.copy_contents = true,
            Flag::Debug => self.voice.debug = true,
            Flag::Force => self.forces = true,
            // They were answered before.
            Flag::Help | Flag::Version => {}
            Flag::Interactive => self.ask(),
            Flag::Jobs(count) => self.jobs = Some(*count),
            Flag::KeepDirectorySymlink => self.options.keep_directory_symlinks = true,
            Flag::KeepLinks => self.keep_links(),
            Flag::Link => self.links = true,
            Flag::Method(method) => self.options.method = *method,
            Flag::Newer(newer) => self.newer = Some(newer.clone()),
            Flag::NoClobber => {
                self.asks = false;
                self.is_no_clobber = true;
            }
            Flag::NoPreserve(list) => self.no_preserve(list),
            Flag::NoTargetDirectory => self.placing.no_target_directory = true,
            Flag::OneFileSystem => self.options.one_file_system = true,
            Flag::Parents => self.placing.parents = true,
            Flag::Preallocate => self.options.preallocate = true,
            Flag::Preserve(list) => self.preserve(list),
            Flag::Recursive => self.placing.recursive = true,
            Flag::Reflink(reflink) => self.options.reflink = *reflink,
            Flag::RemoveDestination => self.removes = true,
            Flag::Snapshot => self.options.snapshot = true,
            Flag::Sparse(sparse) => self.options.sparse = *sparse,
            Flag::Stats => self.voice.stats = true,
            Flag::StripTrailingSlashes => self.placing.strips_slashes = true,
            Flag::Suffix(suffix) => {
                self.backs_up = true;
                self.suffix = Some(suffix.clone());
            }
            Flag::SymbolicLink => self.makes_symlinks = true,
            Flag::Symlinks(symlinks) => self.symlinks = Some(*symlinks),
            Flag::Sync(sync) => self.options.sync = *sync,
            Flag::TargetDirectory(directory) => {
                if self.placing.target_directory.replace(directory.clone()).is_some() {
                    return Err(Misuse::of_place("multiple target directories specified"));
                }
            }
            Flag::Uncached => self.options.uncached = true,
            Flag::Update(update) => self.update = *update,
            Flag::Verbose => self.voice.verbose = true,
        }
        Ok(())
    }

    fn keep_links(&mut self) {
        self.symlinks = Some(Symlinks::Keep);
        self.options.preserve.links = true;
    }

    fn ask(&mut self) {
        self.asks = true;
        self.is_no_clobber = false;
    }

    fn preserve(&mut self, list: &[Attribute]) {
        let preserve = &mut self.options.preserve;
        for attribute in list {
            match attribute {
                Attribute::Mode => preserve.mode = Mode::Keep,
                Attribute::Ownership => preserve.ownership = true,
                Attribute::Timestamps => preserve.timestamps = true,
                Attribute::Links => preserve.links = true,
                Attribute::Xattr => preserve.xattrs = Xattrs::Require,
                Attribute::Context => self.requires_context = true,
                // What was required by name stays required.
                Attribute::All if preserve.xattrs == Xattrs::Require => {
                    *preserve = Preserve { xattrs: Xattrs::Require, ..Preserve::all() };
                }
                Attribute::All => *preserve = Preserve::all(),
            }
        }
    }

    fn no_preserve(&mut self, list: &[Attribute]) {
        let preserve = &mut self.options.preserve;
        for attribute in list {
            match attribute {
                Attribute::Mode => preserve.mode = Mode::Fresh,
                Attribute::Ownership => preserve.ownership = false,
                Attribute::Timestamps => preserve.timestamps = false,
                Attribute::Links => preserve.links = false,
                Attribute::Xattr => preserve.xattrs = Xattrs::Drop,
                Attribute::Context => self.requires_context = false,
                Attribute::All => {
                    *preserve = Preserve { mode: Mode::Fresh, ..Preserve::nothing() };
                    self.requires_context = false;
                }
            }
        }
    }

    fn finish(mut self, around: &Surroundings<'_>) -> Result<Lowered, Misuse> {
        let State { options, .. } = &self;
        if self.links && self.makes_symlinks {
            return Err(Misuse::of_grammar("cannot make both hard and symbolic links"));
        }
        if options.reflink == Reflink::Always && options.sparse != Sparse::Auto {
            return Err(Misuse::of_grammar("--reflink can be used only with --sparse=auto"));
        }
        self.back_up(around)?;
        self.label(around)?;
        let State { options, placing, .. } = &self;
        let newer_than = match &self.newer {
            None => None,
            Some(Newer::Than(moment)) => Some(*moment),
            Some(Newer::ThanFile(path)) => Some((around.modified)(path).map_err(|error| {
                Misuse::of_place(format!(
                    "cannot stat {}: {}",
                    quote(path),
                    messages::words(&error)
                ))
            })?),
        };
        let unlink = self.unlink();
        let make = self.make();
        let mut voice = self.voice;
        voice.verbose |= voice.debug;
        voice.avoids_offload =
            self.options.reflink == Reflink::Never || self.options.sparse != Sparse::Auto;
        voice.finds_zeros = self.options.sparse == Sparse::Always;
        voice.is_ordered = self.asks || (voice.is_strict && voice.verbose);
        voice.replaces_unwritable = unlink != Unlink::Never;
        voice.make = make;
        let keeps_symlinks = self.symlinks() == Symlinks::Keep;
        let backs_up = options.backup != Backup::None;
        let placing = Placing {
            make,
            keeps_symlinks,
            backs_up,
            is_strict: around.is_strict,
            ..placing.clone()
        };
        let options = options
            .clone()
            .existing(self.existing())
            .unlink(unlink)
            .make(make)
            .symlinks(self.symlinks())
            .recursive(placing.recursive)
            .newer_than(newer_than)
            .workers(self.jobs)
            .ordered(voice.is_ordered);
        Ok(Lowered { options, placing, voice })
    }

    /// Finds out which backups are to be made.
    fn back_up(&mut self, around: &Surroundings<'_>) -> Result<(), Misuse> {
        if !self.backs_up {
            return Ok(());
        }
        if self.is_no_clobber || matches!(self.update, Update::None | Update::NoneFail) {
            let text = "--backup is mutually exclusive with -n or --update=none-fail";
            return Err(Misuse::of_grammar(text));
        }
        self.options.backup = match self.backup {
            Some(backup) => backup,
            None => {
                let usual = values::backup("$VERSION_CONTROL", around.version_control.as_deref());
                usual.map_err(Misuse::of_grammar)?.unwrap_or(Backup::Existing)
            }
        };
        // What is no part of a name is passed over.
        let suffix = self.suffix.as_ref().or(around.backup_suffix.as_ref());
        let suffix = suffix.filter(|suffix| names::is_part_of_name(suffix));
        self.options.backup_suffix = suffix.cloned().unwrap_or_else(|| "~".into());
        Ok(())
    }

    /// Refuses what has to do with SELinux labels, which this program does not set.
    fn label(&mut self, around: &Surroundings<'_>) -> Result<(), Misuse> {
        let text = match (&self.context, self.requires_context, around.has_selinux) {
            (Some(_), true, true) => "cannot set target context and preserve it",
            (_, true, false) => {
                "cannot preserve security context without an SELinux-enabled kernel"
            }
            (_, true, true) => {
                "cannot preserve security context: this program is built without SELinux"
            }
            (Some(_), false, true) => {
                "cannot set security context: this program is built without SELinux"
            }
            (Some(context), false, false) => {
                // GNU cp passes over -Z without a word.
                self.voice.ignores_context = context.is_some() || !around.is_strict;
                return Ok(());
            }
            (None, false, _) => return Ok(()),
        };
        Err(Misuse::of_place(text))
    }

    fn existing(&self) -> Existing {
        match (self.update, self.asks) {
            _ if self.is_no_clobber => Existing::Skip,
            (Update::All, false) => Existing::Replace,
            (Update::All, true) => Existing::Ask,
            (Update::None, _) => Existing::Skip,
            (Update::NoneFail, _) => Existing::Fail,
            (Update::Older, false) => Existing::Older,
            (Update::Older, true) => Existing::AskIfOlder,
        }
    }

    fn unlink(&self) -> Unlink {
        match (self.removes, self.forces) {
            (true, _) => Unlink::Always,
            (false, true) => Unlink::IfUnopenable,
            (false, false) => Unlink::Never,
        }
    }

    fn make(&self) -> Make {
        match (self.links, self.makes_symlinks, self.attributes_only) {
            (true, ..) => Make::HardLinks,
            (_, true, _) => Make::Symlinks,
            (.., true) => Make::AttributesOnly,
            _ => Make::Contents,
        }
    }

    /// Without an option, links are kept in trees and followed otherwise; `-l` follows them always.
    fn symlinks(&self) -> Symlinks {
        let default =
            if self.placing.recursive && !self.links { Symlinks::Keep } else { Symlinks::Follow };
        self.symlinks.unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use warpcopy::Method;

    use super::*;
    use crate::getopt::{self, Grammar};

    fn nothing_around() -> Surroundings<'static> {
        Surroundings {
            is_strict: false,
            is_posix: false,
            version_control: None,
            backup_suffix: None,
            has_selinux: false,
            modified: &|_| Ok(SystemTime::UNIX_EPOCH),
        }
    }

    fn lower_in(around: &Surroundings<'_>, line: &str) -> Result<Lowered, Misuse> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let grammar = Grammar { has_own: !around.is_strict, ends_at_operand: false };
        let args = getopt::read(&words, grammar).map_err(Misuse::of_grammar)?;
        lower(&args.flags, around)
    }

    fn try_lower(line: &str) -> Result<Lowered, Misuse> {
        lower_in(&nothing_around(), line)
    }

    fn options(line: &str) -> Options {
        try_lower(line).unwrap().options
    }

    #[test]
    fn plain_cp_keeps_nothing_follows_links_and_makes_no_parents() {
        let expected = Options::new()
            .publish(Publish::Auto)
            .preserve(Preserve::nothing())
            .symlinks(Symlinks::Follow)
            .make_parents(false);
        assert_eq!(options(""), expected);
    }

    #[test]
    fn archive_is_the_sum_of_its_parts() {
        let archive = options("-a");
        assert_eq!(archive, options("-dR --preserve=all"));
        assert_eq!(archive.preserve, Preserve::all());
        assert_eq!(archive.symlinks, Symlinks::Keep);
        assert!(try_lower("-a").unwrap().voice.hushes_xattrs);
        assert!(!try_lower("-dR --preserve=all").unwrap().voice.hushes_xattrs);
    }

    #[test]
    fn what_is_preserved_is_read_in_order() {
        let of = |line| options(line).preserve;
        let usual = Preserve { links: false, xattrs: Xattrs::Drop, ..Preserve::all() };
        assert_eq!(of("-p"), usual);
        assert_eq!(of("--preserve"), usual);
        assert_eq!(of("--preserve=xattr").xattrs, Xattrs::Require);
        assert_eq!(of("--preserve=xattr,all").xattrs, Xattrs::Require);
        assert_eq!(of("--preserve=all").xattrs, Xattrs::Try);
        assert_eq!(of("--no-preserve=mode").mode, Mode::Fresh);
        assert_eq!(of("--no-preserve=mode -p").mode, Mode::Keep);
        assert_eq!(of("-a --no-preserve=mode").mode, Mode::Fresh);
        assert!(!of("-a --no-preserve=ownership").ownership);
        assert_eq!(
            of("-a --no-preserve=all"),
            Preserve { mode: Mode::Fresh, ..Preserve::nothing() }
        );
        assert!(of("-d").links);
    }

    #[test]
    fn the_last_word_about_symbolic_links_holds() {
        let table = [
            ("", Symlinks::Follow),
            ("-r", Symlinks::Keep),
            ("-R -H", Symlinks::FollowOperands),
            ("-L -r", Symlinks::Follow),
            ("-P", Symlinks::Keep),
            ("-P -L", Symlinks::Follow),
            ("-L -d", Symlinks::Keep),
            ("-a -H", Symlinks::FollowOperands),
            ("-H -a", Symlinks::Keep),
            ("-l", Symlinks::Follow),
            ("-rl", Symlinks::Follow),
            ("-rlP", Symlinks::Keep),
            ("-rs", Symlinks::Keep),
        ];
        for (line, symlinks) in table {
            assert_eq!(options(line).symlinks, symlinks, "{line}");
        }
    }

    #[test]
    fn the_last_word_about_existing_targets_holds() {
        let table = [
            ("", Existing::Replace),
            ("-i", Existing::Ask),
            ("-n", Existing::Skip),
            ("-i -n", Existing::Skip),
            ("-n -i", Existing::Ask),
            ("-u", Existing::Older),
            ("-iu", Existing::AskIfOlder),
            ("-ui", Existing::AskIfOlder),
            ("-u -n", Existing::Skip),
            ("-n -u", Existing::Skip),
            ("-n --update=none-fail", Existing::Skip),
            ("-n --update=all -i", Existing::Ask),
            ("-n --update=none -i", Existing::Skip),
            ("--update=none -i", Existing::Skip),
            ("--update=none", Existing::Skip),
            ("--update=none-fail", Existing::Fail),
            ("-u --update=all", Existing::Replace),
            ("-nf", Existing::Skip),
        ];
        for (line, existing) in table {
            assert_eq!(options(line).existing, existing, "{line}");
        }
    }

    #[test]
    fn removing_is_more_than_forcing() {
        assert_eq!(options("").unlink, Unlink::Never);
        assert_eq!(options("-f").unlink, Unlink::IfUnopenable);
        assert_eq!(options("--remove-destination -f").unlink, Unlink::Always);
    }

    #[test]
    fn what_is_made_is_one_thing() {
        assert_eq!(options("-l").make, Make::HardLinks);
        assert_eq!(options("-s").make, Make::Symlinks);
        assert_eq!(options("--attributes-only").make, Make::AttributesOnly);
        let both = try_lower("-ls").unwrap_err();
        assert_eq!(both.text, "cannot make both hard and symbolic links");
    }

    #[test]
    fn a_clone_or_nothing_excludes_work_on_holes() {
        assert_eq!(options("--reflink").reflink, Reflink::Always);
        assert_eq!(options("--reflink --reflink=auto --sparse=never").reflink, Reflink::Auto);
        let error = try_lower("--reflink=always --sparse=always").unwrap_err();
        assert_eq!(error.text, "--reflink can be used only with --sparse=auto");
    }

    #[test]
    fn our_own_options_reach_the_library() {
        assert_eq!(options("--atomic=always").publish, Publish::Staged);
        assert_eq!(options("--atomic=never").publish, Publish::InPlace);
        assert_eq!(options("--method=read_write").method, Some(Method::ReadWrite));
        assert_eq!(options("--method=plain --method=auto").method, None);
        assert_eq!(options("-j3").workers, NonZeroUsize::new(3));
        assert!(options("-j3 -i").ordered && !options("-j3").ordered);
        assert_eq!(options("--sync=full").sync, warpcopy::Sync::Full);
        assert!(options("-a --snapshot").snapshot && !options("-a").snapshot);
        assert!(options("--uncached").uncached && options("--preallocate").preallocate);
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
        assert_eq!(options("--newer=@7").newer_than, Some(moment));
        assert_eq!(options("--newer some").newer_than, Some(SystemTime::UNIX_EPOCH));
    }

    #[test]
    fn two_target_directories_are_one_too_many() {
        let error = try_lower("-t x -t y").unwrap_err();
        assert_eq!(error, Misuse::of_place("multiple target directories specified"));
    }

    #[test]
    fn the_name_cp_means_in_place_and_in_order() {
        let strict = Surroundings { is_strict: true, ..nothing_around() };
        let of = |line: &str| lower_in(&strict, line).unwrap();
        assert_eq!(of("-r").options.publish, Publish::InPlace);
        assert!(of("-rv").options.ordered && of("-i").options.ordered && !of("-r").options.ordered);
        assert!(!try_lower("-rv").unwrap().options.ordered);
    }

    #[test]
    fn the_kind_of_backup_comes_from_options_or_the_environment() {
        let of = |line: &str, variable: Option<&str>| {
            let version_control = variable.map(OsString::from);
            lower_in(&Surroundings { version_control, ..nothing_around() }, line)
                .map(|lowered| lowered.options.backup)
        };
        assert_eq!(of("", Some("numbered")), Ok(Backup::None));
        assert_eq!(of("-b", None), Ok(Backup::Existing));
        assert_eq!(of("-b", Some("")), Ok(Backup::Existing));
        assert_eq!(of("-b", Some("t")), Ok(Backup::Numbered));
        assert_eq!(of("--backup=simple", Some("nonsense")), Ok(Backup::Simple));
        assert_eq!(of("--backup=numbered -b", None), Ok(Backup::Numbered));
        assert_eq!(of("-b --backup=off", None), Ok(Backup::None));
        assert_eq!(of("-S.bak", None), Ok(Backup::Existing));
        assert!(of("-b", Some("x")).unwrap_err().text.contains("for '$VERSION_CONTROL'"));
        for line in ["-bn", "--backup --update=none", "-S. --update=none-fail", "-n --backup=off"] {
            assert!(of(line, None).unwrap_err().text.starts_with("--backup is mutually exclusive"));
        }
        assert!(of("-bu", None).is_ok());
    }

    #[test]
    fn the_suffix_is_a_part_of_a_name() {
        let of = |line: &str, variable: &str| {
            let backup_suffix = Some(variable.into());
            let around = Surroundings { backup_suffix, ..nothing_around() };
            lower_in(&around, line).unwrap().options.backup_suffix
        };
        assert_eq!(options("-b").backup_suffix, "~");
        assert_eq!(of("-b", ".old"), ".old");
        assert_eq!(of("-b", "a/b"), "~");
        assert_eq!(of("-b", ""), "~");
        assert_eq!(of("-S.new", ".old"), ".new");
        assert_eq!(of("-S/x", ".old"), "~");
    }

    #[test]
    fn labels_are_refused_where_there_are_any_and_ignored_elsewhere() {
        let of = |line: &str, has_selinux: bool, is_strict: bool| {
            lower_in(&Surroundings { has_selinux, is_strict, ..nothing_around() }, line)
                .map(|lowered| lowered.voice.ignores_context)
        };
        assert_eq!(of("-Z", false, false), Ok(true));
        assert_eq!(of("-Z", false, true), Ok(false));
        assert_eq!(of("--context=x", false, true), Ok(true));
        assert!(of("-Z", true, true).is_err());
        assert!(of("--preserve=context", true, true).is_err());
        assert!(of("--preserve=context", false, true).is_err());
        assert_eq!(of("--preserve=context --no-preserve=context", false, true), Ok(false));
        assert!(of("-Z --preserve=context", true, true).unwrap_err().text.contains("and preserve"));
    }
}
