//! From a case that shows a difference to the smallest one that still does.

use super::case::{Case, Content, Node, OTHER, USUAL_UMASK};
use crate::support::Fs;

/// Tries smaller cases as long as `shows` one of them what the given one does.
pub(super) fn shrink(mut case: Case, shows: &mut dyn FnMut(&Case) -> bool) -> Case {
    loop {
        let before = case.clone();
        for step in STEPS {
            // Each step is asked for its first, second, … smaller case until it has no more.
            let mut at = 0;
            while let Some(smaller) = step(&case, at) {
                if !same(&smaller, &case) && smaller.is_harmless() && shows(&smaller) {
                    case = smaller;
                } else {
                    at += 1;
                }
            }
        }
        if same(&before, &case) {
            return case;
        }
    }
}

fn same(one: &Case, other: &Case) -> bool {
    one.words == other.words
        && one.things == other.things
        && one.environment == other.environment
        && (one.fs, one.other, one.by_nobody, one.umask, one.answers)
            == (other.fs, other.other, other.by_nobody, other.umask, other.answers)
}

type Step = fn(&Case, usize) -> Option<Case>;

const STEPS: [Step; 9] = [
    without_thing,
    without_word,
    surroundings,
    plainer_thing,
    shorter_word,
    split_cluster,
    apart,
    renamed,
    shallower,
];

fn changed(case: &Case, change: impl FnOnce(&mut Case)) -> Option<Case> {
    let mut case = case.clone();
    change(&mut case);
    Some(case)
}

/// Without a thing and what is below it or is another name of it; the last ones first.
fn without_thing(case: &Case, at: usize) -> Option<Case> {
    let number = case.things.len().checked_sub(at + 1)?;
    let path = case.things[number].path.clone();
    changed(case, |case| {
        case.things.retain(|thing| !thing.is_below(&path));
        case.things.retain(|thing| !matches!(&thing.node, Node::HardLink(first) if first == &path));
    })
}

fn without_word(case: &Case, at: usize) -> Option<Case> {
    (at < case.words.len()).then(|| case.clone()).map(|mut case| {
        case.words.remove(at);
        case
    })
}

fn surroundings(case: &Case, at: usize) -> Option<Case> {
    match at {
        0 => changed(case, |case| case.environment.clear()),
        1 => changed(case, |case| case.umask = USUAL_UMASK),
        2 => changed(case, |case| case.answers = ""),
        3 => changed(case, |case| case.fs = Fs::Tmpfs),
        4 => changed(case, |case| case.by_nobody = false),
        5 => changed(case, |case| case.other = None),
        _ => None,
    }
}

/// A thing with less about it.
fn plainer_thing(case: &Case, at: usize) -> Option<Case> {
    const WAYS: usize = 9;
    let number = at / WAYS;
    (number < case.things.len()).then(|| case.clone()).map(|mut case| {
        let thing = &mut case.things[number];
        match at % WAYS {
            0 => thing.mode = None,
            1 => thing.owner = None,
            2 => thing.has_xattr = false,
            3 => thing.has_acl = false,
            4 => thing.has_default_acl = false,
            5 => thing.hour = 0,
            6 if matches!(thing.node, Node::File(content) if content != Content::Empty) => {
                thing.node = Node::File(Content::Line(0));
            }
            7 if matches!(thing.node, Node::File(_)) => thing.node = Node::File(Content::Empty),
            8 if !matches!(thing.node, Node::File(_) | Node::Dir) => {
                thing.node = Node::File(Content::Empty);
            }
            _ => {}
        }
        case
    })
}

/// A word without one of its bytes.
fn shorter_word(case: &Case, at: usize) -> Option<Case> {
    let mut rest = at;
    for number in 0..case.words.len() {
        let len = case.words[number].len();
        if rest < len && len > 1 {
            return changed(case, |case| {
                case.words[number].remove(rest);
            });
        }
        rest -= if len > 1 { len } else { 0 };
    }
    None
}

/// `-rv` as `-r -v`: then each can go.
fn split_cluster(case: &Case, at: usize) -> Option<Case> {
    let word = case.words.get(at)?.clone();
    let is_cluster = word.len() > 2 && word[0] == b'-' && word[1] != b'-';
    changed(case, |case| {
        if is_cluster {
            case.words[at] = word[..2].to_vec();
            case.words.insert(at + 1, [b"-", &word[2..]].concat());
        }
    })
}

/// Options before operands.
fn apart(case: &Case, at: usize) -> Option<Case> {
    let word = case.words.get(at)?.clone();
    changed(case, |case| {
        if at > 0 && word.starts_with(b"-") && !case.words[at - 1].starts_with(b"-") {
            case.words.remove(at);
            case.words.insert(0, word);
        }
    })
}

/// One name with the first letter that nothing is called by yet.
fn renamed(case: &Case, at: usize) -> Option<Case> {
    let mut names: Vec<&[u8]> = Vec::new();
    for thing in &case.things {
        for part in thing.path.split(|byte| *byte == b'/') {
            if part != OTHER && !names.contains(&part) {
                names.push(part);
            }
        }
    }
    let name = names.get(at)?;
    let letter = [b'a' + at as u8];
    if *name == letter || names.contains(&letter.as_slice()) {
        return Some(case.clone());
    }
    let rename = |path: &[u8]| {
        let parts: Vec<&[u8]> = path
            .split(|byte| *byte == b'/')
            .map(|part| if part == *name { letter.as_slice() } else { part })
            .collect();
        parts.join(&b'/')
    };
    changed(case, |case| {
        for thing in &mut case.things {
            thing.path = rename(&thing.path);
            match &mut thing.node {
                Node::Symlink(text) | Node::HardLink(text) => *text = rename(text),
                _ => {}
            }
        }
        for word in &mut case.words {
            *word = rename(word);
        }
    })
}

/// A thing one directory up, everywhere.
fn shallower(case: &Case, at: usize) -> Option<Case> {
    let path = case.things.get(at)?.path.clone();
    let Some(slash) = path.iter().rposition(|byte| *byte == b'/') else {
        return Some(case.clone());
    };
    let above = path[..slash].iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let short = [&path[..above], &path[slash + 1..]].concat();
    let rename = |name: &[u8]| match name.strip_prefix(path.as_slice()) {
        Some(rest) if rest.is_empty() || rest[0] == b'/' => [&short, rest].concat(),
        _ => name.to_vec(),
    };
    changed(case, |case| {
        for thing in &mut case.things {
            thing.path = rename(&thing.path);
            match &mut thing.node {
                Node::Symlink(text) | Node::HardLink(text) => *text = rename(text),
                _ => {}
            }
        }
        for word in &mut case.words {
            *word = rename(word);
        }
    })
}
