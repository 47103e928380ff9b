//! An open source and an open target, read and written through one buffer.
//!
//! What the source says about its holes is a hint: it is read all the same, which costs no device anything where the
//! hint is right, and only zeros are left out. APFS has reported holes over data (coreutils/coreutils#68,
//! openwrt/openwrt#11960), and Docker's file system reports nothing but holes (docker/sbx-releases#526).

use std::ops::Range;

use rustix::fs::{fstat, ftruncate};

use super::{Borrowed, Next, fault, find_data, read_at, retry, write_all_at};
use crate::plan::{Data, Facts, Fault, FileSystem, Looks, Method, Mover, Part, Side};
use crate::sys::{Buffer, Progress, length_of, zeros};

/// Bytes read at once.
pub(crate) const BUFFER_BYTES: usize = 1 << 20;

/// Both ends of one regular file's copy.
pub(crate) struct Ends<'a> {
    pub(crate) source: Borrowed<'a>,
    pub(crate) target: Borrowed<'a>,
    pub(crate) makes_holes: bool,
    pub(crate) buffer: &'a mut Buffer,
    /// What the target looked like right after it was cloned: never, a clone makes its own target where there are any.
    pub(crate) cloned: Option<Looks>,
    /// Where the source says it holds nothing.
    hole: Range<u64>,
    /// The source has no positions; it is read as it comes.
    reads_in_order: bool,
}

impl<'a> Ends<'a> {
    pub(crate) fn new(
        source: Borrowed<'a>,
        target: Borrowed<'a>,
        _facts: &'a Facts,
        _source_fs: FileSystem,
        _target_fs: FileSystem,
        buffers: &'a mut [Buffer],
    ) -> Ends<'a> {
        Ends {
            source,
            target,
            makes_holes: false,
            buffer: &mut buffers[0],
            cloned: None,
            hole: 0..0,
            reads_in_order: false,
        }
    }

    fn read_write(&mut self, range: Range<u64>) -> Result<Part, Fault> {
        let buffer = self.buffer.bytes();
        let asked = length_of(&range).min(buffer.len());
        let buffer = &mut buffer[..asked];
        let count = read_at(self.source, buffer, range.start, &mut self.reads_in_order)
            .map_err(|errno| fault(errno, Side::Source))?;
        let data = &buffer[..count];
        let skipped = if self.makes_holes || self.hole.contains(&range.start) {
            let write = |data: &[u8], offset| write_all_at(self.target, data, offset);
            zeros::write_around(data, range.start, write, |_| {})
        } else {
            write_all_at(self.target, data, range.start).map(|()| zeros::LeftOut::default())
        };
        let skipped = skipped.map_err(|errno| fault(errno, Side::Target))?;
        Ok(Part {
            advanced: count as u64,
            skipped: skipped.bytes,
            ends_in_hole: skipped.is_at_end,
            was_short: count < asked,
            ..Part::default()
        })
    }
}

impl Mover for Ends<'_> {
    fn whole(&mut self, _method: Method, _progress: Progress<'_>) -> Result<u64, Fault> {
        Err(Fault { code: crate::sys::NOT_SUPPORTED, side: Side::Either })
    }

    fn part(&mut self, _method: Method, range: Range<u64>) -> Result<Part, Fault> {
        self.read_write(range)
    }

    fn leave_zeros_out(&mut self, is_wanted: bool) {
        self.makes_holes = is_wanted;
    }

    fn next_data(&mut self, from: u64) -> Result<Data, Fault> {
        let next = find_data(self.source, from).map_err(|errno| fault(errno, Side::Source))?;
        let answer = taken_as_hint(next, from, self.source_len()?);
        if let Data::Doubtful(hole) = &answer {
            self.hole = hole.clone();
        }
        Ok(answer)
    }

    fn source_len(&mut self) -> Result<u64, Fault> {
        retry(|| fstat(self.source))
            .map(|stat| stat.st_size as u64)
            .map_err(|code| Fault { code, side: Side::Source })
    }

    fn set_len(&mut self, len_bytes: u64) -> Result<(), Fault> {
        retry(|| ftruncate(self.target, len_bytes))
            .map_err(|code| Fault { code, side: Side::Target })
    }

    /// There is no call for it that every Unix has and that leaves the length alone.
    fn preallocate(&mut self, _range: Range<u64>) -> Result<(), Fault> {
        Ok(())
    }
}

/// What is made of a source's word about `from` on, when it is `len` long: a hole is a place to look at.
fn taken_as_hint(next: Next, from: u64, len: u64) -> Data {
    match next {
        Next::Data(range) if range.start <= from => Data::Range(range),
        Next::Data(range) => Data::Doubtful(from..range.start),
        Next::Nothing if len > from => Data::Doubtful(from..len),
        Next::Nothing => Data::HoleUntil(from),
        Next::NotTold => Data::Range(from..len.max(from)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek};
    use std::os::fd::AsFd;

    use super::*;
    use crate::sys::facts;

    #[test]
    fn a_hole_is_a_place_to_look_at() {
        assert_eq!(taken_as_hint(Next::Data(4..9), 4, 20), Data::Range(4..9));
        assert_eq!(taken_as_hint(Next::Data(7..9), 4, 20), Data::Doubtful(4..7));
        assert_eq!(taken_as_hint(Next::NotTold, 4, 20), Data::Range(4..20));
    }

    /// docker/sbx-releases#526: every file was nothing but a hole.
    #[test]
    fn nothing_but_a_hole_is_read_to_its_end() {
        assert_eq!(taken_as_hint(Next::Nothing, 0, 20), Data::Doubtful(0..20));
        assert_eq!(taken_as_hint(Next::Nothing, 20, 20), Data::HoleUntil(20));
    }

    /// coreutils/coreutils#68, openwrt/openwrt#11960: there was data where holes were reported.
    #[test]
    fn data_under_a_reported_hole_arrives_and_only_its_zeros_are_left_out() {
        let mut content = vec![0; 64 << 10];
        content[20_000] = 7;
        let mut source = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut source, &content).unwrap();
        let mut target: File = tempfile::tempfile().unwrap();
        let seen = facts(source.as_fd()).unwrap();
        let mut buffers = [Buffer::default()];
        let fs = FileSystem::Other;
        let mut ends = Ends::new(source.as_fd(), target.as_fd(), &seen, fs, fs, &mut buffers);
        ends.hole = 0..seen.len_bytes;
        let part = ends.part(Method::ReadWrite, 0..seen.len_bytes).unwrap();
        assert_eq!((part.advanced, part.skipped), (64 << 10, 60 << 10));
        ends.set_len(seen.len_bytes).unwrap();
        let mut arrived = Vec::new();
        target.rewind().unwrap();
        target.read_to_end(&mut arrived).unwrap();
        assert!(arrived == content);
    }

    #[test]
    fn zeros_that_are_data_stay_data() {
        let source = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut &source, &[0; 8192]).unwrap();
        let target = tempfile::tempfile().unwrap();
        let seen = facts(source.as_fd()).unwrap();
        let mut buffers = [Buffer::default()];
        let fs = FileSystem::Other;
        let mut ends = Ends::new(source.as_fd(), target.as_fd(), &seen, fs, fs, &mut buffers);
        let part = ends.part(Method::ReadWrite, 0..8192).unwrap();
        assert_eq!((part.advanced, part.skipped), (8192, 0));
        assert_eq!(facts(target.as_fd()).unwrap().len_bytes, 8192);
    }
}
