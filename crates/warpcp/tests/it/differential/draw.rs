//! Random trees and command lines, deliberately nasty.

use super::case::{Case, Content, Node, OTHER, PLACE, Thing, USUAL_UMASK};
use super::options;
use super::yardstick::Yardstick;
use crate::support::run::NOBODY;
use crate::support::{Fs, Random};

/// What the machine and the yardstick allow.
pub(super) struct Limits {
    pub(super) yardstick: Yardstick,
    pub(super) is_root: bool,
    pub(super) file_systems: Vec<Fs>,
}

/// Names that many things have, so that sources meet targets.
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "t", "x"];

/// Names that trip programs.
const ODD_NAMES: [&[u8]; 16] = [
    b"-r",
    b"--help",
    b"sp ace",
    b" lead",
    b"new\nline",
    b"tab\t",
    b"it's",
    b"\"q\"",
    b"it's \"q\"",
    b"back\\slash",
    b"st*r",
    b"$(x)",
    b"bell\x07\x1b",
    b"\xff\xfe",
    b"...",
    b"caf\xc3\xa9",
];

/// Names that only a backup would give.
const BACKUP_NAMES: [&str; 5] = ["a~", "a.~1~", "b~", "b.~9~", "a.bak"];

/// Draws the case of this seed.
pub(super) fn draw(seed: u64, limits: &Limits) -> Case {
    let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9).wrapping_add(77));
    loop {
        let case = any(&mut random, limits);
        if case.is_harmless() {
            return case;
        }
    }
}

fn any(random: &mut Random, limits: &Limits) -> Case {
    let by_nobody = limits.is_root && random.one_in(3);
    let fs = match random.below(10) {
        0..=6 if limits.file_systems.contains(&Fs::Tmpfs) => Fs::Tmpfs,
        _ => *random.pick(&limits.file_systems),
    };
    let others: Vec<_> = limits.file_systems.iter().copied().filter(|other| *other != fs).collect();
    let other = if random.one_in(6) { pick_or_none(random, &others).copied() } else { None };
    let options = options::draw(random, &limits.yardstick);
    let mut tree = Tree {
        random,
        is_root: limits.is_root,
        by_nobody,
        has_other: other.is_some(),
        has_fifos: options.is_recursive && !options.reads_special_files,
        has_backups: options.makes_backups,
        things: Vec::new(),
        ways_up: 0,
    };
    tree.grow();
    let things = tree.things;
    let mut case = Case {
        fs,
        other,
        by_nobody,
        umask: if random.one_in(10) {
            *random.pick(&[0, 0o027, 0o077, 0o777])
        } else {
            USUAL_UMASK
        },
        things,
        words: Vec::new(),
        environment: environment(random, options.makes_backups),
        answers: random.pick::<&str>(&[
            "",
            "y\n",
            "n\n",
            "y\nn\ny\n",
            "n\ny\n",
            "yes\nYES\n",
            "y",
            "\n",
            " y\n",
        ]),
    };
    case.words = line(random, &case.things, options);
    case
}

fn environment(random: &mut Random, makes_backups: bool) -> Vec<(&'static str, &'static str)> {
    let mut environment = Vec::new();
    if random.one_in(20) {
        environment.push(("POSIXLY_CORRECT", "1"));
    }
    if makes_backups && random.one_in(4) {
        let kinds = [
            "none", "off", "numbered", "t", "existing", "nil", "simple", "never", "num", "bogus",
            "n", "",
        ];
        environment.push(("VERSION_CONTROL", *random.pick(&kinds)));
    }
    if makes_backups && random.one_in(4) {
        environment.push(("SIMPLE_BACKUP_SUFFIX", *random.pick(&[".bak", "", "/x", "~~"])));
    }
    environment
}

struct Tree<'a> {
    random: &'a mut Random,
    is_root: bool,
    by_nobody: bool,
    has_other: bool,
    has_fifos: bool,
    has_backups: bool,
    things: Vec<Thing>,
    /// How many symbolic links lead upwards: few, so that no chain of them leaves the place.
    ways_up: usize,
}

impl Tree<'_> {
    fn grow(&mut self) {
        let count = 1 + self.random.below(12) as usize;
        while self.things.len() < count {
            let path = self.name();
            if self.things.iter().any(|thing| thing.path == path) {
                continue;
            }
            let node = self.node();
            let mut thing = Thing::new(path, node);
            self.dress(&mut thing);
            self.things.push(thing);
        }
    }

    fn directories(&self) -> Vec<Vec<u8>> {
        let is_directory = |thing: &&Thing| thing.node == Node::Dir;
        let names = self.things.iter().filter(is_directory).map(|thing| thing.path.clone());
        names.chain(self.has_other.then(|| OTHER.to_vec())).collect()
    }

    /// A new name: at the top, in some directory, or one that something has elsewhere.
    fn name(&mut self) -> Vec<u8> {
        let directories = self.directories();
        if !directories.is_empty() && self.random.one_in(3) {
            let below = self.random.pick(&directories).clone();
            let Some(other) = pick_or_none(self.random, &self.things) else { return b"a".to_vec() };
            let other =
                other.path.strip_prefix(b"$OTHER/".as_slice()).unwrap_or(&other.path).to_vec();
            // The whole path below another directory, or less of it, if its parents are there.
            let cut = if self.random.one_in(2) {
                0
            } else {
                other.iter().position(|byte| *byte == b'/').map_or(0, |at| at + 1)
            };
            let path = [&below, b"/".as_slice(), &other[cut..]].concat();
            let parent = parent(&path);
            if directories.iter().any(|directory| directory == parent) && path.len() < 60 {
                return path;
            }
        }
        let name: Vec<u8> = if self.random.one_in(12) {
            self.random.pick(&ODD_NAMES).to_vec()
        } else if self.has_backups && self.random.one_in(6) {
            self.random.pick(&BACKUP_NAMES).as_bytes().to_vec()
        } else {
            self.random.pick(&NAMES).as_bytes().to_vec()
        };
        if directories.is_empty() || self.random.one_in(2) {
            return name;
        }
        let directory = self.random.pick(&directories);
        [directory, b"/".as_slice(), &name].concat()
    }

    fn node(&mut self) -> Node {
        match self.random.below(20) {
            0..=5 => Node::Dir,
            6..=11 => Node::File(self.content()),
            12..=15 => Node::Symlink(self.text()),
            16 | 17 => {
                let firsts: Vec<_> =
                    self.things.iter().filter(|thing| thing.node != Node::Dir).collect();
                if firsts.is_empty() {
                    Node::File(self.content())
                } else {
                    Node::HardLink(self.random.pick(&firsts).path.clone())
                }
            }
            18 if self.has_fifos => Node::Fifo,
            19 if self.random.one_in(2) => Node::Socket,
            19 if self.is_root => Node::Device,
            _ => Node::File(self.content()),
        }
    }

    fn content(&mut self) -> Content {
        match self.random.below(12) {
            0 => Content::Empty,
            1 if !self.has_fifos => Content::Large,
            2 if !self.has_fifos => Content::Holes,
            _ => Content::Line(self.random.below(100) as u8),
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let path = match pick_or_none(self.random, &self.things) {
            Some(thing) => thing.path.clone(),
            None => b"a".to_vec(),
        };
        match self.random.below(16) {
            0 => b"nowhere".to_vec(),
            1 => b"nowhere/x".to_vec(),
            2 => self.random.pick(&NAMES).as_bytes().to_vec(),
            3 => b".".to_vec(),
            9 if self.has_other => OTHER.to_vec(),
            4 if self.ways_up < 2 => {
                self.ways_up += 1;
                b"..".to_vec()
            }
            5 if self.ways_up < 2 => {
                self.ways_up += 1;
                [b"../", path.as_slice()].concat()
            }
            6 => [path.as_slice(), b"/"].concat(),
            7 => [PLACE, b"/", path.as_slice()].concat(),
            8 => path.rsplit(|byte| *byte == b'/').next().unwrap().to_vec(),
            _ => path,
        }
    }

    fn dress(&mut self, thing: &mut Thing) {
        let is_link = matches!(thing.node, Node::Symlink(_) | Node::HardLink(_));
        let can_have_attributes = matches!(thing.node, Node::Dir | Node::File(_));
        thing.hour = self.random.below(4) as u8;
        if matches!(thing.node, Node::HardLink(_)) {
            return;
        }
        if self.is_root && self.random.one_in(5) {
            thing.owner = Some(*self.random.pick(&[0, 1001, NOBODY]));
        } else if self.by_nobody {
            thing.owner = Some(NOBODY);
        }
        if !is_link && self.random.one_in(4) {
            let files = [
                0o600, 0o444, 0o400, 0, 0o4755, 0o2755, 0o1644, 0o777, 0o6711, 0o200, 0o640, 0o7777,
            ];
            let directories =
                [0o700, 0o555, 0o500, 0o1777, 0o2775, 0o300, 0, 0o4755, 0o111, 0o444, 0o777];
            let modes: &[u32] = if thing.node == Node::Dir { &directories } else { &files };
            thing.mode = Some(*self.random.pick(modes));
        }
        if can_have_attributes && self.random.one_in(8) {
            match self.random.below(4) {
                0 => thing.has_acl = true,
                1 if thing.node == Node::Dir => thing.has_default_acl = true,
                _ => thing.has_xattr = true,
            }
        }
    }
}

fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |at| &path[..at])
}

/// Puts options and operands in an order.
fn line(random: &mut Random, things: &[Thing], options: options::Drawn) -> Vec<Vec<u8>> {
    let mut words = options.words;
    let mut operands = Vec::new();
    let count = match random.below(40) {
        0 => 0,
        1..=22 => 1,
        23..=33 => 2,
        _ => 3,
    };
    for _ in 0..count {
        let source = match operands.last() {
            Some(last) if random.one_in(8) => Vec::clone(last),
            _ => source(random, things),
        };
        operands.push(source);
    }
    if let Some(at) = options.target_directory {
        words[at].extend(target(random, things, &operands));
    } else if !random.one_in(40) {
        let target = target(random, things, &operands);
        operands.push(target);
    }
    if random.one_in(15) {
        words.push(b"--".to_vec());
    } else if !random.one_in(30) {
        // An operand that looks like an option is one, unless that was meant.
        for operand in &mut operands {
            if operand.starts_with(b"-") {
                operand.splice(0..0, *b"./");
            }
        }
    }
    if random.one_in(12) && !words.is_empty() && !operands.is_empty() {
        // Some options after an operand.
        let option = words.remove(0);
        let at = 1 + random.below(operands.len() as u64) as usize;
        operands.insert(at, option);
    }
    words.extend(operands);
    words
}

fn source(random: &mut Random, things: &[Thing]) -> Vec<u8> {
    let path = random.pick(things).path.clone();
    // Rather what lies at the top, with everything below it.
    let top = path.split(|byte| *byte == b'/').next().unwrap().to_vec();
    let path = if random.one_in(2) { top } else { path };
    match random.below(40) {
        0 => b".".to_vec(),
        1 => b"..".to_vec(),
        2 | 3 => b"missing".to_vec(),
        4 => [path.as_slice(), b"/missing"].concat(),
        _ => decorate(random, things, path),
    }
}

fn target(random: &mut Random, things: &[Thing], sources: &[Vec<u8>]) -> Vec<u8> {
    let path = match random.below(20) {
        0..=8 => {
            let directories: Vec<_> =
                things.iter().filter(|thing| thing.node == Node::Dir).collect();
            match pick_or_none(random, &directories) {
                Some(thing) => thing.path.clone(),
                None => b"new".to_vec(),
            }
        }
        9..=13 => random.pick(things).path.clone(),
        14..=17 => {
            let below = random.pick(things).path.clone();
            match random.below(6) {
                0 => [below.as_slice(), b"/new"].concat(),
                1 => b"new/".to_vec(),
                2 => b"new/new".to_vec(),
                3 | 4 => b".".to_vec(),
                _ => b"new".to_vec(),
            }
        }
        _ => pick_or_none(random, sources).map_or_else(|| b"new".to_vec(), Vec::clone),
    };
    if path.starts_with(PLACE) || path.starts_with(OTHER) {
        path
    } else {
        decorate(random, things, path)
    }
}

/// The same path, written in another way; or almost the same.
fn decorate(random: &mut Random, things: &[Thing], path: Vec<u8>) -> Vec<u8> {
    match random.below(36) {
        0 => [path.as_slice(), b"/"].concat(),
        1 => [path.as_slice(), b"/."].concat(),
        2 => [path.as_slice(), b"/.."].concat(),
        3 => [path.as_slice(), b"//"].concat(),
        4 => [b"./", path.as_slice()].concat(),
        5 => [b".//", path.as_slice()].concat(),
        6 if !path.starts_with(b"$") => [PLACE, b"/", path.as_slice()].concat(),
        7 => {
            let top = random.pick(things).path.split(|byte| *byte == b'/').next().unwrap().to_vec();
            [top.as_slice(), b"/../", path.as_slice()].concat()
        }
        _ => path,
    }
}

fn pick_or_none<'a, T>(random: &mut Random, from: &'a [T]) -> Option<&'a T> {
    (!from.is_empty()).then(|| random.pick(from))
}
