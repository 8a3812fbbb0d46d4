//! Numbers that wrap around on the wire, continued without end.

/// Continues the wrapping numbers of one stream, so that order is plain comparison.
///
/// Each number is placed next to the highest one seen so far, at most half a turn away from it: late
/// packets come out lower, and the first packets of a stream may even come out negative.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwrap<T> {
    highest: Option<i64>,
    number: std::marker::PhantomData<T>,
}

macro_rules! unwrap_of {
    ($unsigned:ty, $signed:ty, $what:literal) => {
        impl Unwrap<$unsigned> {
            #[doc = concat!("The ", $what, " without its wrap-around. A stream starts at its first number.")]
            pub fn extend(&mut self, number: $unsigned) -> i64 {
                let Some(highest) = self.highest else {
                    self.highest = Some(i64::from(number));
                    return i64::from(number);
                };
                // The truncation is the point: the distance is taken modulo one turn.
                let distance = number.wrapping_sub(highest as $unsigned) as $signed;
                let extended = highest + i64::from(distance);
                self.highest = Some(highest.max(extended));
                extended
            }

            /// The highest number seen, extended.
            pub fn highest(&self) -> Option<i64> {
                self.highest
            }
        }
    };
}

unwrap_of!(u16, i16, "sequence number (RFC 3550 §5.1, 16 bits)");
unwrap_of!(u32, i32, "time stamp (RFC 3550 §5.1, 32 bits)");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_past_the_wrap() {
        let mut numbers = Unwrap::<u16>::default();
        assert_eq!(numbers.extend(65_534), 65_534);
        assert_eq!(numbers.extend(1), 65_537);
        assert_eq!(numbers.extend(65_535), 65_535);
        assert_eq!(numbers.extend(0), 65_536);
        assert_eq!(numbers.extend(2), 65_538);
        assert_eq!(numbers.highest(), Some(65_538));
    }

    #[test]
    fn what_came_before_the_first_is_lower() {
        let mut times = Unwrap::<u32>::default();
        assert_eq!(times.extend(10), 10);
        assert_eq!(times.extend(u32::MAX), -1);
        assert_eq!(times.extend(20), 20);
    }
}
