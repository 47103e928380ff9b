//! Numbers from a seed: every failure can be had again.

/// SplitMix64: small, and good enough to vary trees.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Whether something that happens once in `n` times happens now.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}

/// Returns how often something is tried that time makes surer: `WARPCOPY_TEST_ROUNDS` times `count`.
pub(crate) fn rounds(count: usize) -> usize {
    let factor = std::env::var("WARPCOPY_TEST_ROUNDS").ok().and_then(|text| text.parse().ok());
    count * factor.unwrap_or(1)
}

/// Bytes that no compression and no zero detection shortens; the seed tells files apart.
pub(crate) fn bytes(len: usize, seed: u64) -> Vec<u8> {
    // One block of noise, stamped with its number: fast enough for large files in an unoptimized build.
    let block = Random::new(seed).bytes(4096);
    let mut bytes = Vec::with_capacity(len + block.len());
    let mut number = 1u64;
    while bytes.len() < len {
        bytes.extend_from_slice(&block);
        let at = bytes.len() - block.len();
        bytes[at..at + 8].copy_from_slice(&(number ^ seed.rotate_left(32)).to_le_bytes());
        number += 1;
    }
    bytes.truncate(len);
    bytes
}
