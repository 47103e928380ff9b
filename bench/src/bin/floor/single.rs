//! One file, by one thread or in chunks by several.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, Mode, OFlags, SeekFrom, Stat, fstat, ftruncate, futimens, openat, seek};
use rustix::io::Result;

use crate::buffer::Buffer;
use crate::content::{self, Tools};
use crate::keep;
use crate::mapping;
use crate::placing::Placer;
use crate::spec::{Method, Spec};

pub fn copy(spec: &Spec, source: &CStr, target: &CStr) -> Result<()> {
    let from = openat(CWD, source, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let stat = fstat(&from)?;
    let mut tools = Tools::new(spec);
    let listed = match spec.keeps_all {
        true => keep::list(&mut tools, from.as_fd())?,
        false => 0,
    };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let to = openat(CWD, target, flags, Mode::from(stat.st_mode & 0o777))?;
    let is_dense = (stat.st_blocks * 512) >= stat.st_size;
    if spec.threads > 1 && spec.method != Method::Clone && is_dense {
        content::preallocate(spec, to.as_fd(), stat.st_size as u64)?;
        in_chunks(spec, from.as_fd(), target, &stat)?;
    } else {
        content::fill(&mut tools, spec, from.as_fd(), to.as_fd(), &stat)?;
    }
    if listed > 0 {
        keep::copy_attributes(&mut tools, from.as_fd(), to.as_fd(), listed)?;
    }
    match spec.sets_times {
        true => futimens(&to, &keep::times(&stat)),
        false => Ok(()),
    }
}

fn in_chunks(spec: &Spec, from: BorrowedFd<'_>, target: &CStr, stat: &Stat) -> Result<()> {
    let next = AtomicU64::new(0);
    let length = stat.st_size as u64;
    let work = |is_first: bool| -> Result<()> {
        // A position of its own, for what writes at the position.
        let to = openat(CWD, target, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        let placer = match spec.method == Method::Place && !is_first {
            true => Some(Placer::new(to.as_fd(), length)?),
            false => None,
        };
        if spec.method == Method::Map {
            ftruncate(&to, length)?;
        }
        let mut buffer = Buffer::new(spec.buffer_bytes, spec.buffer_skew);
        loop {
            let start = next.fetch_add(spec.chunk_bytes, Ordering::Relaxed);
            if start >= length {
                return Ok(());
            }
            let range = start..length.min(start + spec.chunk_bytes);
            match spec.method {
                Method::CopyRange => content::by_range(from, to.as_fd(), range)?,
                Method::Send => {
                    seek(&to, SeekFrom::Start(start))?;
                    content::by_send(from, to.as_fd(), range)?;
                }
                _ if placer.is_some() => {
                    let placer = placer.as_ref().unwrap();
                    placer.chunk(&mut buffer, from, to.as_fd(), range)?;
                }
                Method::Map if !is_first => {
                    mapping::chunk(from, to.as_fd(), range, spec.buffer_bytes)?;
                }
                _ => content::by_position(&mut buffer, from, to.as_fd(), range)?,
            }
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..spec.threads).map(|_| scope.spawn(|| work(false))).collect();
        work(true)?;
        others.into_iter().try_for_each(|thread| thread.join().unwrap())
    })
}
