//! What Ahoy was opened with: a link on its command line, where browsers put it too.

use crate::app::AppHandle;

/// Has the user asked about the link, if there is one: nothing is done about it before they agree.
pub(crate) fn by_arguments(app: &AppHandle, arguments: impl Iterator<Item = String>) {
    if let Some(link) = link_of(arguments) {
        app.open_link(link);
    }
}

fn link_of(mut arguments: impl Iterator<Item = String>) -> Option<String> {
    arguments.find(|argument| {
        let scheme = argument.split_once(':').map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| {
            ["ahoy", "https", "http"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_link_counts_and_nothing_else_does() {
        let of = |arguments: &[&str]| link_of(arguments.iter().map(|text| (*text).to_owned()));
        assert_eq!(
            of(&["--x", "ahoy://a/r/b", "https://c"]).as_deref(),
            Some("ahoy://a/r/b")
        );
        assert_eq!(of(&["HTTPS://c/r/d#e"]).as_deref(), Some("HTTPS://c/r/d#e"));
        assert_eq!(of(&["file:///etc/passwd", "-h", "", "c/r/d"]), None);
    }
}
