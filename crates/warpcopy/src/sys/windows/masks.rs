//! Which attributes a copy takes over. Pure.

const READONLY: u32 = 0x1;
const HIDDEN: u32 = 0x2;
const SYSTEM: u32 = 0x4;
const DIRECTORY: u32 = 0x10;
const ARCHIVE: u32 = 0x20;
const NORMAL: u32 = 0x80;
const SPARSE_FILE: u32 = 0x200;
const REPARSE_POINT: u32 = 0x400;
const OFFLINE: u32 = 0x1000;
const RECALL_ON_OPEN: u32 = 0x4_0000;
const RECALL_ON_DATA_ACCESS: u32 = 0x40_0000;
const NOT_CONTENT_INDEXED: u32 = 0x2000;

/// Those that can be set and say something about the file rather than about how it is stored: what is compressed,
/// sparse, encrypted, offline or in a cloud is so by other means (Microsoft, "File Attribute Constants").
const GIVEN: u32 = READONLY | HIDDEN | SYSTEM | ARCHIVE | NOT_CONTENT_INDEXED;

/// The attributes of a copy that has these `now` and takes over its source's.
pub(super) fn taken_over(now: u32, source: u32) -> u32 {
    let stored = now & !GIVEN & !NORMAL;
    match stored | source & GIVEN {
        0 => NORMAL,
        attributes => attributes,
    }
}

/// Whether a file's content is, or may be, kept elsewhere and brought when it is read: what is allocated for it says
/// nothing then. A file in a cloud has the attribute of a sparse one, and no block.
pub(super) fn is_elsewhere(attributes: u32) -> bool {
    attributes & (REPARSE_POINT | OFFLINE | RECALL_ON_OPEN | RECALL_ON_DATA_ACCESS) != 0
}

/// Whether a file has holes that can be believed.
pub(super) fn is_sparse(attributes: u32) -> bool {
    attributes & SPARSE_FILE != 0 && !is_elsewhere(attributes)
}

/// The attributes of a file that is to be read-only or not. On a directory the mark means something else (it has an icon
/// of its own), and stays.
pub(super) fn marked(now: u32, is_read_only: bool) -> u32 {
    let without = now & !READONLY;
    match is_read_only {
        _ if now & DIRECTORY != 0 => now,
        true => without & !NORMAL | READONLY,
        false if without == 0 => NORMAL,
        false => without,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPRESSED: u32 = 0x800;
    const ENCRYPTED: u32 = 0x4000;

    #[test]
    fn a_file_is_marked_read_only_and_a_directory_is_not() {
        let table = [
            (ARCHIVE, true, ARCHIVE | READONLY),
            (NORMAL, true, READONLY),
            (ARCHIVE | READONLY, false, ARCHIVE),
            (READONLY, false, NORMAL),
            (NORMAL, false, NORMAL),
            (DIRECTORY, true, DIRECTORY),
            (DIRECTORY | READONLY, false, DIRECTORY | READONLY),
        ];
        for (now, is_read_only, expected) in table {
            assert_eq!(marked(now, is_read_only), expected, "{now:x} {is_read_only}");
        }
    }

    #[test]
    fn a_file_in_a_cloud_has_no_holes_though_it_has_no_blocks() {
        for elsewhere in [OFFLINE, RECALL_ON_OPEN, RECALL_ON_DATA_ACCESS, REPARSE_POINT] {
            assert!(is_elsewhere(elsewhere));
            assert!(!is_sparse(SPARSE_FILE | elsewhere | ARCHIVE), "{elsewhere:x}");
        }
        assert!(is_sparse(SPARSE_FILE | ARCHIVE) && !is_elsewhere(SPARSE_FILE | ARCHIVE));
        assert!(!is_sparse(ARCHIVE));
    }

    #[test]
    fn what_is_said_of_the_file_goes_over_and_how_it_is_stored_does_not() {
        let table = [
            (ARCHIVE, HIDDEN | SYSTEM, HIDDEN | SYSTEM),
            (ARCHIVE, NORMAL, NORMAL),
            (
                NORMAL,
                ARCHIVE | READONLY | NOT_CONTENT_INDEXED,
                ARCHIVE | READONLY | NOT_CONTENT_INDEXED,
            ),
            (
                ARCHIVE,
                OFFLINE
                    | RECALL_ON_DATA_ACCESS
                    | REPARSE_POINT
                    | COMPRESSED
                    | ENCRYPTED
                    | SPARSE_FILE,
                NORMAL,
            ),
            (SPARSE_FILE | ARCHIVE, HIDDEN, SPARSE_FILE | HIDDEN),
            (DIRECTORY, DIRECTORY | READONLY | HIDDEN, DIRECTORY | READONLY | HIDDEN),
            (DIRECTORY | HIDDEN, DIRECTORY, DIRECTORY),
        ];
        for (now, source, expected) in table {
            assert_eq!(taken_over(now, source), expected, "{now:x} {source:x}");
        }
    }
}
