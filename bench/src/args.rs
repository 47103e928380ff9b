//! The command line: `--flag value`, lists by commas.

use std::collections::HashMap;
use std::path::PathBuf;

/// Flags and their values.
pub struct Args(HashMap<String, String>);

impl Args {
    /// Reads `--flag value` pairs; a flag without a value is `yes`.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Args, String> {
        let mut flags = HashMap::new();
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            let flag = word.strip_prefix("--").ok_or_else(|| format!("not a flag: {word}"))?;
            let value = words.next_if(|next| !next.starts_with("--"));
            flags.insert(flag.to_owned(), value.unwrap_or_else(|| "yes".to_owned()));
        }
        Ok(Args(flags))
    }

    pub fn text(&self, flag: &str, default: &str) -> String {
        self.0.get(flag).cloned().unwrap_or_else(|| default.to_owned())
    }

    pub fn path(&self, flag: &str, default: &str) -> PathBuf {
        let path = PathBuf::from(self.text(flag, default));
        std::path::absolute(&path).unwrap_or(path)
    }

    pub fn list(&self, flag: &str, default: &str) -> Vec<String> {
        let text = self.text(flag, default);
        text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    pub fn number(&self, flag: &str, default: f64) -> Result<f64, String> {
        match self.0.get(flag) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("--{flag}: not a number: {text}")),
        }
    }
}
