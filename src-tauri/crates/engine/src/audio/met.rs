//! Which packets came already.

/// How many numbers back from the highest are remembered.
const MEMORY: i64 = 128;

/// The numbers met among the last 128, of one stream.
#[derive(Debug, Default)]
pub(super) struct Met {
    highest: Option<i64>,
    /// Bit `n` stands for `highest - n`.
    bits: u128,
}

impl Met {
    /// Remembers an extended sequence number. `false`: it was met before, or is older than what is remembered.
    pub(super) fn is_new(&mut self, number: i64) -> bool {
        let highest = self.highest.unwrap_or(number);
        if number > highest {
            let step = number - highest;
            self.bits = if step < MEMORY { self.bits << step } else { 0 };
        }
        let highest = highest.max(number);
        self.highest = Some(highest);
        let age = highest - number;
        if age >= MEMORY || self.bits >> age & 1 == 1 {
            return false;
        }
        self.bits |= 1 << age;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once() {
        let mut met = Met::default();
        assert!(met.is_new(10));
        assert!(met.is_new(13));
        assert!(met.is_new(11));
        assert!(!met.is_new(11));
        assert!(!met.is_new(10));
        assert!(met.is_new(12));
        assert!(met.is_new(-100));
        assert!(!met.is_new(-120), "too old to know");
        assert!(met.is_new(100_000));
        assert!(!met.is_new(13));
    }
}
