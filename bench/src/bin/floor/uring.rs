//! Files in batches through io_uring, to know whether that would pay.
//!
//! The kernel has no operation for `flistxattr` and `futimens`, and hands every opening with `O_CREAT` to a worker
//! thread of its own (io_uring/openclose.c, `io_openat_force_async`).
//!
//! `v0` makes the same batches with plain calls: what is gained by the order alone is not gained by the ring.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use io_uring::types::Fd;
use io_uring::{IoUring, opcode, squeue};
use rustix::fs::{FileType, Stat, fstat};
use rustix::io::{Errno, Result};

use crate::content::{self, Tools};
use crate::keep;
use crate::leaf::{self, Ends};
use crate::spec::Ring;
use crate::stack::Unit;
use crate::tree::Shared;

/// Room for one file's bytes in a batch that moves bytes.
const SLOT_BYTES: usize = 64 << 10;

/// Files collected for a batch, and the ring they go through.
pub struct Batches {
    ring: IoUring,
    spec: Ring,
    names: Vec<CString>,
    answers: Vec<i32>,
    slots: Vec<u8>,
}

/// A file that is being copied.
struct Open {
    source: OwnedFd,
    target: Option<OwnedFd>,
    stat: Stat,
    attributes: usize,
    has_content: bool,
}

impl Batches {
    pub fn new(spec: Ring) -> Result<Batches> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_coop_taskrun()
            .build(spec.depth as u32 * 2)
            .map_err(|error| errno(&error))?;
        let slots = if spec.moves_bytes { vec![0; spec.depth * SLOT_BYTES] } else { Vec::new() };
        Ok(Batches { ring, spec, names: Vec::new(), answers: Vec::new(), slots })
    }

    pub fn add(
        &mut self,
        shared: &Shared,
        tools: &mut Tools,
        ends: Ends<'_>,
        unit: &Unit,
        name: &CStr,
    ) -> Result<()> {
        self.names.push(name.to_owned());
        match self.names.len() >= self.spec.depth {
            true => self.flush(shared, tools, ends, unit),
            false => Ok(()),
        }
    }

    /// Copies what has been collected.
    pub fn flush(
        &mut self,
        shared: &Shared,
        tools: &mut Tools,
        ends: Ends<'_>,
        unit: &Unit,
    ) -> Result<()> {
        let names = std::mem::take(&mut self.names);
        let flags = libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let directory = Fd(ends.0.as_raw_fd());
        self.submit(
            names
                .iter()
                .map(|name| opcode::OpenAt::new(directory, name.as_ptr()).flags(flags).build()),
        )?;
        let mut files = Vec::with_capacity(names.len());
        let mut kept = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let source = self.opened(index)?;
            let stat = fstat(&source)?;
            if stat.st_nlink > 1 && shared.spec.keeps_all {
                leaf::copy(shared, tools, ends, unit, name, FileType::RegularFile)?;
                continue;
            }
            let attributes = match shared.spec.keeps_all {
                true => keep::list(tools, source.as_fd())?,
                false => 0,
            };
            files.push(Open { source, target: None, stat, attributes, has_content: false });
            kept.push(name);
        }
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
        let mode = |file: &Open| file.stat.st_mode & 0o777;
        let wanted: Vec<_> =
            kept.iter().zip(&files).map(|(name, file)| (name.as_ptr(), mode(file))).collect();
        self.open_all(ends.1, flags, &wanted)?;
        for (index, file) in files.iter_mut().enumerate() {
            file.target = Some(self.opened(index)?);
        }
        if self.spec.moves_bytes {
            self.move_bytes(&mut files)?;
        }
        for file in &files {
            let target = file.target.as_ref().expect("it was opened").as_fd();
            if !file.has_content && file.stat.st_size > 0 {
                content::fill(tools, &shared.spec, file.source.as_fd(), target, &file.stat)?;
            }
            let both = (file.source.as_fd(), target);
            leaf::dress(tools, &shared.spec, both, &file.stat, file.attributes)?;
        }
        self.close(files)
    }

    fn move_bytes(&mut self, files: &mut [Open]) -> Result<()> {
        let slot = self.slots.as_mut_ptr();
        let fits = |file: &Open| (1..SLOT_BYTES as i64).contains(&file.stat.st_size);
        let small: Vec<usize> = (0..files.len()).filter(|index| fits(&files[*index])).collect();
        // SAFETY: (here and below) slot `number` lies in `slots`, which outlives the ring's work on it.
        let place = |number: usize| unsafe { slot.add(number * SLOT_BYTES) };
        let reads = small.iter().enumerate().map(|(number, index)| {
            let source = Fd(files[*index].source.as_raw_fd());
            opcode::Read::new(source, place(number), SLOT_BYTES as u32).build()
        });
        let reads: Vec<_> = reads.collect();
        self.submit(reads.into_iter())?;
        let lengths: Vec<u32> = self.answers.iter().map(|answer| (*answer).max(0) as u32).collect();
        let writes = small.iter().enumerate().map(|(number, index)| {
            let target = files[*index].target.as_ref().expect("it was opened");
            opcode::Write::new(Fd(target.as_raw_fd()), place(number), lengths[number]).build()
        });
        let writes: Vec<_> = writes.collect();
        self.submit(writes.into_iter())?;
        for (number, index) in small.iter().enumerate() {
            if self.answers[number] != lengths[number] as i32 {
                return Err(Errno::IO);
            }
            files[*index].has_content = true;
        }
        Ok(())
    }

    fn close(&mut self, files: Vec<Open>) -> Result<()> {
        if self.spec.is_plain {
            drop(files);
            return Ok(());
        }
        let close = |file: OwnedFd| opcode::Close::new(Fd(file.into_raw_fd())).build();
        let closes = files.into_iter().flat_map(|file| [Some(file.source), file.target]);
        let closes: Vec<_> = closes.flatten().map(close).collect();
        self.submit(closes.into_iter())
    }

    /// Opens names in a directory, each with the mode that it gets if it is created.
    fn open_all(
        &mut self,
        directory: BorrowedFd<'_>,
        flags: i32,
        wanted: &[(*const libc::c_char, u32)],
    ) -> Result<()> {
        let directory = directory.as_raw_fd();
        if self.spec.is_plain {
            self.answers.clear();
            // SAFETY: the names live as long as the batch.
            let open = |(name, mode): (*const libc::c_char, u32)| match unsafe {
                libc::openat(directory, name, flags, mode)
            } {
                -1 => -std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO),
                raw => raw,
            };
            self.answers.extend(wanted.iter().copied().map(open));
            return Ok(());
        }
        self.submit(wanted.iter().map(|(name, mode)| {
            opcode::OpenAt::new(Fd(directory), *name).flags(flags).mode(*mode).build()
        }))
    }

    fn opened(&self, index: usize) -> Result<OwnedFd> {
        match self.answers[index] {
            // SAFETY: the kernel has just given this descriptor to nobody else.
            raw if raw >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(raw) }),
            error => Err(Errno::from_raw_os_error(-error)),
        }
    }

    /// Hands operations in and waits for all of them; the answers are in the order of the operations.
    fn submit(&mut self, operations: impl Iterator<Item = squeue::Entry>) -> Result<()> {
        self.answers.clear();
        for (index, operation) in operations.enumerate() {
            // SAFETY: what the operations point to lives until they are answered, below.
            unsafe { self.ring.submission().push(&operation.user_data(index as u64)) }
                .expect("a batch fits");
            self.answers.push(0);
        }
        let count = self.answers.len();
        self.ring.submit_and_wait(count).map_err(|error| errno(&error))?;
        let mut seen = 0;
        while seen < count {
            for completion in self.ring.completion() {
                self.answers[completion.user_data() as usize] = completion.result();
                seen += 1;
            }
            if seen < count {
                self.ring.submit_and_wait(1).map_err(|error| errno(&error))?;
            }
        }
        Ok(())
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw_os_error(error.raw_os_error().unwrap_or(libc::EIO))
}
