//! Room to read into and write from.

use std::ops::Range;

use super::BUFFER_BYTES;

/// What moving around the cache wants of memory at most: a page, of 16 KiB on Apple silicon.
const ALIGNMENT_MAX: usize = 16 << 10;

/// A buffer for reading and writing, aligned for what goes around the cache; made when it is first used.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Room for bytes that nobody reads on their way; empty between files.
    #[cfg(all(target_os = "linux", not(warpcopy_portable)))]
    pub(super) pipe: super::PipeSlot,
}

impl Buffer {
    /// Closes what is kept open; returns whether there was anything.
    pub(crate) fn put_away(&mut self) -> bool {
        #[cfg(all(target_os = "linux", not(warpcopy_portable)))]
        return self.pipe.put_away();
        #[cfg(not(all(target_os = "linux", not(warpcopy_portable))))]
        return false;
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            // Zeroed by the system, page by page as it is used: a small file touches few.
            self.bytes = vec![0; BUFFER_BYTES + ALIGNMENT_MAX];
        }
        let start = self.bytes.as_ptr().align_offset(ALIGNMENT_MAX);
        &mut self.bytes[start..start + BUFFER_BYTES]
    }
}

/// How many bytes a call is asked for at most, to move a range.
pub(super) fn length_of(range: &Range<u64>) -> usize {
    usize::try_from(range.end - range.start).unwrap_or(usize::MAX >> 1)
}
