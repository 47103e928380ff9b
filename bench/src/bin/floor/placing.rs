//! Pages put into a file of tmpfs by userfaultfd.

use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::ptr::null_mut;

use rustix::fs::ftruncate;
use rustix::io::{Result, pread};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use rustix::mm::{MapFlags, ProtFlags, UserfaultfdFlags, mmap, munmap, userfaultfd};

use crate::content;

const PAGE: usize = 4096;
const HELLO: Opcode = opcode::read_write::<[u64; 3]>(0xAA, 0x3F);
const REGISTER: Opcode = opcode::read_write::<[u64; 4]>(0xAA, 0x00);
const COPY: Opcode = opcode::read_write::<[u64; 5]>(0xAA, 0x03);

pub struct Placer<'a> {
    faults: OwnedFd,
    file: BorrowedFd<'a>,
}

impl Placer<'_> {
    pub fn new(file: BorrowedFd<'_>, length: u64) -> Result<Placer<'_>> {
        ftruncate(file, length)?;
        let only_user_mode = UserfaultfdFlags::from_bits_retain(1);
        // SAFETY: only the ranges that `chunk` maps are given to it.
        let faults = unsafe { userfaultfd(UserfaultfdFlags::CLOEXEC | only_user_mode)? };
        call::<HELLO, 3>(&faults, [0xAA, 0, 0])?;
        Ok(Placer { faults, file })
    }

    /// Reads a chunk and puts its whole pages; the rest is written.
    pub fn chunk(
        &self,
        buffer: &mut [u8],
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        range: Range<u64>,
    ) -> Result<()> {
        let whole = (range.end - range.start) as usize / PAGE * PAGE;
        let (access, start) = (ProtFlags::READ | ProtFlags::WRITE, range.start);
        let mut done = 0;
        if whole > 0 {
            // SAFETY: the kernel chooses where.
            let map =
                unsafe { mmap(null_mut(), whole, access, MapFlags::SHARED, self.file, start)? };
            call::<REGISTER, 4>(&self.faults, [map.addr() as u64, whole as u64, 1, 0])?;
            while done < whole {
                let room = buffer.len().min(whole - done);
                let count = pread(source, &mut buffer[..room], start + done as u64)? / PAGE * PAGE;
                if count == 0 {
                    break;
                }
                let (to, from) = (map.addr() + done, buffer.as_ptr().addr());
                call::<COPY, 5>(&self.faults, [to as u64, from as u64, count as u64, 1, 0])?;
                done += count;
            }
            // SAFETY: mapped above, and nothing refers to it.
            unsafe { munmap(map, whole)? };
        }
        content::by_position(buffer, source, target, start + done as u64..range.end)
    }
}

fn call<const CALL: Opcode, const N: usize>(faults: &OwnedFd, mut words: [u64; N]) -> Result<()> {
    // SAFETY: so many words are the structure that belongs to each number.
    unsafe { ioctl(faults, Updater::<CALL, [u64; N]>::new(&mut words)) }
}
