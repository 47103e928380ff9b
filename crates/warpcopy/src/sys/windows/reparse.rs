//! What a file stands for that is not what it looks like: reparse points. Pure.
//!
//! A tag with the surrogate bit names something else in the same namespace, like a symbolic link. Without it the file
//! is what it looks like, and a driver brings its content: deduplication, compression, files in the cloud (MS-FSCC
//! 2.1.2.1, "Reparse Tags").

use crate::plan::Kind;

const SURROGATE: u32 = 0x2000_0000;
const MOUNT_POINT: u32 = 0xa000_0003;
const SYMLINK: u32 = 0xa000_000c;
/// What Windows Subsystem for Linux makes of sockets, FIFOs and devices.
const AF_UNIX: u32 = 0x8000_0023;
const LX_FIFO: u32 = 0x8000_0024;
const LX_CHR: u32 = 0x8000_0025;
const LX_BLK: u32 = 0x8000_0026;

/// What an open file stands for, if not for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reparse {
    /// For itself.
    None,
    /// For what its text says.
    Symlink,
    /// For a directory, or a volume; copied as such and never entered.
    Junction,
    /// For itself; its content is kept elsewhere and brought by a driver when it is read.
    Elsewhere(u32),
    /// For something that only somebody else knows: neither followed nor copied.
    Unknown(u32),
}

impl Reparse {
    pub(super) fn of(tag: u32) -> Reparse {
        match tag {
            SYMLINK => Reparse::Symlink,
            MOUNT_POINT => Reparse::Junction,
            _ if tag & SURROGATE != 0 => Reparse::Unknown(tag),
            _ => Reparse::Elsewhere(tag),
        }
    }

    /// What kind of thing it is, met by its own name.
    pub(super) fn kind(self, is_directory: bool) -> Kind {
        match self {
            Reparse::Symlink | Reparse::Junction | Reparse::Unknown(_) => Kind::Symlink,
            Reparse::Elsewhere(AF_UNIX) => Kind::Socket,
            Reparse::Elsewhere(LX_FIFO) => Kind::Fifo,
            Reparse::Elsewhere(LX_CHR) => Kind::CharDevice,
            Reparse::Elsewhere(LX_BLK) => Kind::BlockDevice,
            Reparse::None | Reparse::Elsewhere(_) if is_directory => Kind::Directory,
            Reparse::None | Reparse::Elsewhere(_) => Kind::File,
        }
    }
}

/// What the data of a link says (`REPARSE_DATA_BUFFER`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The text that a symbolic link was made with.
    Symlink(Vec<u16>),
    /// A directory somewhere.
    Junction,
    /// A whole volume, which a copy of the data would mount a second time.
    Volume,
}

/// Reads a link's data; `None` if it is of another kind, or broken.
pub(super) fn said(data: &[u8]) -> Option<Said> {
    /// Tag, length and reserved bytes.
    const HEADER: usize = 8;
    let half = |at: usize| {
        let bytes = data.get(at..at + 2)?;
        Some(u16::from_le_bytes(bytes.try_into().expect("two were taken")))
    };
    let tag = u32::from(half(0)?) | u32::from(half(2)?) << 16;
    // Where the texts begin: a symbolic link has flags before them.
    let texts = match tag {
        SYMLINK => HEADER + 12,
        MOUNT_POINT => HEADER + 8,
        _ => return None,
    };
    let text = |at: usize| {
        let (start, length) = (usize::from(half(at)?), usize::from(half(at + 2)?));
        let bytes = data.get(texts + start..)?.get(..length)?;
        Some(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
    };
    let substitute: Vec<u16> = text(HEADER)?;
    let printed: Vec<u16> = text(HEADER + 4)?;
    let volume: Vec<u16> = r"\??\Volume{".encode_utf16().collect();
    Some(match tag {
        MOUNT_POINT if substitute.starts_with(&volume) => Said::Volume,
        MOUNT_POINT => Said::Junction,
        _ if !printed.is_empty() => Said::Symlink(printed),
        // Some programs leave out what is only to be shown.
        _ => {
            let kernel: Vec<u16> = r"\??\".encode_utf16().collect();
            let text = substitute.strip_prefix(&kernel[..]).unwrap_or(&substitute);
            Said::Symlink(text.to_vec())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer with both texts, the one to be shown first.
    fn data(tag: u32, substitute: &str, printed: &str) -> Vec<u8> {
        let bytes =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let (substitute, printed) = (bytes(substitute), bytes(printed));
        let mut data = Vec::new();
        let lengths = [printed.len(), substitute.len(), 0, printed.len()];
        data.extend(tag.to_le_bytes());
        data.extend([0; 4]);
        data.extend(lengths.iter().flat_map(|length| (*length as u16).to_le_bytes()));
        if tag == SYMLINK {
            data.extend([1, 0, 0, 0]);
        }
        data.extend(printed);
        data.extend(substitute);
        data
    }

    fn symlink(text: &str) -> Option<Said> {
        Some(Said::Symlink(text.encode_utf16().collect()))
    }

    #[test]
    fn a_link_is_made_again_with_the_text_that_it_was_made_with() {
        assert_eq!(said(&data(SYMLINK, r"..\a", r"..\a")), symlink(r"..\a"));
        assert_eq!(said(&data(SYMLINK, r"\??\C:\a", r"C:\a")), symlink(r"C:\a"));
        assert_eq!(said(&data(SYMLINK, r"\??\C:\a", "")), symlink(r"C:\a"));
    }

    #[test]
    fn a_junction_to_a_volume_is_no_junction_to_a_directory() {
        assert_eq!(said(&data(MOUNT_POINT, r"\??\C:\a", r"C:\a")), Some(Said::Junction));
        let volume = r"\??\Volume{01234567-89ab-cdef-0123-456789abcdef}\";
        assert_eq!(said(&data(MOUNT_POINT, volume, "")), Some(Said::Volume));
    }

    #[test]
    fn data_of_another_kind_or_cut_short_says_nothing() {
        assert_eq!(said(&data(0xa000_001d, "a", "a")), None);
        let whole = data(SYMLINK, "ab", "ab");
        for length in 0..whole.len() {
            assert_eq!(said(&whole[..length]), None, "{length}");
        }
    }

    #[test]
    fn links_and_junctions_are_never_what_they_lead_to() {
        for tag in [SYMLINK, MOUNT_POINT] {
            for is_directory in [false, true] {
                assert_eq!(Reparse::of(tag).kind(is_directory), Kind::Symlink);
            }
        }
    }

    /// `IO_REPARSE_TAG_DEDUP`, `_WOF`, `_CLOUD`, `_CLOUD_1`, `_ONEDRIVE`, `_APPEXECLINK`.
    #[test]
    fn what_a_driver_brings_is_a_file_or_a_directory_like_others() {
        for tag in
            [0x8000_0013, 0x8000_0017, 0x9000_001a, 0x9000_101a, 0x8000_0021, 0x8000_001b_u32]
        {
            assert_eq!(Reparse::of(tag), Reparse::Elsewhere(tag));
            assert_eq!(Reparse::of(tag).kind(false), Kind::File, "{tag:x}");
            assert_eq!(Reparse::of(tag).kind(true), Kind::Directory, "{tag:x}");
        }
    }

    /// `IO_REPARSE_TAG_LX_SYMLINK`, `_GLOBAL_REPARSE`, `_WCI_LINK`.
    #[test]
    fn what_stands_for_something_unknown_is_not_entered() {
        for tag in [0xa000_001d, 0xa000_0019, 0xa000_0027_u32] {
            assert_eq!(Reparse::of(tag), Reparse::Unknown(tag));
            assert_eq!(Reparse::of(tag).kind(true), Kind::Symlink, "{tag:x}");
        }
    }

    #[test]
    fn nodes_of_linux_are_known_as_what_they_are() {
        let table = [
            (AF_UNIX, Kind::Socket),
            (LX_FIFO, Kind::Fifo),
            (LX_CHR, Kind::CharDevice),
            (LX_BLK, Kind::BlockDevice),
        ];
        for (tag, kind) in table {
            assert_eq!(Reparse::of(tag).kind(false), kind);
        }
    }
}
