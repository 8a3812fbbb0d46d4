//! Which rows of a picture have changed. Pure.

use std::ops::Range;

/// A rectangle in pixels; its corner may be anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The rows from the first to the last that has changed. A few rows too many cost less than asking for each rectangle
/// by itself, and whole rows lie in a picture as they come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rows(Option<Range<u32>>);

impl Rows {
    /// All rows of a picture.
    pub(super) fn all(height: u32) -> Self {
        Self((height > 0).then_some(0..height))
    }

    /// Adds the part of `changed` that is within `picture`; both are measured from the same corner.
    pub(super) fn add(&mut self, changed: Rect, picture: Rect) {
        let ends =
            |start: i32, length: u32| (i64::from(start), i64::from(start) + i64::from(length));
        let (left, right) = ends(changed.x, changed.width);
        let (top, bottom) = ends(changed.y, changed.height);
        let (picture_left, picture_right) = ends(picture.x, picture.width);
        let (picture_top, picture_bottom) = ends(picture.y, picture.height);
        let (top, bottom) = (top.max(picture_top), bottom.min(picture_bottom));
        if left.max(picture_left) >= right.min(picture_right) || top >= bottom {
            return;
        }
        let (top, bottom) = ((top - picture_top) as u32, (bottom - picture_top) as u32);
        self.0 = Some(match self.0.take() {
            Some(rows) => rows.start.min(top)..rows.end.max(bottom),
            None => top..bottom,
        });
    }

    /// The rows that have changed, which are then forgotten.
    pub(super) fn take(&mut self) -> Option<Range<u32>> {
        self.0.take()
    }

    /// Whether none has changed.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: i32, y: i32, width: u32, height: u32) -> Rect {
        Rect {
            x,
            y,
            width,
            height,
        }
    }

    /// The right one of two monitors.
    const PICTURE: Rect = Rect {
        x: 1000,
        y: 100,
        width: 800,
        height: 600,
    };

    fn rows(changed: &[Rect]) -> Option<Range<u32>> {
        let mut rows = Rows::default();
        for changed in changed {
            rows.add(*changed, PICTURE);
        }
        rows.take()
    }

    #[test]
    fn rows_are_counted_from_the_pictures_first_and_cut_at_its_ends() {
        assert_eq!(rows(&[rect(1100, 150, 10, 20)]), Some(50..70));
        assert_eq!(rows(&[rect(900, 0, 101, 101)]), Some(0..1));
        assert_eq!(rows(&[rect(0, 0, 9000, 9000)]), Some(0..600));
        assert_eq!(rows(&[rect(i32::MIN, 699, u32::MAX, 50)]), Some(599..600));
    }

    #[test]
    fn what_changes_elsewhere_changes_nothing_here() {
        assert_eq!(rows(&[]), None);
        assert_eq!(rows(&[rect(0, 0, 1000, 900)]), None);
        assert_eq!(rows(&[rect(1800, 100, 10, 10)]), None);
        assert_eq!(rows(&[rect(1000, 700, 10, 10)]), None);
        assert_eq!(rows(&[rect(1100, 150, 0, 20)]), None);
    }

    #[test]
    fn several_are_one_stretch_and_are_taken_once() {
        let mut all = Rows::default();
        assert!(all.is_empty());
        for y in [300, 200, 400] {
            all.add(rect(1100, y, 1, 10), PICTURE);
        }
        assert!(!all.is_empty());
        assert_eq!(all.take(), Some(100..310));
        assert_eq!(all.take(), None);
        assert_eq!(Rows::all(7).take(), Some(0..7));
        assert_eq!(Rows::all(0).take(), None);
    }
}
