//! A scripted kernel: a directory of files with flags, attributes and times, which answers a call as told.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::plan::Code;
use crate::sys::macos::errno::{ACCES, DEADLK, EXIST, INTR, IO, NOENT, NOSPC, PERM, XDEV};
use crate::sys::macos::flags::{SF_IMMUTABLE, UF_APPEND, UF_HIDDEN, UF_IMMUTABLE};

const LOCKS: u32 = UF_IMMUTABLE | UF_APPEND | SF_IMMUTABLE;

/// One file of the directory.
#[derive(Clone, Debug, PartialEq)]
struct Node {
    number: u32,
    flags: u32,
    xattrs: Vec<&'static str>,
    /// Its list denies that it is deleted.
    is_denied: bool,
    /// When it was changed last.
    changed: &'static str,
}

/// What a clone is made of.
fn source() -> Node {
    Node {
        number: 0,
        flags: 0,
        xattrs: vec!["user.a", "com.apple.quarantine"],
        is_denied: false,
        changed: "then",
    }
}

#[derive(Default)]
struct Scripted {
    source: Option<Node>,
    names: BTreeMap<String, Node>,
    made: u32,
    /// Answers to come, for calls by name.
    answers: BTreeMap<&'static str, VecDeque<Code>>,
    calls: Vec<String>,
    is_superuser: bool,
}

impl Scripted {
    fn of(source: Node) -> Scripted {
        Scripted { source: Some(source), ..Scripted::default() }
    }

    fn with(mut self, name: &str, node: Node) -> Scripted {
        self.names.insert(name.to_owned(), node);
        self
    }

    /// The next call of this name answers so.
    fn answering(mut self, call: &'static str, codes: &[Code]) -> Scripted {
        self.answers.entry(call).or_default().extend(codes);
        self
    }

    fn call(&mut self, call: &'static str, words: &str) -> Answer<()> {
        self.calls.push(format!("{call} {words}").trim().to_owned());
        self.answers.get_mut(call).and_then(VecDeque::pop_front).map_or(Ok(()), Err)
    }

    fn node(&mut self, file: &u32) -> &mut Node {
        self.names.values_mut().find(|node| node.number == *file).expect("an open file is there")
    }

    fn named(&self, name: &OsStr) -> Answer<Node> {
        self.names.get(text(name)).cloned().ok_or(NOENT)
    }

    fn moved(&mut self, from: &OsStr, to: &OsStr) -> Answer<()> {
        let node = self.named(from)?;
        // xnu vfs_subr.c: neither may be locked.
        let is_locked = |node: &Node| node.flags & LOCKS != 0;
        if is_locked(&node) || self.names.get(text(to)).is_some_and(is_locked) {
            return Err(PERM);
        }
        if node.is_denied {
            return Err(ACCES);
        }
        self.names.remove(text(from));
        self.names.insert(text(to).to_owned(), node);
        Ok(())
    }

    fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|made| made.starts_with(call)).count()
    }
}

fn text(name: &OsStr) -> &str {
    name.to_str().unwrap()
}

impl Kernel for Scripted {
    type File = u32;
    type List = ();

    fn clone_to(&mut self, name: &OsStr, clone_flags: u32) -> Answer<()> {
        // A taken name is found before anything else is asked (xnu vfs_syscalls.c).
        if self.names.contains_key(text(name)) {
            self.calls.push("clone".to_owned());
            return Err(EXIST);
        }
        self.call("clone", &format!("{clone_flags:#x}"))?;
        self.made += 1;
        let node = Node { number: self.made, ..self.source.clone().unwrap() };
        self.names.insert(text(name).to_owned(), node);
        Ok(())
    }

    fn open_made(&mut self, name: &OsStr) -> Answer<u32> {
        self.call("open", text(name))?;
        Ok(self.named(name)?.number)
    }

    fn flags(&mut self, file: &u32) -> Answer<u32> {
        Ok(self.node(file).flags)
    }

    fn set_flags(&mut self, file: &u32, flags: u32) -> Answer<()> {
        self.call("set_flags", &format!("{flags:#x}"))?;
        self.node(file).flags = flags;
        Ok(())
    }

    fn set_flags_at(&mut self, name: &OsStr, flags: u32) -> Answer<()> {
        self.call("set_flags_at", text(name))?;
        self.names.get_mut(text(name)).ok_or(NOENT)?.flags = flags;
        Ok(())
    }

    fn xattr_names(&mut self, file: &u32) -> Answer<Vec<CString>> {
        Ok(self.node(file).xattrs.iter().map(|name| CString::new(*name).unwrap()).collect())
    }

    fn remove_xattr(&mut self, file: &u32, name: &CStr) -> Answer<()> {
        self.call("remove_xattr", name.to_str().unwrap())?;
        let node = self.node(file);
        if node.flags & LOCKS != 0 {
            return Err(PERM);
        }
        node.changed = "now";
        node.xattrs.retain(|there| *there != name.to_str().unwrap());
        Ok(())
    }

    fn take_list(&mut self, file: &u32) -> Answer<Option<()>> {
        self.call("take_list", "")?;
        let node = self.node(file);
        Ok(std::mem::take(&mut node.is_denied).then_some(()))
    }

    fn give_list(&mut self, file: &u32, (): ()) -> Answer<()> {
        self.call("give_list", "")?;
        self.node(file).is_denied = true;
        Ok(())
    }

    fn stamp_now(&mut self, file: &u32) -> Answer<()> {
        self.call("stamp_now", "")?;
        self.node(file).changed = "now";
        Ok(())
    }

    fn is_at(&mut self, name: &OsStr, file: &u32) -> bool {
        self.named(name).is_ok_and(|node| node.number == *file)
    }

    fn close(&mut self, _file: u32) -> Answer<()> {
        self.call("close", "")
    }

    fn rename_over(&mut self, from: &OsStr, to: &OsStr) -> Answer<()> {
        self.call("rename", text(to))?;
        self.moved(from, to)
    }

    fn rename_exclusive(&mut self, from: &OsStr, to: &OsStr) -> Answer<()> {
        self.call("rename_exclusive", text(to))?;
        match self.named(to) {
            Ok(_) => Err(EXIST),
            Err(_) => self.moved(from, to),
        }
    }

    fn link(&mut self, from: &OsStr, to: &OsStr) -> Answer<()> {
        self.call("link", text(to))?;
        match self.named(to) {
            Ok(_) => Err(EXIST),
            Err(_) => {
                let node = self.named(from)?;
                self.names.insert(text(to).to_owned(), node);
                Ok(())
            }
        }
    }

    fn reserve(&mut self, name: &OsStr) -> Answer<()> {
        self.call("reserve", text(name))?;
        match self.named(name) {
            Ok(_) => Err(EXIST),
            Err(_) => {
                self.names.insert(text(name).to_owned(), Node { number: 99, ..source() });
                Ok(())
            }
        }
    }

    fn remove(&mut self, name: &OsStr) -> Answer<()> {
        self.call("remove", text(name))?;
        match self.named(name) {
            Ok(node) if node.flags & LOCKS != 0 => Err(PERM),
            Ok(node) if node.is_denied => Err(ACCES),
            answer => answer.map(|_| drop(self.names.remove(text(name)))),
        }
    }

    fn is_superuser(&self) -> bool {
        self.is_superuser
    }
}

const ALL: Takes = Takes { list: true, xattrs: true, times: true };
const NOTHING: Takes = Takes { list: false, xattrs: false, times: false };

fn cloned(kernel: &mut Scripted, takes: Takes) -> Answer<Node> {
    let flags = kernel.source.as_ref().map_or(0, |source| source.flags);
    let file = clone(kernel, flags, takes, "t".as_ref())?;
    Ok(kernel.node(&file).clone())
}

#[test]
fn a_clone_never_follows_a_link_at_the_target_s_name_nor_takes_the_owner() {
    for takes in [ALL, NOTHING] {
        let mut kernel = Scripted::of(source());
        cloned(&mut kernel, takes).unwrap();
        let list = if takes.list { CLONE_ACL } else { 0 };
        assert_eq!(kernel.calls[0], format!("clone {:#x}", 0x1 | 0x2 | list));
    }
}

#[test]
fn a_clone_that_keeps_everything_costs_one_call_and_its_opening() {
    let mut kernel = Scripted::of(source());
    let made = cloned(&mut kernel, ALL).unwrap();
    assert_eq!(made, Node { number: 1, ..source() });
    assert_eq!(kernel.calls, ["clone 0x7", "open t"]);
}

/// uutils/coreutils#14052: a clone kept the time of its source.
#[test]
fn times_that_are_not_kept_become_now_and_come_last() {
    let mut kernel = Scripted::of(source());
    assert_eq!(cloned(&mut kernel, NOTHING).unwrap().changed, "now");
    assert_eq!(kernel.calls.last().unwrap(), "stamp_now");
}

#[test]
fn attributes_that_are_not_kept_go_but_for_the_quarantine() {
    let made = cloned(&mut Scripted::of(source()), NOTHING).unwrap();
    assert_eq!(made.xattrs, ["com.apple.quarantine"]);
}

#[test]
fn an_attribute_of_the_system_s_own_stays_and_costs_no_clone() {
    let mut kernel = Scripted::of(source()).answering("remove_xattr", &[PERM]);
    assert_eq!(cloned(&mut kernel, NOTHING).unwrap().xattrs, source().xattrs);
}

#[test]
fn a_kernel_without_lists_is_asked_again_without() {
    let mut kernel = Scripted::of(source()).answering("clone", &[INVAL]);
    cloned(&mut kernel, ALL).unwrap();
    assert_eq!(kernel.calls[..2], ["clone 0x7", "clone 0x3"]);
    // Whoever did not ask for the list hears the answer at once.
    let mut kernel = Scripted::of(source()).answering("clone", &[INVAL]);
    assert_eq!(cloned(&mut kernel, NOTHING), Err(INVAL));
    assert_eq!(kernel.count("clone"), 1);
}

/// ottomatic-io/ocopy#59: a locked source poisons whatever is made of it.
#[test]
fn the_clone_of_a_locked_file_is_unlocked_before_anything_else() {
    for lock in [UF_IMMUTABLE, UF_APPEND] {
        let mut kernel = Scripted::of(Node { flags: lock | UF_HIDDEN, ..source() });
        let made = cloned(&mut kernel, NOTHING).unwrap();
        assert_eq!((made.flags, made.xattrs.len()), (0, 1));
        assert_eq!(kernel.calls[2], "set_flags 0x0");
    }
}

/// As a user it could be neither renamed nor removed.
#[test]
fn a_file_that_root_locked_is_not_cloned_by_a_user() {
    let locked = Node { flags: SF_IMMUTABLE, ..source() };
    let mut kernel = Scripted::of(locked.clone());
    assert_eq!(cloned(&mut kernel, ALL), Err(PERM));
    assert_eq!(kernel.calls, [""; 0]);
    let mut kernel = Scripted { is_superuser: true, ..Scripted::of(locked) };
    assert_eq!(cloned(&mut kernel, ALL).unwrap().flags, 0);
}

/// None of them is a reason to ask in another way: the table says what each means.
#[test]
fn what_a_clone_answers_is_passed_on_and_leaves_nothing() {
    for code in [XDEV, NOTSUP, NOSPC, IO, DEADLK, PERM, INTR] {
        let mut kernel = Scripted::of(source()).answering("clone", &[code]);
        assert_eq!(cloned(&mut kernel, ALL), Err(code));
        assert_eq!((kernel.count("clone"), kernel.names.len()), (1, 0));
    }
}

#[test]
fn a_taken_name_is_said_before_that_the_volume_is_another() {
    let mut kernel = Scripted::of(source()).with("t", source()).answering("clone", &[XDEV]);
    assert_eq!(cloned(&mut kernel, ALL), Err(EXIST));
    assert_eq!(kernel.names["t"], source());
}

#[test]
fn what_cannot_be_put_right_on_a_clone_leaves_nothing_of_it() {
    for call in ["open", "set_flags", "remove_xattr", "stamp_now"] {
        let locked = Node { flags: UF_IMMUTABLE, is_denied: true, ..source() };
        let mut kernel = Scripted::of(locked).answering(call, &[IO]);
        assert_eq!(cloned(&mut kernel, NOTHING), Err(IO), "{call}");
        assert!(kernel.names.is_empty(), "{call}");
    }
}

fn finished(
    kernel: &mut Scripted,
    temporary: Option<&str>,
    replace: bool,
    source_flags: u32,
) -> Result<(), CommitError> {
    let name = temporary.unwrap_or("t");
    let file = kernel.names[name].number;
    finish(kernel, file, (temporary.map(OsStr::new), "t".as_ref()), replace, source_flags)
}

fn made() -> Node {
    Node { number: 7, ..source() }
}

#[test]
fn a_file_is_closed_before_it_takes_its_name() {
    let mut kernel = Scripted::default().with("x", made());
    finished(&mut kernel, Some("x"), false, 0).unwrap();
    assert_eq!(kernel.calls, ["close", "rename_exclusive t"]);
    let mut kernel = Scripted::default().with("x", made()).answering("close", &[IO]);
    let answer = finished(&mut kernel, Some("x"), true, 0);
    assert!(matches!(answer, Err(CommitError::Close(IO))));
    assert_eq!(kernel.calls, ["close"]);
}

#[test]
fn a_lock_is_given_when_the_file_has_its_name() {
    for replace in [false, true] {
        let mut kernel = Scripted::default().with("x", made());
        finished(&mut kernel, Some("x"), replace, UF_IMMUTABLE).unwrap();
        assert_eq!(kernel.names["t"], Node { flags: UF_IMMUTABLE, ..made() });
        assert_eq!(kernel.names.len(), 1);
    }
    let mut kernel = Scripted::default().with("t", made());
    finished(&mut kernel, None, false, UF_APPEND).unwrap();
    assert_eq!(kernel.names["t"].flags, UF_APPEND);
}

#[test]
fn flags_that_are_the_file_system_s_own_cost_no_call() {
    const UF_COMPRESSED: u32 = 0x20;
    let mut kernel = Scripted::default().with("x", made());
    finished(&mut kernel, Some("x"), true, UF_COMPRESSED).unwrap();
    assert_eq!(kernel.calls, ["close", "rename t"]);
}

#[test]
fn a_lock_of_root_is_lost_to_a_user_and_said() {
    let mut kernel = Scripted::default().with("x", made());
    let answer = finished(&mut kernel, Some("x"), true, SF_IMMUTABLE | UF_HIDDEN);
    assert!(matches!(answer, Err(CommitError::Flags(PERM))));
    assert_eq!(kernel.names["t"].flags, UF_HIDDEN);
    let mut kernel = Scripted { is_superuser: true, ..Scripted::default() }.with("x", made());
    finished(&mut kernel, Some("x"), true, SF_IMMUTABLE).unwrap();
    assert_eq!(kernel.names["t"].flags, SF_IMMUTABLE);
}

/// Somebody exchanged the file between its making and its flags.
#[test]
fn another_file_under_the_name_gets_no_flags() {
    let mut kernel = Scripted::default().with("t", made());
    let answer = finish(&mut kernel, 8, (None, "t".as_ref()), false, UF_IMMUTABLE);
    assert!(matches!(answer, Err(CommitError::Flags(NOENT))));
    assert_eq!(kernel.names["t"].flags, 0);
}

#[test]
fn a_locked_target_stays_and_the_reason_is_told() {
    let locked = Node { number: 3, flags: UF_IMMUTABLE, ..source() };
    let mut kernel = Scripted::default().with("x", made()).with("t", locked.clone());
    let answer = finished(&mut kernel, Some("x"), true, 0);
    assert!(matches!(answer, Err(CommitError::Name(PERM))));
    assert_eq!(kernel.names["t"], locked);
}

#[test]
fn a_file_whose_list_denies_its_deletion_gets_its_name_and_keeps_the_list() {
    for replace in [false, true] {
        let denied = Node { is_denied: true, ..made() };
        let mut kernel = Scripted::default().with("x", denied.clone());
        finished(&mut kernel, Some("x"), replace, UF_IMMUTABLE).unwrap();
        let expected = Node { flags: UF_IMMUTABLE, ..denied };
        assert_eq!(kernel.names, BTreeMap::from([("t".to_owned(), expected)]));
    }
}

#[test]
fn a_directory_that_takes_no_name_is_the_reason_told() {
    for code in [ACCES, PERM] {
        let mut kernel = Scripted::default().with("x", made()).answering("rename", &[code]);
        let answer = finished(&mut kernel, Some("x"), true, 0);
        assert!(matches!(answer, Err(CommitError::Name(told)) if told == code));
        assert_eq!(kernel.count("rename"), 1);
    }
}

#[test]
fn what_was_not_finished_is_removed_whatever_it_says() {
    for (flags, is_denied) in [(0, false), (UF_IMMUTABLE, false), (0, true), (UF_APPEND, true)] {
        let mut kernel = Scripted::default().with("x", Node { flags, is_denied, ..made() });
        discard(&mut kernel, &7, "x".as_ref()).unwrap();
        assert!(kernel.names.is_empty());
    }
}

#[test]
fn a_name_taken_meanwhile_is_not_taken_away() {
    let other = Node { number: 3, ..source() };
    for answers in [&[][..], &[NOTSUP], &[OPNOTSUPP], &[NOSYS]] {
        let mut kernel = Scripted::default()
            .with("x", made())
            .with("t", other.clone())
            .answering("rename_exclusive", answers);
        let answer = finished(&mut kernel, Some("x"), false, 0);
        assert!(matches!(answer, Err(CommitError::Name(EXIST))), "{answer:?}");
        assert_eq!(kernel.names["t"], other);
    }
}

#[test]
fn where_a_rename_cannot_exclude_a_link_does() {
    let mut kernel = Scripted::default().with("x", made()).answering("rename_exclusive", &[NOTSUP]);
    rename_to_free(&mut kernel, "x".as_ref(), "t".as_ref()).unwrap();
    assert_eq!(kernel.names, BTreeMap::from([("t".to_owned(), made())]));
    assert_eq!(kernel.calls, ["rename_exclusive t", "link t", "remove x"]);
}

#[test]
fn where_there_are_no_links_either_an_own_file_keeps_the_name_free() {
    let without = || {
        Scripted::default()
            .with("x", made())
            .answering("rename_exclusive", &[NOTSUP])
            .answering("link", &[NOTSUP])
    };
    let mut kernel = without();
    rename_to_free(&mut kernel, "x".as_ref(), "t".as_ref()).unwrap();
    assert_eq!(kernel.names, BTreeMap::from([("t".to_owned(), made())]));
    let mut kernel = without().with("t", source());
    assert_eq!(rename_to_free(&mut kernel, "x".as_ref(), "t".as_ref()), Err(EXIST));
    assert_eq!(kernel.names["t"], source());
    let mut kernel = without().answering("rename", &[IO]);
    assert_eq!(rename_to_free(&mut kernel, "x".as_ref(), "t".as_ref()), Err(IO));
    assert_eq!(kernel.names.keys().collect::<Vec<_>>(), ["x"]);
}

/// Any other answer is one: a renaming that failed is not tried in another way.
#[test]
fn a_rename_that_failed_is_not_tried_as_a_link() {
    for code in [IO, NOSPC, PERM, XDEV] {
        let mut kernel =
            Scripted::default().with("x", made()).answering("rename_exclusive", &[code]);
        assert_eq!(rename_to_free(&mut kernel, "x".as_ref(), "t".as_ref()), Err(code));
        assert_eq!(kernel.calls.len(), 1);
    }
}

#[test]
fn a_whole_directory_is_one_call_and_its_answer() {
    let mut kernel = Scripted::of(source());
    assert_eq!(clone_tree(&mut kernel, "t".as_ref()), Ok(()));
    assert_eq!(kernel.calls, ["clone 0x5"]);
    for code in [XDEV, NOTSUP, EXIST, IO] {
        let mut kernel = Scripted::of(source()).answering("clone", &[code]);
        assert_eq!(clone_tree(&mut kernel, "t".as_ref()), Err(NoSnapshot::Code(code)));
    }
}

#[test]
fn programs_and_libraries_are_known_by_their_first_bytes() {
    let programs = [
        [0xcf, 0xfa, 0xed, 0xfe],
        [0xce, 0xfa, 0xed, 0xfe],
        [0xca, 0xfe, 0xba, 0xbe],
        [0xca, 0xfe, 0xba, 0xbf],
        [0xfe, 0xed, 0xfa, 0xcf],
    ];
    assert!(programs.into_iter().all(is_program));
    assert!(![*b"\x7fELF", *b"#!/b", [0; 4], *b"MZ\x90\0"].into_iter().any(is_program));
}

#[test]
fn what_goes_around_the_cache_ends_with_whole_pages_and_the_odd_tail_comes_after() {
    const PAGE: usize = 16 << 10;
    for (length, whole) in
        [(0, 0), (1, 0), (PAGE - 1, 0), (PAGE, PAGE), (PAGE + 1, PAGE), (5 * PAGE + 7, 5 * PAGE)]
    {
        assert_eq!(cut_for_pages(0, length), whole);
        assert_eq!(cut_for_pages(1 << 20, length), whole);
        assert_eq!(cut_for_pages(1, length), 0);
    }
}

#[test]
fn only_long_runs_of_zeros_are_punched_and_only_whole_blocks_of_them() {
    const M: u64 = 1 << 20;
    assert_eq!(punchable(&(0..16 * M)), Some(0..16 * M));
    assert_eq!(punchable(&(0..16 * M - 1)), None);
    assert_eq!(punchable(&(1..17 * M + 5)), Some(64 << 10..17 * M));
    assert_eq!(punchable(&(5..5)), None);
    assert_eq!(punchable(&(1..2)), None);
}
