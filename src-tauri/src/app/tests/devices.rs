//! Camera, microphone and speaker.

use super::*;

fn boxed(camera: DeviceState, selected: Option<&str>, known: &[&str]) -> Box<MediaView> {
    Box::new(media(camera, selected, known))
}

pub(super) fn media(camera: DeviceState, selected: Option<&str>, known: &[&str]) -> MediaView {
    let device = |state, selected: Option<&str>| DeviceView {
        devices: known
            .iter()
            .map(|id| DeviceInfo {
                id: (*id).into(),
                name: (*id).into(),
            })
            .collect(),
        selected: selected.map(str::to_owned),
        state,
    };
    MediaView {
        camera: device(camera, selected),
        microphone: device(DeviceState::Open, None),
        speaker: device(DeviceState::Open, None),
        screen: DeviceState::Closed,
        muted: false,
        camera_off: false,
        speaker_muted: false,
    }
}

#[test]
fn what_was_off_stays_off_when_calling_again_and_is_on_in_a_new_call() {
    let mut person = Person::in_own_call();
    person
        .says(Command::SetMuted { muted: true })
        .says(Command::SetCameraOff { off: true })
        .says(Command::HangUp)
        .says(Command::CallAgain);
    let opened = |person: &mut Person| {
        let opened = person.done.drain(..).rev().find_map(|action| match action {
            Action::OpenMedia(Capture::Devices { muted, camera_off }) => Some((muted, camera_off)),
            _ => None,
        });
        opened.unwrap()
    };
    assert_eq!(opened(&mut person), (true, true));
    person.says(Command::Back).says(Command::NewCall);
    assert_eq!(opened(&mut person), (false, false));
}

#[test]
fn leaving_the_lobby_closes_the_devices() {
    let mut person = Person::new();
    person.says(Command::NewCall);
    person.feed(Input::Media(boxed(DeviceState::Open, None, &["cam"])));
    assert_eq!(person.view().media.camera.state, DeviceState::Open);
    person.did();
    person.says(Command::Back);
    assert_eq!(person.did(), ["CloseMedia"]);
    assert_eq!(person.view().media.camera.state, DeviceState::Closed);
    person.feed(Input::Media(boxed(DeviceState::Open, None, &["cam"])));
    assert_eq!(
        person.view().media.camera.state,
        DeviceState::Closed,
        "that came late"
    );
}

#[test]
fn a_device_that_fails_is_said_once_and_no_more_when_it_works_again() {
    let error = UserError::new(ErrorCode::CameraBusy, "In use.", "Close it.");
    let failed = || DeviceState::Failed {
        error: error.clone(),
    };
    let mut person = Person::new();
    person.says(Command::NewCall);
    person.feed(Input::Media(boxed(failed(), None, &["cam"])));
    assert_eq!(person.view().error.as_ref(), Some(&error));
    person.says(Command::DismissError);
    person.feed(Input::Media(boxed(failed(), None, &["cam", "other"])));
    assert_eq!(person.view().error, None, "it was said already");
    person.feed(Input::Media(boxed(DeviceState::Opening, None, &["cam"])));
    person.feed(Input::Media(boxed(failed(), None, &["cam"])));
    assert_eq!(person.view().error.as_ref(), Some(&error));
    person.feed(Input::Media(boxed(DeviceState::Open, None, &["cam"])));
    assert_eq!(person.view().error, None);
}

#[test]
fn a_chosen_camera_that_is_gone_gives_way_and_stays_the_choice() {
    let mut person = Person::new();
    person
        .says(Command::SelectCamera {
            id: Some("old".into()),
        })
        .says(Command::NewCall);
    person.did();
    person.feed(Input::Media(boxed(DeviceState::Missing, Some("old"), &[])));
    assert_eq!(
        person.did(),
        Vec::<String>::new(),
        "there is nothing to give way to"
    );
    person.feed(Input::Media(boxed(
        DeviceState::Missing,
        Some("old"),
        &["new"],
    )));
    assert!(matches!(
        &person.done[..],
        [Action::Media(MediaAction::SelectCamera(None))]
    ));
    assert_eq!(person.state.settings().camera.as_deref(), Some("old"));
    person.did();
    person.feed(Input::Media(boxed(DeviceState::Open, None, &["new"])));
    assert_eq!(person.did(), Vec::<String>::new());
    // It is back: so is the choice, once.
    for _ in 0..2 {
        let both = &["new", "old"];
        person.feed(Input::Media(boxed(DeviceState::Open, None, both)));
    }
    assert!(matches!(
        &person.done[..],
        [Action::Media(MediaAction::SelectCamera(Some(id)))] if id == "old"
    ));
}

#[test]
fn an_id_that_no_device_has_is_not_kept() {
    let mut person = Person::new();
    person.says(Command::NewCall).did();
    let endless = || Some("x".repeat(513));
    person
        .says(Command::SelectCamera { id: endless() })
        .says(Command::SelectMicrophone { id: endless() })
        .says(Command::SelectSpeaker { id: endless() });
    assert_eq!(person.did(), Vec::<String>::new());
    assert_eq!(*person.state.settings(), Settings::default());
    let id = Some("x".repeat(512));
    person.says(Command::SelectSpeaker { id });
    assert_eq!(person.did(), ["Save", "Media"]);
}

#[test]
fn what_is_watched_can_be_silenced() {
    let mut person = Person::new();
    person.says(Command::NewCall).did();
    for muted in [true, false] {
        person.says(Command::SetSpeakerMuted { muted });
        assert!(matches!(
            &person.done[..],
            [Action::Media(MediaAction::SetSpeakerMuted(told))] if *told == muted
        ));
        person.did();
    }
}
