//! Command lines that once did something else than with GNU cp, and their neighbours: run by a shell in one place beside
//! GNU cp and beside ours called `cp`, compared in exit status, words and what is there afterwards.

use std::fs;
use std::process::Command;

use crate::gnu_differences::{ALWAYS, Judge, Version, Who};
use crate::support::Fs;

/// Makes what the lines are about.
const PLACE: &str = "echo A >a; echo BB >b; mkdir d; ln a h; ln -s a l; ln -s nowhere dang; ln -s loop loop; \
    echo q >'b~'; echo 1 >'b.~1~'; mkdir sd; echo in >sd/f; mkdir sd/sub; echo g >sd/sub/g; ln -s d ld; \
    touch -d 2020-01-01 old; chmod 444 old; mkfifo p; ln sd/f sd/f2; touch -hd 2021-01-01 a b l dang b~ sd/f sd/sub/g";

/// Shows what is there: names, kinds, modes, links, texts of links, lengths, contents.
const SHOW: &str = "find . -mindepth 1 ! -type d -printf '%P %y %m %n %l %s\\n' -o -type d -printf '%P %y %m\\n' | sort; \
    find . -type f | sort | while read -r file; do echo \"$file: $(cat \"$file\")\"; done";

/// A line, and the first version of GNU cp that does what we do.
type Line = (Version, &'static str);

const BACKUPS: &[Line] = &[
    (ALWAYS, "cp -vb a b"),
    (ALWAYS, "cp -v --backup=t a b"),
    (ALWAYS, "cp -v --backup=simple a b"),
    (ALWAYS, "cp -v --backup=existing a d"),
    (ALWAYS, "cp -v --backup=numbered a new"),
    (ALWAYS, "cp -vb a b d; cp -vb a b d; cp -vb a b d"),
    (ALWAYS, "cp -fb a a; ls -A"),
    (ALWAYS, "cp -b a a"),
    (ALWAYS, "cp -b ./a a"),
    (ALWAYS, "cp -bf ./a a"),
    (ALWAYS, "cp --backup=t -f a a"),
    (ALWAYS, "cp -b 'b~' b"),
    (ALWAYS, "cp --backup=t 'b~' b"),
    (ALWAYS, "cp --backup=simple 'b~' b"),
    (ALWAYS, "cp -vb a l"),
    (ALWAYS, "cp -vb a h"),
    (ALWAYS, "cp -vb l a"),
    (ALWAYS, "cp -av sd new; cp -aubv sd/. new"),
    (ALWAYS, "cp -abv sd new; cp -abv sd/. new"),
    (ALWAYS, "cp -lbv a b"),
    (ALWAYS, "cp -sbv a b"),
    (ALWAYS, "cp -S .x -v a b"),
    (ALWAYS, "cp -S / -v a b"),
    (ALWAYS, "cp -S '' -v a b"),
    (ALWAYS, "SIMPLE_BACKUP_SUFFIX=.z cp -bv a h"),
    (ALWAYS, "SIMPLE_BACKUP_SUFFIX=a/b cp -bv a l"),
    (ALWAYS, "VERSION_CONTROL=t cp -bv a l"),
    (ALWAYS, "VERSION_CONTROL=zzz cp -bv a l"),
    (ALWAYS, "VERSION_CONTROL=none cp -bv a l"),
    (ALWAYS, "VERSION_CONTROL=none cp --backup -v a l"),
    (ALWAYS, "mkdir x y; echo x>x/1; echo y>y/1; cp --backup=t x/1 y/1 d"),
    (ALWAYS, "mkdir x y; echo x>x/1; echo y>y/1; cp -b x/1 y/1 d"),
    (ALWAYS, "cp -bR sd/. d; cp -bR sd/. d; find d | sort"),
    (ALWAYS, "cp -bvr sd d; cp -bvr sd d"),
    (ALWAYS, "cp -rbS.o sd/. new; cp -rbS.o sd/. new; ls new"),
    ((9, 5), "cp -n --backup a b"),
    ((9, 5), "mkdir t; : >t/sd; cp -b -r sd t"),
    ((9, 5), "mkdir t; : >t/sd; cp -bv -r sd t"),
];

const QUESTIONS: &[Line] = &[
    (ALWAYS, "cp -n a dang"),
    (ALWAYS, "cp -u a dang"),
    (ALWAYS, "cp -i a dang"),
    (ALWAYS, "cp -n a a"),
    (ALWAYS, "cp -u a old"),
    (ALWAYS, "cp -uv a old"),
    (ALWAYS, "cp -uv old a"),
    (ALWAYS, "cp -i a b missing h d"),
    (ALWAYS, "cp -n -u a old"),
    (ALWAYS, "mkdir t; ln -s nowhere t/a; cp -i a t"),
    (ALWAYS, "cp -u a b; cp -u b a"),
    (ALWAYS, "echo y | cp -i a b; cat b"),
    (ALWAYS, "echo Y | cp -vi a b; cat b"),
    (ALWAYS, "echo n | cp -vi a b; cat b"),
    (ALWAYS, "cp -av a a2; cp -auv a a2"),
    (ALWAYS, "cp -n -a d ."),
    ((9, 5), "cp --update=none-fail a dang"),
    ((9, 5), "cp -i a b"),
    ((9, 5), "cp -i a old"),
    ((9, 5), "cp --update=none-fail -b a b"),
    ((9, 5), "cp --no-clobber --update=all a b"),
    ((9, 5), "cp -n --update=none-fail a b"),
    ((9, 5), "cp --update= a y"),
    ((9, 5), "cp -i -l a a"),
    ((9, 5), "cp -i -l a h"),
    ((9, 5), "cp -i -T a d"),
    ((9, 5), "cp -i -l a dang"),
    ((9, 5), "mkdir t; ln -s nowhere t/a; cp -i -l a t"),
    ((9, 5), "cp -ui a old </dev/null"),
    ((9, 5), "touch -d '2030-01-01' b; cp -ui b a </dev/null"),
];

const PARENTS: &[Line] = &[
    (ALWAYS, "cp --parents sd/sub/g d"),
    (ALWAYS, "cp -v --parents sd/sub/g d"),
    (ALWAYS, "cp -v --parents a/g d"),
    (ALWAYS, "cp --parents -r sd/sub d/"),
    (ALWAYS, "cp --par a b"),
    (ALWAYS, "cp --parents x y w"),
    (ALWAYS, "cp --parents a w"),
    (ALWAYS, "mkdir -p s/p t/s; : >s/p/f; chmod 700 s; cp --parents -p s/p/f t; stat -c %a t/s"),
    (ALWAYS, "mkdir -p s/p t/s/p; : >s/p/f; chmod 700 s; cp --parents -p s/p/f t; stat -c %a t/s"),
];

const ONE_FILE: &[Line] = &[
    (ALWAYS, "cp --remove-destination -v a b"),
    (ALWAYS, "cp --rem -v a h"),
    (ALWAYS, "cp --rem -v a l"),
    (ALWAYS, "cp --rem -v l a"),
    (ALWAYS, "cp -d l h"),
    (ALWAYS, "cp -dl l a"),
    (ALWAYS, "cp -f a loop"),
    (ALWAYS, "cp -fT a loop"),
    (ALWAYS, "cp -sf a loop"),
    (ALWAYS, "cp -s a loop"),
    (ALWAYS, "cp -l a loop"),
    (ALWAYS, "cp a loop"),
    (ALWAYS, "cp --rem a loop"),
    (ALWAYS, "cp -lv a new"),
    (ALWAYS, "cp -lv a b"),
    (ALWAYS, "cp -lfv a b"),
    (ALWAYS, "cp -sv a b"),
    (ALWAYS, "cp -sfv a b"),
    (ALWAYS, "cp -rs sd/sub new"),
    (ALWAYS, "cp -rs $PWD/sd new"),
    (ALWAYS, "cp -rl sd new"),
    (ALWAYS, "cp --attributes-only --rem a b"),
    (ALWAYS, "cp -a --rem --attributes-only l b"),
    (ALWAYS, "cp --rem -v sd/f sd/f2"),
    (ALWAYS, "cp -av --rem sd/. sd"),
    (ALWAYS, "cp -ls a b"),
    (ALWAYS, "cp -s ./sd/f sd"),
    (ALWAYS, "cp -s a w/"),
    (ALWAYS, "touch -d 2001-09-09 a; cp -ps $PWD/a x; stat -c %y x"),
    (ALWAYS, "touch -d 2001-09-09 a; cp -as $PWD/a x; stat -c %y x"),
    (ALWAYS, "cp -as l b"),
    (ALWAYS, "cp -as a b"),
    (ALWAYS, "cp -vs a b"),
    (ALWAYS, "cp -f a p2; cp -lf a a"),
    (ALWAYS, "cp -r sd new; cp -rf sd/. new; cp -rv --remove-destination sd/. new"),
    (ALWAYS, "cp -lr sd new; cp -lrv sd/. new"),
    (ALWAYS, "cp -sr $PWD/sd new; ls -l new | grep -c -- '->'"),
    (ALWAYS, "cp -al a h; mkfifo q; cp -al q b"),
];

const WRONG: &[Line] = &[
    (ALWAYS, "cp -Z a b"),
    (ALWAYS, "cp --context=x a b"),
    (ALWAYS, "cp --context a b"),
    (ALWAYS, "cp --preserve=context a b"),
    (ALWAYS, "cp -Z --preserve=context a b"),
    (ALWAYS, "cp -t d a b"),
    (ALWAYS, "cp -t d"),
    (ALWAYS, "cp -t=d a"),
    (ALWAYS, "cp -td -T a"),
    (ALWAYS, "cp -td -td a"),
    (ALWAYS, "cp"),
    (ALWAYS, "cp a"),
    (ALWAYS, "cp --attributes-only a b"),
    (ALWAYS, "cp --attributes-only -b a b"),
    (ALWAYS, "cp -a --attributes-only l b"),
    (ALWAYS, "mkdir x y; echo x>x/1; echo y>y/1; cp x/1 y/1 d"),
    (ALWAYS, "cp --reflink a b"),
    (ALWAYS, "cp --reflink=always --sparse=never a b"),
    (ALWAYS, "cp -v -t d// sd/f"),
    (ALWAYS, "cp -t"),
    (ALWAYS, "cp --e=foo"),
    (ALWAYS, "cp --no-preserve '' x y"),
    (ALWAYS, "cp --preserve= a y"),
    (ALWAYS, "cp --reflink= a y"),
    (ALWAYS, "cp --sparse= a y"),
    (ALWAYS, "cp -t '' -T"),
    (ALWAYS, "cp --no-target-directory a d/b"),
    (ALWAYS, "cp --attributes-only -p a new; cat new"),
    (ALWAYS, "cp --no-preserve=mode a new; stat -c %a new"),
    (ALWAYS, "cp --no-preserve=all a new"),
    (ALWAYS, "cp --reflink a p & sleep 0.1; timeout 1 cat p; wait"),
    (ALWAYS, "cp --attributes-only -R p b"),
    ((9, 5), "cp -T a d"),
    ((9, 5), "cp --debug --reflink=never a new"),
    ((9, 5), "cp --reflink=always a new"),
    ((9, 5), "cp --=x"),
    ((9, 5), "cp -T b d/.."),
];

const TREES: &[Line] = &[
    (ALWAYS, "cp -rv sd new"),
    (ALWAYS, "cp -rv sd d"),
    (ALWAYS, "cp -rvT sd ld"),
    (ALWAYS, "cp -rv sd/. ld"),
    (ALWAYS, "mkdir x y; echo x>x/1; echo y>y/2; cp -r x/. y/. d"),
    (ALWAYS, "mkdir t; cp -P ld/ ld t"),
    ((9, 5), "mkdir t; cp -r ld/ ld t"),
    (ALWAYS, "mkdir t; cp -r ld ld/ t"),
    ((9, 5), "mkdir t; cp -rb ld ld/ t"),
    (ALWAYS, "mkdir t; cp sd/f sd/../sd/f ./sd/f2 sd/f2 t"),
    (ALWAYS, "mkdir -p t/; ln -s ../d t/sub; cp -rv sd/. t"),
    (ALWAYS, "cp -av sd new; cp -av sd/. new"),
    (ALWAYS, "cp -r a missing sd d/"),
    (ALWAYS, "cp -vP a b l h d"),
    (ALWAYS, "cp -av a b l h d"),
    (ALWAYS, "cp -rv sd sd"),
    (ALWAYS, "cp -r . d"),
    (ALWAYS, "cp -r sd new/"),
    (ALWAYS, "cp -r p new"),
    (ALWAYS, "cp -rf p b"),
    (ALWAYS, "cp -rv p b"),
    (ALWAYS, "cp -dR l d; cp -d b d/l"),
    (ALWAYS, "cp -rv sd sd/ d"),
    (ALWAYS, "cp -a /dev/null new"),
    (ALWAYS, "cp -r sd/f/ new"),
    (ALWAYS, "cp -r ld new"),
    (ALWAYS, "cp -rH ld new"),
    (ALWAYS, "cp -rL ld new"),
    (ALWAYS, "cp -rP ld/ new"),
    (ALWAYS, "cp -r -s sd sd/f"),
    (ALWAYS, "cp -P l w/"),
    (ALWAYS, "cp -a p w/"),
    (ALWAYS, "cp -a p no/where"),
    (ALWAYS, "cp -r l no/where"),
    (ALWAYS, "cp -rv sd// new"),
    (ALWAYS, "chmod 1777 sd/sub; cp -R sd new; stat -c %a new/sub"),
    (ALWAYS, "chmod 2755 p; cp -R p new; stat -c %a new"),
    (ALWAYS, "chmod 1644 p; cp -R p new; stat -c %a new"),
    (ALWAYS, "mkdir t; cp -a loop t; cp -a loop .; cp -P loop ."),
    (ALWAYS, "cp -rT sd d; cp -rT sd b"),
    (ALWAYS, "cp -r sd b"),
    (ALWAYS, "cp -r a sd"),
    (ALWAYS, "cp -R sd/.. new"),
    (ALWAYS, "cp -aT ld new"),
    (ALWAYS, "cp -a ld d/"),
    (ALWAYS, "cp -Hr ld new"),
    (ALWAYS, "cp -rH d/ ld new"),
    (ALWAYS, "cp -a dang new; cp dang new2"),
    (ALWAYS, "cp -r dang d"),
    (ALWAYS, "cp -L dang d"),
    (ALWAYS, "cp -r /dev/null new; stat -c %F new"),
    (ALWAYS, "umask 077; cp -r sd new; stat -c %a new new/sub"),
    (ALWAYS, "cp -rp sd new; stat -c '%a %Y' new/sub sd/sub | cut -d' ' -f2 | uniq | wc -l"),
    (ALWAYS, "mkdir -p a2/x; : >a2/b; cp -rv a2 a2/x"),
    (ALWAYS, "mkdir -p a2/a2; : >a2/f; cp -rv a2 a2"),
    (ALWAYS, "mkdir a2; : >a2/a2; cp -r a2 a2"),
    (ALWAYS, "cp -R . ."),
    (ALWAYS, "cp -R sd/.. ."),
    (ALWAYS, "cp -rL p b"),
    (ALWAYS, "cp -rH p b"),
    (ALWAYS, "cp -d /dev/null b"),
    ((9, 5), "cp -rv --keep-directory-symlink sd/. d"),
];

const FILES: &[Line] = &[
    (ALWAYS, "cp -v -n a b"),
    (ALWAYS, "cp -v old a"),
    (ALWAYS, "cp -v a missing b d"),
    (ALWAYS, "cp a missing d b nothere sd"),
    (ALWAYS, "cp -v a b l h d"),
    (ALWAYS, "cp a/ b"),
    (ALWAYS, "cp a b/"),
    (ALWAYS, "cp a new/"),
    (ALWAYS, "cp a d/"),
    (ALWAYS, "cp a b new"),
    (ALWAYS, "cp a b c"),
    (ALWAYS, "cp p new & sleep 0.2; echo x > p; wait"),
    (ALWAYS, "cp a /dev/null"),
    (ALWAYS, "cp -v a a a d"),
    (ALWAYS, "cp -v a >/dev/full b"),
    (ALWAYS, "cp -v -- -x a"),
    (ALWAYS, "POSIXLY_CORRECT=1 cp a -v d"),
    (ALWAYS, "POSIXLY_CORRECT=1 cp a dang"),
    (ALWAYS, "POSIXLY_CORRECT=1 cp -v a dang; cat nowhere"),
    (ALWAYS, "cp -p a new; stat -c %y new a | uniq | wc -l"),
    (ALWAYS, "cp missing a/"),
    (ALWAYS, "cp . a/"),
    (ALWAYS, "cp a w/."),
    (ALWAYS, "cp a w/./"),
    (ALWAYS, "cp -v a w/"),
    (ALWAYS, "cp a no/where"),
    (ALWAYS, "cp a .//"),
    (ALWAYS, ": >e; : >f; touch -d 2001-09-09 f; cp e f; stat -c %y f | cut -c1-10"),
    (ALWAYS, "cp a/ a d"),
    (ALWAYS, "cp a a/ a d"),
    (ALWAYS, r#"cp $'\303\251' x"#),
    (ALWAYS, r#"cp $'\377' x"#),
    (ALWAYS, r#"cp -v a $'\303\251'"#),
    (ALWAYS, r#"LC_ALL=C.UTF-8 cp -v a $'\303\251'"#),
    (ALWAYS, "cp a sd/sub/.."),
    (ALWAYS, "cp dang a"),
    (ALWAYS, "cp -f b old; cat old"),
    (ALWAYS, "cp --copy-contents -r /dev/null new"),
    (ALWAYS, "cp -x -r sd new"),
    (ALWAYS, "chmod 4755 a; cp a new; stat -c %a new; cp -p a new2; stat -c %a new2"),
    (ALWAYS, "umask 077; cp a new; stat -c %a new"),
    (ALWAYS, r#"cp a "$PWD"/a ."#),
    (ALWAYS, r#"cp a "$PWD"/a d"#),
    (ALWAYS, "ln -s a/ tl; cp b tl"),
    ((9, 5), "cp --debug -u old a"),
    ((9, 5), "cp -f -i a old"),
];

#[track_caller]
fn assert_alike(lines: &[Line]) {
    // There new inodes have the highest numbers, which decides how far a copy into itself gets.
    let Some(judge) = Judge::new(Fs::Tmpfs) else { return };
    let mut wrong = Vec::new();
    for (since, line) in lines.iter().filter(|(since, _)| judge.version >= *since) {
        let _ = since;
        let (theirs, ours) = (done(&judge, Who::Gnu, line), done(&judge, Who::Strict, line));
        if theirs != ours {
            wrong.push(format!("{line}\n-- GNU cp\n{theirs}\n-- ours\n{ours}"));
        }
    }
    let (count, of) = (wrong.len(), lines.len());
    assert!(wrong.is_empty(), "{count} of {of} lines:\n{}", wrong.join("\n\n"));
}

/// Runs a line in a new place; returns what it said and printed, its exit status, and what is there then.
fn done(judge: &Judge, who: Who, line: &str) -> String {
    let bin = judge.bin(who);
    let root = judge.scratch.join("place");
    fs::create_dir(&root).unwrap();
    let bash = |script: &str| {
        let mut bash = Command::new("timeout");
        bash.args(["60", "bash", "-c", script]).current_dir(&root);
        judge.surround(&mut bash, &bin).output().unwrap()
    };
    assert!(bash(PLACE).status.success());
    let ran = bash(line);
    let there = bash(SHOW);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // GNU names itself by its whole path where getopt(3) speaks.
    let said = text(&ran.stderr).replace(&format!("{}/cp", bin.display()), "cp");
    // A message of the shell names the shell.
    let said: Vec<&str> = said.lines().filter(|line| !line.contains("line 1: ")).collect();
    let shown = [said.join("\n"), text(&ran.stdout), text(&there.stdout)].join("\n");
    for used in [root, bin] {
        fs::remove_dir_all(used).unwrap();
    }
    format!("exit {:?}\n{shown}", ran.status.code())
}

#[test]
fn backups_are_made_as_by_cp() {
    assert_alike(BACKUPS);
}

#[test]
fn what_is_asked_kept_or_updated_is_as_with_cp() {
    assert_alike(QUESTIONS);
}

#[test]
fn parents_are_rebuilt_as_by_cp() {
    assert_alike(PARENTS);
}

#[test]
fn one_file_by_two_names_is_treated_as_by_cp() {
    assert_alike(ONE_FILE);
}

#[test]
fn wrong_command_lines_are_explained_as_by_cp() {
    assert_alike(WRONG);
}

#[test]
fn trees_are_copied_as_by_cp() {
    assert_alike(TREES);
}

#[test]
fn files_are_copied_as_by_cp() {
    assert_alike(FILES);
}
