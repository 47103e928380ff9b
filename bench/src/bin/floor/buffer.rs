//! A buffer that starts at a page, or at a chosen distance from one: where it starts is what decides how fast the
//! kernel copies into it and out of it.

use std::ops::{Deref, DerefMut};

const PAGE_BYTES: usize = 4096;

pub struct Buffer {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Buffer {
    /// `skew` bytes behind the start of a page.
    pub fn new(length: usize, skew: usize) -> Buffer {
        let memory = vec![0; length + 2 * PAGE_BYTES];
        let start = memory.as_ptr().align_offset(PAGE_BYTES) + skew % PAGE_BYTES;
        Buffer { memory, start, length }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..][..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..][..self.length]
    }
}
