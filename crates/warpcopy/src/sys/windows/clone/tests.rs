//! The procedure against a volume that has ReFS's rules.

use super::*;

const CLUSTER: u64 = 4 << 10;

/// Two files on volumes, with the rules of "Block cloning on ReFS" and what was seen in the field.
struct Disk {
    volumes: (Volume, Volume),
    cluster_bytes: u64,
    len_bytes: u64,
    source_integrity: (u16, u32),
    target_integrity: (u16, u32),
    source_is_sparse: bool,
    target_is_sparse: bool,
    target_len: u64,
    /// Which bytes the target has, by sharing or copying.
    held: Vec<Range<u64>>,
    /// It refuses what lies beyond the file's length.
    forbids_beyond: bool,
    /// It answers so to the call that sets integrity.
    integrity_answer: Answer<()>,
    /// Codes that sharing answers with, one after another, before it works.
    codes: Vec<Code>,
    /// It says yes and shares nothing.
    lies: bool,
    log: Vec<String>,
}

impl Disk {
    fn new(len_bytes: u64) -> Disk {
        let volume = Volume { serial: 7, shares_blocks: true };
        Disk {
            volumes: (volume, volume),
            cluster_bytes: CLUSTER,
            len_bytes,
            source_integrity: (0, 0),
            target_integrity: (0, 0),
            source_is_sparse: false,
            target_is_sparse: false,
            target_len: 0,
            held: Vec::new(),
            forbids_beyond: false,
            integrity_answer: Ok(()),
            codes: Vec::new(),
            lies: false,
            log: Vec::new(),
        }
    }

    fn source(&self) -> Source {
        Source {
            len_bytes: self.len_bytes,
            is_sparse: self.source_is_sparse,
            is_encrypted: false,
            is_elsewhere: false,
            is_verified: true,
        }
    }

    fn clone(&mut self) -> Result<(), Fault> {
        let source = self.source();
        clone(self, source, &mut |_| true)
    }

    fn clone_and_check(&mut self) {
        assert_eq!(self.clone(), Ok(()));
        assert_eq!(self.target_len, self.len_bytes);
        assert_eq!(self.target_is_sparse, self.source_is_sparse);
        let mut end = 0;
        for range in &self.held {
            assert_eq!(range.start, end, "{:?}", self.held);
            end = range.end;
        }
        assert!(end >= self.len_bytes, "{:?}", self.held);
    }

    fn assert_untouched(&self) {
        assert_eq!((self.target_len, self.target_is_sparse), (0, false));
        assert!(self.held.is_empty());
    }

    fn has(&self, offset: u64) -> bool {
        self.held.iter().any(|range| range.contains(&offset))
    }
}

impl Cloning for Disk {
    fn volumes(&mut self) -> Answer<(Volume, Volume)> {
        Ok(self.volumes)
    }

    fn integrity(&mut self) -> Answer<Integrity> {
        let (checksum, flags) = self.source_integrity;
        Ok(Integrity { checksum, flags, cluster_bytes: self.cluster_bytes })
    }

    fn set_integrity(&mut self, like: Integrity) -> Answer<()> {
        assert_eq!(self.target_len, 0, "it is set on empty files alone");
        self.log.push("integrity".into());
        self.integrity_answer?;
        self.target_integrity = (like.checksum, like.flags);
        Ok(())
    }

    fn set_sparse(&mut self, is_sparse: bool) -> Answer<()> {
        assert!(self.target_len == 0 || !is_sparse, "sparse comes before the length");
        self.log.push(format!("sparse {is_sparse}"));
        self.target_is_sparse = is_sparse;
        Ok(())
    }

    fn set_len(&mut self, len_bytes: u64) -> Answer<()> {
        self.log.push(format!("length {len_bytes}"));
        self.target_len = len_bytes;
        self.held.retain(|range| range.start < len_bytes);
        Ok(())
    }

    fn share(&mut self, range: Range<u64>) -> Answer<()> {
        self.log.push(format!("share {}..{}", range.start, range.end));
        if !self.codes.is_empty() {
            return Err(self.codes.remove(0));
        }
        let cluster = self.cluster_bytes;
        if !range.start.is_multiple_of(cluster) || !range.end.is_multiple_of(cluster) {
            return Err(INVALID_PARAMETER);
        }
        assert!(range.end > range.start && range.end - range.start < 4 << 30);
        if range.end > self.target_len.next_multiple_of(cluster)
            || (self.source_is_sparse && !self.target_is_sparse)
            || (self.forbids_beyond && range.end > self.len_bytes)
        {
            return Err(NOT_SUPPORTED);
        }
        if self.source_integrity != self.target_integrity && self.integrity_answer.is_ok() {
            return Err(INVALID_PARAMETER);
        }
        if !self.lies {
            self.held.push(range);
        }
        Ok(())
    }

    fn copy(&mut self, range: Range<u64>) -> Result<(), Fault> {
        self.log.push(format!("copy {}..{}", range.start, range.end));
        self.held.push(range);
        Ok(())
    }

    fn is_same(&mut self, range: Range<u64>) -> Result<bool, Fault> {
        Ok(range.is_empty() || (self.has(range.start) && self.has(range.end - 1)))
    }
}

#[test]
fn whole_clusters_a_tail_one_cluster_less_than_one_and_nothing_are_cloned() {
    for len in [0, 1, CLUSTER - 1, CLUSTER, CLUSTER + 1, 10 * CLUSTER, 10 * CLUSTER + 123] {
        for forbids_beyond in [false, true] {
            let mut disk = Disk { forbids_beyond, ..Disk::new(len) };
            disk.clone_and_check();
        }
    }
}

#[test]
fn clusters_of_64_kib_are_cloned_too() {
    for len in [1, 64 << 10, (64 << 10) + 1, 3 << 30] {
        let mut disk = Disk { cluster_bytes: 64 << 10, ..Disk::new(len) };
        disk.clone_and_check();
    }
}

#[test]
fn big_files_are_cloned_in_pieces_of_two_gib() {
    let mut disk = Disk::new((6 << 30) + 5);
    disk.clone_and_check();
    let pieces: Vec<u64> = disk.held.iter().map(|range| range.end - range.start).collect();
    assert_eq!(pieces, [2 << 30, 2 << 30, 2 << 30, CLUSTER]);
}

#[test]
fn a_target_is_sparse_before_it_has_a_length_and_no_longer_than_its_source() {
    let mut disk = Disk::new(CLUSTER);
    disk.clone_and_check();
    let log: Vec<&str> = disk.log.iter().map(String::as_str).collect();
    assert_eq!(log, ["sparse true", "length 4096", "share 0..4096", "sparse false"]);
    let mut disk = Disk { source_is_sparse: true, ..Disk::new(CLUSTER) };
    disk.clone_and_check();
    assert!(!disk.log.contains(&"sparse false".into()));
}

#[test]
fn integrity_is_taken_over_where_there_is_some_while_the_target_is_empty() {
    let mut disk = Disk { source_integrity: (2, 1), ..Disk::new(CLUSTER) };
    disk.clone_and_check();
    assert_eq!(disk.log[..2], ["sparse true", "integrity"]);
    let mut disk = Disk::new(CLUSTER);
    disk.clone_and_check();
    assert!(!disk.log.contains(&"integrity".into()));
}

#[test]
fn a_dev_drive_that_lets_nobody_set_integrity_clones_all_the_same() {
    let integrity_answer = Err(ACCESS_DENIED);
    let mut disk = Disk { source_integrity: (2, 0), integrity_answer, ..Disk::new(CLUSTER) };
    disk.clone_and_check();
}

#[test]
fn any_other_answer_about_integrity_is_an_error_of_the_target() {
    let integrity_answer = Err(Code(112));
    let mut disk = Disk { source_integrity: (2, 0), integrity_answer, ..Disk::new(CLUSTER) };
    assert_eq!(disk.clone(), Err(fault(Code(112), Side::Target)));
    disk.assert_untouched();
}

#[test]
fn where_the_rounded_end_is_refused_whole_clusters_are_shared_and_the_tail_is_copied() {
    let mut disk = Disk { forbids_beyond: true, ..Disk::new(3 * CLUSTER + 10) };
    disk.clone_and_check();
    assert_eq!(disk.log[2..5], ["share 0..16384", "share 0..12288", "copy 12288..12298"]);
    let mut disk = Disk { forbids_beyond: true, ..Disk::new(10) };
    disk.clone_and_check();
    assert_eq!(disk.log[2..4], ["share 0..4096", "copy 0..10"]);
}

#[test]
fn a_refusal_of_the_first_clusters_is_one_of_the_file() {
    let mut disk = Disk::new(3 * CLUSTER + 10);
    disk.codes = vec![NOT_SUPPORTED, NOT_SUPPORTED];
    assert_eq!(disk.clone(), Err(fault(NOT_SUPPORTED, Side::Either)));
    disk.assert_untouched();
}

#[test]
fn too_many_references_and_a_full_disk_leave_nothing() {
    for code in [347, 112, 19].map(Code) {
        let mut disk = Disk::new((2 << 30) + CLUSTER);
        disk.codes = vec![code];
        assert_eq!(disk.clone(), Err(fault(code, Side::Either)));
        disk.assert_untouched();
    }
}

#[test]
fn two_volumes_and_volumes_that_share_nothing_are_found_out_before_anything_is_done() {
    let shares = Volume { serial: 7, shares_blocks: true };
    let other = Volume { serial: 8, ..shares };
    let ntfs = Volume { shares_blocks: false, ..shares };
    for volumes in [(shares, other), (ntfs, shares), (shares, ntfs), (ntfs, ntfs)] {
        let mut disk = Disk { volumes, ..Disk::new(CLUSTER) };
        assert_eq!(disk.clone(), Err(fault(INVALID_FUNCTION, Side::Either)), "{volumes:?}");
        assert!(disk.log.is_empty());
    }
}

#[test]
fn what_is_encrypted_is_not_cloned() {
    let mut disk = Disk::new(CLUSTER);
    let source = Source { is_encrypted: true, ..disk.source() };
    let answer = clone(&mut disk, source, &mut |_| true);
    assert_eq!(answer, Err(fault(ENCRYPTION_FAILED, Side::Source)));
    assert!(disk.log.is_empty());
}

#[test]
fn what_is_kept_in_a_cloud_is_not_cloned() {
    let mut disk = Disk::new(CLUSTER);
    let source = Source { is_elsewhere: true, ..disk.source() };
    let answer = clone(&mut disk, source, &mut |_| true);
    assert_eq!(answer, Err(fault(NOT_SUPPORTED, Side::Source)));
    assert!(disk.log.is_empty());
}

#[test]
fn a_clone_that_came_out_as_zeros_is_found_out_where_builds_are_not_trusted() {
    let mut disk = Disk { lies: true, ..Disk::new(10 * CLUSTER) };
    assert_eq!(disk.clone(), Err(fault(INVALID_DATA, Side::Either)));
    disk.assert_untouched();
    let mut disk = Disk { lies: true, ..Disk::new(10 * CLUSTER) };
    let source = Source { is_verified: false, ..disk.source() };
    assert_eq!(clone(&mut disk, source, &mut |_| true), Ok(()));
}

#[test]
fn a_clone_stops_between_pieces_when_it_is_told_to() {
    let mut disk = Disk::new(6 << 30);
    let source = disk.source();
    let mut asked = 0;
    let answer = clone(&mut disk, source, &mut |_| {
        asked += 1;
        asked < 2
    });
    assert_eq!(answer, Err(fault(REQUEST_ABORTED, Side::Either)));
    assert_eq!(disk.log.iter().filter(|line| line.starts_with("share")).count(), 2);
    disk.assert_untouched();
}
