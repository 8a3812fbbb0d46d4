//! What the app says outside of its window, in the user's language. What stands in the window is in `ui/src/text`.

use ahoy_contract::ui::Language;

use crate::notification::name_in_sentence;

/// The words of a notification that somebody asks to come in.
pub(crate) fn knocks(language: Language, name: &str) -> String {
    let name = name_in_sentence(name);
    match (is_chinese(language, sys_locale::get_locale), &*name) {
        (false, "") => "Somebody asks to join your call.".to_owned(),
        (false, name) => format!("{name} asks to join your call."),
        (true, "") => "有人请求加入您的通话。".to_owned(),
        (true, name) => format!("{name} 请求加入您的通话。"),
    }
}

fn is_chinese(language: Language, system: impl Fn() -> Option<String>) -> bool {
    match language {
        Language::English => false,
        Language::SimplifiedChinese => true,
        Language::System => system().is_some_and(|tag| tag.to_ascii_lowercase().starts_with("zh")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_asked_where_the_user_has_not_chosen() {
        let system = |tag: &str| Some(tag.to_owned());
        assert!(is_chinese(Language::System, || system("zh-CN")));
        assert!(!is_chinese(Language::System, || system("de-DE")));
        assert!(!is_chinese(Language::System, || None));
        assert!(!is_chinese(Language::English, || system("zh-CN")));
        assert!(is_chinese(Language::SimplifiedChinese, || None));
    }

    #[test]
    fn who_gave_no_name_is_somebody() {
        assert_eq!(
            knocks(Language::English, " "),
            "Somebody asks to join your call."
        );
        assert!(knocks(Language::SimplifiedChinese, "Mika").starts_with("Mika "));
    }
}
