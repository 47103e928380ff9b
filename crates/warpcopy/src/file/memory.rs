//! Which methods were refused, for which pair of devices or for the process; shared by all workers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};

use crate::plan::{Method, Scope};
use crate::report::Refusal;

/// The devices of a source and of a target.
pub(crate) type Pair = (u64, u64);

/// Refusals that reach further than one file.
#[derive(Default)]
pub(crate) struct Memory {
    refusals: RwLock<HashMap<Option<Pair>, Vec<Refusal>>>,
    /// How often a method was refused in a row between two devices, where one refusal is no proof.
    in_a_row: Mutex<HashMap<(Pair, Method), u32>>,
    /// Counts changes, so that a worker asks for the lock only when there is something new.
    version: AtomicU64,
}

/// What one worker knows of the memory, for the pair it last asked about.
#[derive(Default)]
pub(crate) struct Known {
    pair: Option<Pair>,
    version: u64,
    refusals: Vec<Refusal>,
}

impl Known {
    /// Returns what is refused between two devices.
    pub(crate) fn refusals(&mut self, memory: &Memory, pair: Pair) -> &[Refusal] {
        let version = memory.version.load(Ordering::Acquire);
        if self.pair != Some(pair) || self.version != version {
            let all = memory.refusals.read().unwrap_or_else(|poisoned| poisoned.into_inner());
            self.refusals.clear();
            for key in [Some(pair), None] {
                self.refusals.extend(all.get(&key).into_iter().flatten());
            }
            (self.pair, self.version) = (Some(pair), version);
        }
        &self.refusals
    }
}

impl Memory {
    /// Remembers a refusal for as far as it reaches.
    pub(crate) fn note(&self, pair: Pair, refusal: Refusal) {
        let key = match refusal.scope {
            Scope::File => return,
            Scope::PairIfRepeated if !self.is_repeated(pair, refusal.method) => return,
            Scope::PairIfRepeated => Some(pair),
            Scope::Pair => Some(pair),
            Scope::Process => None,
        };
        let mut all = self.refusals.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let list = all.entry(key).or_default();
        if list.iter().all(|known| known.method != refusal.method) {
            list.push(Refusal { offset: 0, ..refusal });
            self.version.fetch_add(1, Ordering::Release);
        }
    }
}

/// So many refusals in a row are proof.
const IN_A_ROW: u32 = 3;

impl Memory {
    /// Counts a refusal; whether they are enough now.
    fn is_repeated(&self, pair: Pair, method: Method) -> bool {
        let mut counts = self.in_a_row.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let count = counts.entry((pair, method)).or_default();
        *count += 1;
        *count >= IN_A_ROW
    }

    /// A method that worked has not been refused in a row.
    pub(crate) fn note_success(&self, pair: Pair, method: Method) {
        let mut counts = self.in_a_row.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        counts.remove(&(pair, method));
    }
}

/// Returns the methods of some refusals, as bits.
pub(crate) fn bits(refusals: &[Refusal]) -> u32 {
    refusals.iter().fold(0, |bits, refusal| bits | Method::bit(refusal.method))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Code;
    use crate::report::Reason;

    fn refusal(method: Method, scope: Scope) -> Refusal {
        Refusal { method, reason: Reason::Code(Code(95)), offset: 7, scope }
    }

    #[test]
    fn a_refusal_reaches_as_far_as_its_scope() {
        let memory = Memory::default();
        memory.note((1, 2), refusal(Method::Sendfile, Scope::File));
        memory.note((1, 2), refusal(Method::Clone, Scope::Pair));
        memory.note((1, 2), refusal(Method::CopyRange, Scope::Process));
        let mut known = Known::default();
        let here = bits(known.refusals(&memory, (1, 2)));
        assert_eq!(here, Method::Clone.bit() | Method::CopyRange.bit());
        assert_eq!(bits(known.refusals(&memory, (2, 1))), Method::CopyRange.bit());
    }

    /// pnpm/pnpm#11150: one ENOTSUP under load, and everything was copied from there on.
    #[test]
    fn a_refusal_that_is_no_proof_is_remembered_after_three_in_a_row() {
        let memory = Memory::default();
        let mut known = Known::default();
        let refused = refusal(Method::Clone, Scope::PairIfRepeated);
        let mut after = |is_refused: bool| {
            match is_refused {
                true => memory.note((1, 2), refused),
                false => memory.note_success((1, 2), Method::Clone),
            }
            known.refusals(&memory, (1, 2)).len()
        };
        assert_eq!([true, true, false, true, true].map(&mut after), [0; 5]);
        assert_eq!(after(true), 1);
    }

    #[test]
    fn a_worker_learns_what_another_was_refused() {
        let memory = Memory::default();
        let mut known = Known::default();
        assert!(known.refusals(&memory, (1, 2)).is_empty());
        memory.note((1, 2), refusal(Method::Clone, Scope::Pair));
        assert_eq!(known.refusals(&memory, (1, 2)).len(), 1);
    }
}
