//! A cell: a data set, the file systems it is copied between, and the state that it and its target are in.

/// What is so when a program is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The source is in memory and on the disk, and nothing has the target's name.
    Warm,
    /// Nothing is in memory.
    Cold,
    /// The source was just written and is not on the disk yet.
    Dirty,
    /// A copy by `cp -a` has the target's name.
    Again,
    /// The same, with another last byte in each file.
    Older,
}

impl State {
    const NAMED: [(&str, State); 4] = [
        ("cold", State::Cold),
        ("dirty", State::Dirty),
        ("again", State::Again),
        ("older", State::Older),
    ];
}

/// `w4@ext4`, `w1@ext4-xfs`, `w3@btrfs~cold`.
#[derive(Clone, Debug)]
pub struct Cell {
    pub name: String,
    pub set: String,
    pub source: String,
    /// `None`: the same file system.
    pub target: Option<String>,
    pub state: State,
}

impl Cell {
    pub fn parse(name: &str) -> Result<Cell, String> {
        let bad = || format!("{name}: a cell looks like w4@ext4, w1@ext4-xfs, w3@btrfs~cold");
        let (set, rest) = name.split_once('@').ok_or_else(bad)?;
        let (places, state) = match rest.split_once('~') {
            None => (rest, State::Warm),
            Some((places, word)) => {
                let known = State::NAMED.iter().find(|(name, _)| *name == word);
                (places, known.ok_or_else(bad)?.1)
            }
        };
        let (source, target) = match places.split_once('-') {
            Some((source, target)) => (source, Some(target.to_owned())),
            None => (places, None),
        };
        Ok(Cell {
            name: name.to_owned(),
            set: set.to_owned(),
            source: source.to_owned(),
            target,
            state,
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
        assert_eq!((cell.target.as_deref(), cell.state), (Some("xfs"), State::Cold));
        let cell = Cell::parse("w4@tmpfs").unwrap();
        assert_eq!((cell.target, cell.state), (None, State::Warm));
        assert!(Cell::parse("w4").is_err() && Cell::parse("w4@ext4~lukewarm").is_err());
    }
}
