//! Entries as the system writes them into a buffer: names in a directory (MS-FSCC 2.4.17 and 2.4.14), streams of a file
//! (2.4.43). Pure.

use std::ffi::CString;

use super::reparse::Reparse;
use crate::plan::Kind;

const DIRECTORY: u32 = 0x10;
const REPARSE_POINT: u32 = 0x400;

/// What one entry looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `FILE_ID_BOTH_DIR_INFO`.
    IdBoth,
    /// `FILE_FULL_DIR_INFO`: without the number.
    Full,
}

impl Form {
    const fn number_at(self) -> Option<usize> {
        match self {
            Form::IdBoth => Some(96),
            Form::Full => None,
        }
    }

    const fn name_at(self) -> usize {
        match self {
            Form::IdBoth => 104,
            Form::Full => 68,
        }
    }
}

/// One name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Vec<u16>,
    /// What it is, where the entry tells.
    pub(super) kind: Option<Kind>,
    /// Its number, 0 where there is none.
    pub(super) number: u64,
}

const ATTRIBUTES_AT: usize = 56;
const NAME_LENGTH_AT: usize = 60;
/// Of a reparse point: its tag (MS-FSCC 2.4.17, EaSize).
const TAG_AT: usize = 64;

/// The names in a buffer, without `.` and `..`. What does not fit into it is not believed.
pub(super) fn entries(buffer: &[u8], form: Form) -> impl Iterator<Item = Entry> {
    let mut rest = Some(buffer);
    std::iter::from_fn(move || {
        loop {
            let here = rest?;
            let entry = entry(here, form)?;
            rest = match number(here, 0) {
                Some(0) | None => None,
                Some(next) => here.get(next as usize..),
            };
            let dot = u16::from(b'.');
            if entry.name != [dot] && entry.name != [dot, dot] {
                return Some(entry);
            }
        }
    })
}

fn entry(here: &[u8], form: Form) -> Option<Entry> {
    let length = number(here, NAME_LENGTH_AT)? as usize;
    let name = here.get(form.name_at()..)?.get(..length)?;
    let units = name.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let low_and_high = |at| Some((number(here, at)?, number(here, at + 4)?));
    let number = match form.number_at() {
        Some(at) => low_and_high(at).map(|(low, high)| u64::from(high) << 32 | u64::from(low))?,
        None => 0,
    };
    Some(Entry { name: units.collect(), kind: kind(here), number })
}

fn kind(here: &[u8]) -> Option<Kind> {
    let attributes = number(here, ATTRIBUTES_AT)?;
    let is_directory = attributes & DIRECTORY != 0;
    match attributes & REPARSE_POINT {
        0 => Some(Reparse::None.kind(is_directory)),
        _ => Some(Reparse::of(number(here, TAG_AT)?).kind(is_directory)),
    }
}

/// The names of alternate streams in a buffer, without the colons around them. The content has no name.
pub(super) fn streams(buffer: &[u8]) -> impl Iterator<Item = CString> {
    const LENGTH_AT: usize = 4;
    const NAME_AT: usize = 24;
    let mut rest = Some(buffer);
    std::iter::from_fn(move || {
        let here = rest?;
        let length = number(here, LENGTH_AT)? as usize;
        let name = here.get(NAME_AT..)?.get(..length)?;
        rest = match number(here, 0) {
            Some(0) | None => None,
            Some(next) => here.get(next as usize..),
        };
        let units = name.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        Some(String::from_utf16_lossy(&units.collect::<Vec<_>>()))
    })
    .filter_map(|name| {
        let name = name.strip_prefix(':')?.strip_suffix(":$DATA")?;
        CString::new(name).ok().filter(|_| !name.is_empty())
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().expect("four were taken")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form, list: &[(&str, u32, u32, u64)]) -> Vec<u8> {
        let mut buffer = Vec::new();
        for (index, (name, attributes, tag, number)) in list.iter().enumerate() {
            let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let mut entry = vec![0; form.name_at()];
            entry[ATTRIBUTES_AT..][..4].copy_from_slice(&attributes.to_le_bytes());
            entry[NAME_LENGTH_AT..][..4].copy_from_slice(&(name.len() as u32).to_le_bytes());
            entry[TAG_AT..][..4].copy_from_slice(&tag.to_le_bytes());
            if let Some(at) = form.number_at() {
                entry[at..][..8].copy_from_slice(&number.to_le_bytes());
            }
            entry.extend(name);
            entry.resize(entry.len().next_multiple_of(8), 0);
            if index + 1 < list.len() {
                let next = entry.len() as u32;
                entry[..4].copy_from_slice(&next.to_le_bytes());
            }
            buffer.extend(entry);
        }
        buffer
    }

    #[test]
    fn names_kinds_and_numbers_are_read_in_order_without_the_dots() {
        let list = [
            (".", 0x10, 0, 1),
            ("..", 0x10, 0, 2),
            ("file", 0x20, 0, 3),
            ("directory", 0x10, 0, 0x1_0000_0004),
            ("link", 0x420, 0xa000_000c, 5),
            ("junction", 0x410, 0xa000_0003, 6),
            ("in the cloud \u{1f980}", 0x420, 0x9000_001a, 7),
        ];
        let kinds = [Kind::File, Kind::Directory, Kind::Symlink, Kind::Symlink, Kind::File];
        for form in [Form::IdBoth, Form::Full] {
            let buffer = written(form, &list);
            let found: Vec<Entry> = entries(&buffer, form).collect();
            assert_eq!(found.len(), 5);
            for ((entry, kind), (name, _, _, number)) in found.iter().zip(kinds).zip(&list[2..]) {
                assert_eq!(String::from_utf16(&entry.name).unwrap(), *name);
                assert_eq!(entry.kind, Some(kind));
                assert_eq!(entry.number, if form == Form::IdBoth { *number } else { 0 });
            }
        }
    }

    #[test]
    fn streams_are_found_by_name_and_the_content_is_none_of_them() {
        let list = ["::$DATA", ":Zone.Identifier:$DATA", ":a b \u{1f980}:$DATA", ":odd:$OTHER"];
        let mut buffer = Vec::new();
        for (index, name) in list.iter().enumerate() {
            let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let mut entry = vec![0; 24];
            entry[4..8].copy_from_slice(&(name.len() as u32).to_le_bytes());
            entry.extend(name);
            entry.resize(entry.len().next_multiple_of(8), 0);
            if index + 1 < list.len() {
                let next = entry.len() as u32;
                entry[..4].copy_from_slice(&next.to_le_bytes());
            }
            buffer.extend(entry);
        }
        let names: Vec<CString> = streams(&buffer).collect();
        assert_eq!(names, [c"Zone.Identifier".to_owned(), c"a b \u{1f980}".to_owned()]);
        assert_eq!(streams(&buffer[..20]).count(), 0);
        assert_eq!(streams(&[]).count(), 0);
    }

    #[test]
    fn an_entry_that_does_not_fit_into_the_buffer_is_not_believed() {
        let buffer = written(Form::IdBoth, &[("a", 0x20, 0, 1), ("bc", 0x20, 0, 2)]);
        for length in 0..buffer.len() {
            for entry in entries(&buffer[..length], Form::IdBoth) {
                assert!(entry.name.len() <= 2);
            }
        }
        let mut wild = buffer;
        wild[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(entries(&wild, Form::IdBoth).count(), 1);
        wild[NAME_LENGTH_AT..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(entries(&wild, Form::IdBoth).count(), 0);
    }
}
