//! What getattrlistbulk(2) answers: for each entry its length, which attributes came, and these in the order of their
//! bits, but for the error, which stands before the name.

use crate::plan::{Code, FileSystem, Kind};

pub(super) const NAME: u32 = 0x0000_0001;
pub(super) const OBJECT_TYPE: u32 = 0x0000_0008;
pub(super) const FILE_ID: u32 = 0x0200_0000;
pub(super) const ERROR: u32 = 0x2000_0000;
pub(super) const RETURNED: u32 = 0x8000_0000;
/// What is asked for.
pub(super) const ASKED: u32 = NAME | OBJECT_TYPE | FILE_ID | ERROR | RETURNED;

/// One entry; borrowed from the buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    /// Unknown where the file system did not say, or the entry could not be looked at.
    pub(super) kind: Option<Kind>,
    pub(super) inode: u64,
}

/// Reads the entries of one answer. One that has an error and no name fails the listing: nobody could say what it was.
pub(super) fn entries(
    mut buffer: &[u8],
    count: usize,
) -> impl Iterator<Item = Result<Entry<'_>, Code>> {
    (0..count).map_while(move |_| {
        let length = usize::try_from(number(buffer, 0)?).ok()?;
        let entry = buffer.get(..length)?;
        buffer = &buffer[length..];
        Some(read(entry))
    })
}

/// Reads one entry: length, five words of which attributes came, then these.
fn read(entry: &[u8]) -> Result<Entry<'_>, Code> {
    const TOO_SHORT: Code = super::errno::IO;
    let returned = number(entry, 4).ok_or(TOO_SHORT)?;
    let mut at = 24;
    let mut next = |attribute: u32, bytes: usize| {
        let here = at;
        let is_there = returned & attribute != 0;
        at += if is_there { bytes } else { 0 };
        is_there.then_some(here)
    };
    let (error, name) = (next(ERROR, 4), next(NAME, 8));
    let (kind, inode) = (next(OBJECT_TYPE, 4), next(FILE_ID, 8));
    let word = |at: Option<usize>| at.and_then(|at| number(entry, at));
    let error = word(error).filter(|error| *error != 0).map(|error| Code(error.cast_signed()));
    let name = name.and_then(|at| text(entry, at)).ok_or(error.unwrap_or(TOO_SHORT))?;
    let low = word(inode).map_or(0, u64::from);
    let high = word(inode.map(|at| at + 4)).map_or(0, u64::from);
    Ok(Entry { name, kind: word(kind).and_then(kind_of), inode: high << 32 | low })
}

/// The text that a reference at `at` points to, from its own place on; its length counts the zero at the end.
fn text(entry: &[u8], at: usize) -> Option<&[u8]> {
    let offset = number(entry, at)?.cast_signed();
    let start = at.checked_add_signed(offset as isize)?;
    let length = usize::try_from(number(entry, at + 4)?).ok()?;
    let text = entry.get(start..start.checked_add(length)?)?;
    Some(text.split(|byte| *byte == 0).next().unwrap_or(text)).filter(|text| !text.is_empty())
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// The types of vnodes: sys/vnode.h.
fn kind_of(object_type: u32) -> Option<Kind> {
    match object_type {
        1 => Some(Kind::File),
        2 => Some(Kind::Directory),
        3 => Some(Kind::BlockDevice),
        4 => Some(Kind::CharDevice),
        5 => Some(Kind::Symlink),
        6 => Some(Kind::Socket),
        7 => Some(Kind::Fifo),
        _ => None,
    }
}

/// What a file system that calls itself so is to us: mount(8).
pub(super) fn file_system_called(name: &[u8]) -> FileSystem {
    match name {
        b"apfs" => FileSystem::Apfs,
        b"smbfs" | b"nfs" | b"webdav" | b"afpfs" | b"ftp" | b"cifs" | b"macfuse" | b"osxfuse"
        | b"fuse" | b"virtiofs" => FileSystem::Network,
        b"devfs" | b"autofs" => FileSystem::Pseudo,
        _ => FileSystem::Other,
    }
}

/// Whether one path lies below another.
pub(super) fn is_below(path: &[u8], above: &[u8]) -> bool {
    let above = above.strip_suffix(b"/").unwrap_or(above);
    path.strip_prefix(above).is_some_and(|rest| rest.len() > 1 && rest[0] == b'/')
}

/// How a listing goes on after one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The same again, with a buffer of so many bytes.
    Again(usize),
    Failed(Code),
}

/// What a failed answer means. ERANGE is a buffer that does not hold one entry: getattrlistbulk(2).
pub(super) fn after_failure(code: Code, room: usize) -> Next {
    const ROOM_MAX: usize = 4 << 20;
    match code {
        super::errno::RANGE if room < ROOM_MAX => Next::Again(room * 4),
        super::errno::INTR => Next::Again(room),
        code => Next::Failed(code),
    }
}

#[cfg(test)]
mod tests {
    use super::super::errno::{ACCES, INTR, NOENT, RANGE};
    use super::*;

    /// An entry as the kernel packs it.
    fn packed(
        name: Option<&str>,
        error: Option<Code>,
        kind: Option<u32>,
        inode: Option<u64>,
    ) -> Vec<u8> {
        let returned = RETURNED
            | name.map_or(0, |_| NAME)
            | error.map_or(0, |_| ERROR)
            | kind.map_or(0, |_| OBJECT_TYPE)
            | inode.map_or(0, |_| FILE_ID);
        let mut entry = vec![0; 4];
        entry.extend(returned.to_ne_bytes());
        entry.extend([0; 16]);
        entry.extend(error.into_iter().flat_map(|code| code.0.to_ne_bytes()));
        let reference = entry.len();
        entry.extend(name.into_iter().flat_map(|_| [0; 8]));
        entry.extend(kind.into_iter().flat_map(u32::to_ne_bytes));
        entry.extend(inode.into_iter().flat_map(u64::to_ne_bytes));
        if let Some(name) = name {
            let offset = (entry.len() - reference) as u32;
            entry[reference..][..4].copy_from_slice(&offset.to_ne_bytes());
            let length = name.len() as u32 + 1;
            entry[reference + 4..][..4].copy_from_slice(&length.to_ne_bytes());
            entry.extend(name.bytes());
            entry.push(0);
            entry.resize(entry.len().next_multiple_of(4), 0);
        }
        let length = (entry.len() as u32).to_ne_bytes();
        entry[..4].copy_from_slice(&length);
        entry
    }

    #[test]
    fn names_kinds_and_numbers_come_out_as_they_went_in() {
        let numbers = [(1, Kind::File), (2, Kind::Directory), (5, Kind::Symlink), (7, Kind::Fifo)];
        let names = ["a", "a name with blanks", "\u{e9}", "abcd"];
        let buffer: Vec<u8> = numbers
            .iter()
            .zip(names)
            .flat_map(|((kind, _), name)| packed(Some(name), None, Some(*kind), Some(1 << 40)))
            .collect();
        let found: Vec<_> = entries(&buffer, 4).map(Result::unwrap).collect();
        let expected: Vec<_> = numbers
            .iter()
            .zip(names)
            .map(|((_, kind), name)| Entry {
                name: name.as_bytes(),
                kind: Some(*kind),
                inode: 1 << 40,
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_empty_directory_has_no_entry() {
        assert_eq!(entries(&[], 0).count(), 0);
    }

    #[test]
    fn attributes_that_did_not_come_are_unknown() {
        let buffer = packed(Some("x"), None, None, None);
        let found = entries(&buffer, 1).next().unwrap().unwrap();
        assert_eq!(found, Entry { name: b"x", kind: None, inode: 0 });
    }

    /// It vanished, or may not be looked at: whoever copies it will hear why.
    #[test]
    fn an_entry_with_an_error_keeps_its_name() {
        let buffer = packed(Some("gone"), Some(NOENT), None, None);
        let found = entries(&buffer, 1).next().unwrap().unwrap();
        assert_eq!(found, Entry { name: b"gone", kind: None, inode: 0 });
    }

    #[test]
    fn an_error_without_a_name_is_not_passed_over() {
        let buffer = packed(None, Some(ACCES), None, None);
        assert_eq!(entries(&buffer, 1).next(), Some(Err(ACCES)));
    }

    #[test]
    fn an_answer_that_is_cut_ends_the_list_without_a_panic() {
        let buffer = packed(Some("name"), None, Some(1), Some(7));
        for length in 0..buffer.len() {
            assert!(entries(&buffer[..length], 1).all(|entry| entry.is_err()), "{length}");
        }
    }

    #[test]
    fn only_what_calls_itself_so_is_taken_for_apfs() {
        assert_eq!(file_system_called(b"apfs"), FileSystem::Apfs);
        assert_eq!(file_system_called(b"smbfs"), FileSystem::Network);
        assert_eq!(file_system_called(b"macfuse"), FileSystem::Network);
        for other in [&b"hfs"[..], b"exfat", b"msdos", b"apfsx", b""] {
            assert_eq!(file_system_called(other), FileSystem::Other);
        }
    }

    #[test]
    fn a_path_is_below_what_it_begins_with_up_to_a_slash() {
        let below = |path: &str, above: &str| is_below(path.as_bytes(), above.as_bytes());
        assert!(below("/a/b", "/a") && below("/a/b", "/a/") && below("/a", "/"));
        assert!(
            !below("/a", "/a") && !below("/ab", "/a") && !below("/", "/") && !below("/b", "/a")
        );
    }

    #[test]
    fn a_buffer_that_is_too_small_grows_but_not_for_ever() {
        assert_eq!(after_failure(RANGE, 64 << 10), Next::Again(256 << 10));
        assert_eq!(after_failure(RANGE, 4 << 20), Next::Failed(RANGE));
        assert_eq!(after_failure(INTR, 64 << 10), Next::Again(64 << 10));
        assert_eq!(after_failure(ACCES, 64 << 10), Next::Failed(ACCES));
    }
}
