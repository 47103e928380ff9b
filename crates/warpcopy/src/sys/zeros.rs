//! Zeros that become holes.

use std::ops::Range;

/// Grain in which zeros become holes: the block size of the common file systems. NTFS frees no less than 64 KiB of a file
/// that is not compressed, ReFS a cluster; smaller holes cost nothing there.
const GRAIN_BYTES: usize = 4 << 10;

/// Writes what is not zero of the data for an offset, says where zeros were left out, and returns how many. The target
/// holds nothing there yet.
pub(super) fn write_around<E>(
    data: &[u8],
    offset: u64,
    mut write: impl FnMut(&[u8], u64) -> Result<(), E>,
    mut left_out: impl FnMut(Range<u64>),
) -> Result<u64, E> {
    let (mut skipped, mut written, mut position) = (0, 0, 0);
    // Grains are counted from the file's start, so that holes come out aligned.
    let mut grain = GRAIN_BYTES - (offset % GRAIN_BYTES as u64) as usize;
    while position < data.len() {
        let end = (position + grain).min(data.len());
        if data[position..end].iter().all(|byte| *byte == 0) {
            write(&data[written..position], offset + written as u64)?;
            left_out(offset + position as u64..offset + end as u64);
            skipped += (end - position) as u64;
            written = end;
        }
        position = end;
        grain = GRAIN_BYTES;
    }
    write(&data[written..], offset + written as u64)?;
    Ok(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it was written and how much, and what was left out.
    fn around(data: &[u8], offset: u64) -> (Vec<(u64, usize)>, Vec<Range<u64>>, u64) {
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
        assert_eq!(holes, [0..4096, 12_288..16_384, 16_384..20_480]);
        assert_eq!(skipped, 12_288);
    }

    #[test]
    fn grains_are_counted_from_the_start_of_the_file() {
        let mut data = vec![0; 8192];
        data[0] = 1;
        let (written, holes, skipped) = around(&data, 1000);
        assert_eq!(written, [(1000, 3096)]);
        assert_eq!(holes, [4096..8192, 8192..9192]);
        assert_eq!(skipped, 5096);
    }

    #[test]
    fn a_failed_write_ends_it() {
        let mut holes = 0;
        let answer = write_around(&[0; 8192], 0, |_, _| Err("full"), |_| holes += 1);
        assert_eq!((answer, holes), (Err("full"), 0));
    }
}
