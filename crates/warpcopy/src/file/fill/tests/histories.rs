//! Hundreds of thousands of random histories. What went wrong is printed with everything that led to it.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rustix::io::Errno;

use crate::plan::{FillPlan, Ladder, Method};

use super::referee::judge;
use super::script::{Act, Change, Kernel, Reaction};

/// A file, a way to copy it, and what happens meanwhile.
#[derive(Clone, Debug)]
struct History {
    plan: FillPlan,
    is_network: bool,
    source_len: u64,
    holes: Vec<(u64, u64)>,
    reactions: Vec<Reaction>,
    grows_always: u64,
}

/// Refused at the start, at any time, for the file, the pair, the process; to be tried again, once, or not at all.
const CODES: [Errno; 16] = [
    Errno::OPNOTSUPP,
    Errno::XDEV,
    Errno::NOSYS,
    Errno::INVAL,
    Errno::PERM,
    Errno::NOENT,
    Errno::NODATA,
    Errno::MFILE,
    Errno::AGAIN,
    Errno::INTR,
    Errno::INTR,
    Errno::NOMEM,
    Errno::NOMEM,
    Errno::IO,
    Errno::NOSPC,
    Errno::from_raw_os_error(524),
];

/// Every method but reading and writing, which ends every ladder.
const OPTIONAL: [Method; 5] =
    [Method::Clone, Method::CopyRange, Method::Sendfile, Method::Uncached, Method::Direct];

impl History {
    fn check(&self) -> Result<(), String> {
        let holes: Vec<_> = self.holes.iter().map(|(start, len)| *start..start + len).collect();
        let mut kernel = Kernel::new(self.source_len).with_holes(&holes);
        kernel.reactions = self.reactions.iter().copied().collect();
        kernel.grows_always = self.grows_always;
        let answer = kernel.fill(&self.plan, self.is_network);
        judge(&kernel, &self.plan, self.is_network, &answer)
            .map_err(|wrong| format!("{wrong}\n {:?}\n answer {answer:?}", kernel.calls()))
    }
}

/// Numbers from a seed: fast enough for hundreds of thousands of histories in an unoptimized build.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn reaction(&mut self) -> Reaction {
        let change = match self.below(40) {
            0 => Change::Cancelled,
            1 | 2 => Change::Grows(1 + self.below(6)),
            3 | 4 => Change::Shrinks(1 + self.below(6)),
            _ => Change::Nothing,
        };
        let act = match self.below(12) {
            0..=4 => Act::Some(1 + self.below(9)),
            5 => Act::Zero,
            6..=8 => Act::Code(CODES[self.below(CODES.len() as u64) as usize], self.below(4)),
            9 => Act::Doubt,
            10 if self.one_in(6) => Act::Breaks,
            _ => Act::All,
        };
        Reaction { change, act }
    }

    fn history(&mut self) -> History {
        let has_length = !self.one_in(10);
        let source_len = self.below(40);
        let mut methods = vec![Method::ReadWrite];
        methods.extend(OPTIONAL.into_iter().filter(|_| has_length && self.one_in(2)));
        let must_clone = has_length && self.one_in(20);
        if must_clone {
            methods = vec![Method::Clone];
        }
        let holes: Vec<_> = (0..self.below(4))
            .map(|_| (self.below(source_len.max(1)), 1 + self.below(12)))
            .collect();
        let plan = FillPlan {
            ladder: Ladder::of(&methods),
            len_bytes: has_length.then_some(source_len),
            seeks_holes: has_length && self.one_in(2),
            makes_holes: self.one_in(3),
            preallocate_from_bytes: self.one_in(4).then(|| 1 + self.below(9)),
            read_below_bytes: if self.one_in(3) { self.below(9) } else { 0 },
            threads: 1 + self.below(2) as usize,
            must_clone,
        };
        // A history in which nothing ends well says little: most are short.
        let reactions = (0..self.below(14)).map(|_| self.reaction()).collect();
        // A stream without a length may go on for ever; that is not for the copier to say.
        let grows_always = u64::from(has_length && self.one_in(16));
        let is_network = self.one_in(4);
        History { plan, is_network, source_len, holes, reactions, grows_always }
    }
}

#[test]
fn every_history_ends_in_the_right_bytes_or_in_a_failure_that_says_where() {
    const HISTORIES: u64 = 300_000;
    for seed in 0..HISTORIES {
        let history = Random(seed).history();
        if let Err(wrong) = history.check() {
            panic!("seed {seed}: {wrong}\n {history:?}");
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        12 => Just(Change::Nothing),
        1 => (1..7_u64).prop_map(Change::Grows),
        1 => (1..7_u64).prop_map(Change::Shrinks),
        1 => Just(Change::Cancelled),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::All),
        5 => (1..10_u64).prop_map(Act::Some),
        1 => Just(Act::Zero),
        3 => (proptest::sample::select(&CODES[..]), 0..4_u64)
            .prop_map(|(errno, wrong)| Act::Code(errno, wrong)),
        1 => Just(Act::Doubt),
    ]
}

fn history() -> impl Strategy<Value = History> {
    let reaction = (change(), act()).prop_map(|(change, act)| Reaction { change, act });
    let methods = proptest::sample::subsequence(OPTIONAL.to_vec(), 0..=OPTIONAL.len());
    let shape = (0..40_u64, proptest::collection::vec((0..40_u64, 1..12_u64), 0..4));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let reactions = proptest::collection::vec(reaction, 0..14);
    (methods, shape, flags, 0..9_u64, reactions).prop_map(
        |(methods, (source_len, holes), flags, read_below_bytes, reactions)| {
            let (seeks, makes, preallocate, is_network) = flags;
            let plan = FillPlan {
                ladder: Ladder::of(&[&methods[..], &[Method::ReadWrite]].concat()),
                len_bytes: Some(source_len),
                seeks_holes: seeks,
                makes_holes: makes,
                preallocate_from_bytes: preallocate.then_some(4),
                read_below_bytes,
                threads: 1,
                must_clone: false,
            };
            History { plan, is_network, source_len, holes, reactions, grows_always: 0 }
        },
    )
}

/// The same with histories that shrink: what fails here is printed as small as it gets.
#[test]
fn no_short_history_breaks_a_rule() {
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&history(), |history| history.check().map_err(TestCaseError::fail))
        .unwrap_or_else(|wrong| panic!("{wrong}"));
}

/// Where nothing goes wrong but codes, short moves and false zeros, every file arrives.
#[test]
fn a_source_at_rest_arrives_whole_unless_a_code_says_otherwise() {
    for seed in 0..100_000 {
        let mut history = Random(seed ^ 0x5EED_0000).history();
        history.grows_always = 0;
        for reaction in &mut history.reactions {
            reaction.change = Change::Nothing;
            let fails = match reaction.act {
                Act::Breaks => true,
                Act::Code(errno, _) => {
                    [Errno::IO, Errno::NOSPC, Errno::NOMEM, Errno::NOENT, Errno::MFILE]
                        .contains(&errno)
                }
                _ => false,
            };
            if fails {
                reaction.act = Act::Code(Errno::INTR, 2);
            }
        }
        let holes: Vec<_> = history.holes.iter().map(|(start, len)| *start..start + len).collect();
        let mut kernel = Kernel::new(history.source_len).with_holes(&holes);
        kernel.reactions = history.reactions.iter().copied().collect();
        let answer = kernel.fill(&history.plan, true);
        let is_right = match &answer {
            Ok(filled) => filled.bytes.len == history.source_len,
            Err(super::super::Failure::NoClone { .. }) => history.plan.must_clone,
            // Not every code is a row of every method.
            Err(super::super::Failure::Fault { .. }) => true,
            Err(super::super::Failure::Cancelled { .. }) => false,
        };
        assert!(is_right, "seed {seed}: {answer:?}\n {history:?}");
        if answer.is_ok() {
            let source: Vec<u8> = (0..history.source_len).map(|at| kernel.byte(at)).collect();
            assert_eq!(kernel.target, source, "seed {seed}: {history:?}");
        }
    }
}
