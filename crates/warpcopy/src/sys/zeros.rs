//! Zeros that become holes.

use std::ops::Range;

/// Grain in which zeros become holes: the block size of the common file systems. NTFS frees no less than 64 KiB of a file
/// that is not compressed, ReFS a cluster; smaller holes cost nothing there.
const GRAIN_BYTES: usize = 4 << 10;

/// Zeros that were not written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) bytes: u64,
    /// The data ended in them.
    pub(super) is_at_end: bool,
}

/// Writes what is not zero of the data for an offset, and says where zeros were left out. The target holds nothing there yet.
pub(super) fn write_around<E>(
    data: &[u8],
    offset: u64,
    mut write: impl FnMut(&[u8], u64) -> Result<(), E>,
    mut left_out: impl FnMut(Range<u64>),
) -> Result<LeftOut, E> {
    let (mut skipped, mut written, mut position) = (0, 0, 0);
    let at = |index: usize| offset + index as u64;
    let mut hole = None;
    // Grains are counted from the file's start, so that holes come out aligned.
    let mut grain = GRAIN_BYTES - (offset % GRAIN_BYTES as u64) as usize;
    while position < data.len() {
        let end = (position + grain).min(data.len());
        if is_zero(&data[position..end]) {
            if hole.is_none() {
                write(&data[written..position], at(written))?;
                hole = Some(position);
            }
            skipped += (end - position) as u64;
            written = end;
        } else if let Some(start) = hole.take() {
            left_out(at(start)..at(position));
        }
        position = end;
        grain = GRAIN_BYTES;
    }
    match hole {
        Some(start) => left_out(at(start)..at(position)),
        None => write(&data[written..], at(written))?,
    }
    Ok(LeftOut { bytes: skipped, is_at_end: hole.is_some() })
}

/// Looks at many bytes at once, and stops soon where there is something.
fn is_zero(data: &[u8]) -> bool {
    data.chunks(256).all(|part| part.iter().fold(0, |bits, byte| bits | byte) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it was written and how much, and what was left out.
    fn around(data: &[u8], offset: u64) -> (Vec<(u64, usize)>, Vec<Range<u64>>, LeftOut) {
        let (mut written, mut holes) = (Vec::new(), Vec::new());
        let write = |part: &[u8], at: u64| {
            let start = (at - offset) as usize;
            assert_eq!(part, &data[start..start + part.len()]);
            if !part.is_empty() {
                written.push((at, part.len()));
            }
            Ok::<(), ()>(())
        };
        let skipped = write_around(data, offset, write, |hole| holes.push(hole)).unwrap();
        (written, holes, skipped)
    }

    #[test]
    fn whole_grains_of_zeros_are_left_out() {
        let mut data = vec![0; 20_480];
        (data[4096], data[9000]) = (1, 1);
        let (written, holes, skipped) = around(&data, 0);
        assert_eq!(written, [(4096, 8192)]);
        assert_eq!(holes, [0..4096, 12_288..20_480]);
        assert_eq!(skipped, LeftOut { bytes: 12_288, is_at_end: true });
    }

    #[test]
    fn grains_are_counted_from_the_start_of_the_file() {
        let mut data = vec![0; 8192];
        data[0] = 1;
        let (written, holes, skipped) = around(&data, 1000);
        assert_eq!(written, [(1000, 3096)]);
        assert_eq!(holes, std::slice::from_ref(&(4096..9192)));
        assert_eq!(skipped, LeftOut { bytes: 5096, is_at_end: true });
        let (.., skipped) = around(&[0, 1], 4095);
        assert_eq!(skipped, LeftOut { bytes: 1, is_at_end: false });
    }

    #[test]
    fn a_failed_write_ends_it() {
        let mut holes = 0;
        let answer = write_around(&[0; 8192], 0, |_, _| Err("full"), |_| holes += 1);
        assert_eq!((answer, holes), (Err("full"), 0));
    }
}
