//! A cell: a data set, the file systems it is copied between, and the state it is in: warm, cold or dirty.

/// `w4@ext4`, `w1@ext4-xfs`, `w3@btrfs~cold`.
#[derive(Clone, Debug)]
pub struct Cell {
    pub name: String,
    pub set: String,
    pub source: String,
    /// `None`: the same file system.
    pub target: Option<String>,
    pub is_cold: bool,
    /// The source was just written and is not on the disk yet.
    pub is_dirty: bool,
}

impl Cell {
    pub fn parse(name: &str) -> Result<Cell, String> {
        let bad = || format!("{name}: a cell looks like w4@ext4, w1@ext4-xfs, w3@btrfs~cold");
        let (set, rest) = name.split_once('@').ok_or_else(bad)?;
        let (places, temperature) = rest.split_once('~').unwrap_or((rest, ""));
        let (source, target) = match places.split_once('-') {
            Some((source, target)) => (source, Some(target.to_owned())),
            None => (places, None),
        };
        if !["", "cold", "dirty"].contains(&temperature) {
            return Err(bad());
        }
        Ok(Cell {
            name: name.to_owned(),
            set: set.to_owned(),
            source: source.to_owned(),
            target,
            is_cold: temperature == "cold",
            is_dirty: temperature == "dirty",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_names_a_set_and_its_places() {
        let cell = Cell::parse("w3@ext4-xfs~cold").unwrap();
        assert_eq!((cell.set.as_str(), cell.source.as_str()), ("w3", "ext4"));
        assert_eq!((cell.target.as_deref(), cell.is_cold), (Some("xfs"), true));
        let cell = Cell::parse("w4@tmpfs").unwrap();
        assert_eq!((cell.target, cell.is_cold), (None, false));
        assert!(Cell::parse("w4").is_err() && Cell::parse("w4@ext4~lukewarm").is_err());
    }
}
