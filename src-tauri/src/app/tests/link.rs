//! Links that are followed, and what is none.

use super::*;

#[test]
fn a_bad_link_is_said_in_the_banner_and_can_be_dismissed() {
    let mut person = Person::new();
    for (link, message) in [
        ("hello", "not an Ahoy link"),
        (&somebodys_link()[..50], "incomplete"),
        (&somebodys_link().replace("https", "http"), "not secure"),
    ] {
        person.says(Command::OpenLink { link: link.into() });
        let error = person.view().error.expect("an error");
        assert_eq!(error.code, ErrorCode::BadLink);
        assert!(error.message.contains(message), "{error}");
        assert_eq!(person.view().screen, Screen::Start);
        person.says(Command::DismissError);
        assert_eq!(person.view().error, None);
    }
    assert_eq!(person.did(), Vec::<String>::new());
}

#[test]
fn a_link_with_markup_or_marks_of_direction_is_refused_in_words() {
    let good = somebodys_link();
    let evil = [
        "<img src=x onerror=alert(1)>".to_owned(),
        "javascript:alert(1)".to_owned(),
        format!("{good}<script>alert(1)</script>"),
        format!("{good}\u{202e}"),
        good.replace("example.org", "<b>example.org"),
        good.replace("example.org", "exam\u{202e}ple.org"),
        good.replace("/r/", "/r/<svg onload=alert(1)>"),
        good.replace('#', "#\"><script>alert(1)</script>"),
        format!("{good}{}", "x".repeat(1024 * 1024)),
        good.replace("example.org", &"a.".repeat(1024 * 1024)),
    ];
    for link in evil {
        let asked = [
            Input::Command(Command::OpenLink { link: link.clone() }),
            Input::Link(link.clone()),
        ];
        for input in asked {
            let mut person = Person::new();
            person.feed(input);
            let error = person.view().error.expect("an error");
            assert_eq!(error.code, ErrorCode::BadLink, "{link:.80}");
            // What it was is not repeated.
            let said = error.to_string();
            assert!(
                said.len() < 200 && !said.contains(['<', '\u{202e}']),
                "{said}"
            );
            assert_eq!(person.view().screen, Screen::Start);
            assert_eq!(person.did(), Vec::<String>::new());
        }
    }
}
