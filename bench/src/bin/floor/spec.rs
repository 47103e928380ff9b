//! A floor program's name says what it does.
//!
//! `f3KU-cfrS16-j2`: family, letters, method, threads.
//!
//! | letter | meaning |
//! |---|---|
//! | `K` | keeps what `cp -a` keeps; else mode (under the umask) and times |
//! | `n` | does not even set times |
//! | `U` | each thread has a descriptor table of its own |
//! | `I` | the names of a directory in the order of their inodes |
//! | `P` | reserves the blocks of dense files of 1 MiB and more |
//!
//! `urK-v3q32-j1`: the same through io_uring in batches of 32 files; `v1` opens, reads, writes and closes in
//! batches, `v3` opens and closes in batches and moves the bytes by plain calls, `v0` does the same without a ring.
//!
//! Methods: `rw`, `cfr`, `clone`, `send`, `pipe` (sendfile and splice 128 KiB at a time through a pipe), `place` (`rw` by one thread,
//! the others put pages into a file of tmpfs by userfaultfd), `map` (`rw` by one thread, the others read into a mapping of the
//! target) move bytes; `empty` only creates, `read` only reads, `mk` only makes the directories, `walk` makes nothing. A number is the buffer in KiB,
//! `S<n>` reads and writes files of up to n KiB, `c<n>` gives one big file to the threads in chunks of n MiB, `o<n>` puts
//! the buffer n bytes behind a page's start.

/// How bytes are moved, or which part of the work is done at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Method {
    ReadWrite,
    CopyRange,
    Clone,
    Send,
    Pipe,
    Place,
    Map,
    Empty,
    Read,
    Mk,
    Walk,
}

/// What one floor program does.
#[derive(Clone, Copy)]
pub struct Spec {
    pub keeps_all: bool,
    pub sets_times: bool,
    pub has_own_tables: bool,
    pub sorts: bool,
    pub preallocates: bool,
    pub method: Method,
    pub buffer_bytes: usize,
    pub buffer_skew: usize,
    /// Files of up to this length are read and written whatever the method.
    pub small_bytes: u64,
    pub chunk_bytes: u64,
    pub threads: usize,
    /// Through io_uring.
    pub ring: Option<Ring>,
}

/// How io_uring is used.
#[derive(Clone, Copy)]
pub struct Ring {
    /// Plain calls in the same order.
    pub is_plain: bool,
    pub moves_bytes: bool,
    /// Files in one batch.
    pub depth: usize,
}

impl Spec {
    /// Reads a name; `None` if it is not one.
    pub fn parse(name: &str) -> Option<Spec> {
        let mut parts = name.split('-');
        let (head, body, tail) = (parts.next()?, parts.next()?, parts.next()?);
        let letters = head.strip_prefix("f3").or_else(|| head.strip_prefix("ur"))?;
        let threads = tail.strip_prefix('j')?.parse().ok()?;
        let ring = match head.starts_with("ur") {
            true => Some(ring(body)?),
            false => None,
        };
        let body = if ring.is_some() { "rw" } else { body };
        let word = body.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(body.len()).max(1);
        // A trailing `c<n>` or `o<n>` belongs to the numbers, not to the method's word.
        let (word, numbers) = match method(&body[..word]) {
            Some(_) => body.split_at(word),
            None => body.split_at(word - 1),
        };
        if letters.contains(|c| !"KnUIP".contains(c)) {
            return None;
        }
        Some(Spec {
            keeps_all: letters.contains('K'),
            sets_times: !letters.contains('n'),
            has_own_tables: letters.contains('U'),
            sorts: letters.contains('I'),
            preallocates: letters.contains('P'),
            method: method(word)?,
            buffer_bytes: (number(numbers, None).unwrap_or(128) as usize) << 10,
            buffer_skew: number(numbers, Some('o')).unwrap_or(0) as usize,
            small_bytes: number(numbers, Some('S')).unwrap_or(0) << 10,
            chunk_bytes: number(numbers, Some('c')).unwrap_or(8) << 20,
            threads,
            ring,
        })
    }
}

fn ring(body: &str) -> Option<Ring> {
    let (way, depth) = body.split_once('q')?;
    let (is_plain, moves_bytes) = match way {
        "v0" => (true, false),
        "v1" => (false, true),
        "v3" => (false, false),
        _ => return None,
    };
    Some(Ring { is_plain, moves_bytes, depth: depth.parse().ok().filter(|depth| *depth > 0)? })
}

fn method(word: &str) -> Option<Method> {
    Some(match word {
        "rw" => Method::ReadWrite,
        "cfr" => Method::CopyRange,
        "clone" => Method::Clone,
        "send" => Method::Send,
        "pipe" => Method::Pipe,
        "place" => Method::Place,
        "map" => Method::Map,
        "empty" => Method::Empty,
        "read" => Method::Read,
        "mk" => Method::Mk,
        "walk" => Method::Walk,
        _ => return None,
    })
}

/// The number after a letter, or at the start.
fn number(text: &str, letter: Option<char>) -> Option<u64> {
    let from = match letter {
        Some(letter) => text.find(letter)? + 1,
        None => 0,
    };
    let digits: String = text[from..].chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_everything() {
        let spec = Spec::parse("f3KU-cfrS16-j2").unwrap();
        assert!(spec.keeps_all && spec.has_own_tables && spec.sets_times && !spec.sorts);
        assert!(spec.method == Method::CopyRange);
        assert_eq!((spec.small_bytes, spec.buffer_bytes, spec.threads), (16 << 10, 128 << 10, 2));

        assert!(!spec.preallocates);

        let spec = Spec::parse("f3nP-rw1024c4o16-j1").unwrap();
        assert!(
            spec.preallocates
                && !spec.keeps_all
                && !spec.sets_times
                && spec.method == Method::ReadWrite
        );
        assert_eq!((spec.buffer_bytes, spec.chunk_bytes), (1 << 20, 4 << 20));
        assert_eq!(spec.buffer_skew, 16);

        assert_eq!(Spec::parse("f3-sendc2-j2").unwrap().chunk_bytes, 2 << 20);
        assert!(Spec::parse("f3K-placec2-j2").unwrap().method == Method::Place);
        assert!(Spec::parse("f3K-mapc2-j2").unwrap().method == Method::Map);
        assert_eq!(Spec::parse("urK-v1q8-j2").unwrap().ring.unwrap().depth, 8);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["f3", "f3-rw", "f3X-rw-j1", "f3-magic-j1", "urK-v9q8-j1", "urK-v1q0-j1", ""] {
            assert!(Spec::parse(name).is_none(), "{name}");
        }
    }
}
