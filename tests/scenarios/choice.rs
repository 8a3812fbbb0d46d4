//! Devices that the person at the window chooses, while the call goes on.

use ahoy_tests::{call::AhoyCall, need::lacks, webdriver::Page};
use anyhow::Result;
use serde_json::json;

use crate::stage::{PARTS, Stage};

/// Chooses the device of this name in a picker; the picker shows it afterwards.
async fn choose(page: &Page, picker: &str, name: &str) -> Result<()> {
    let offered = "
        const options = [...(ahoy.part(arguments[0])?.options ?? [])];
        return options.find((option) => option.text.trim() === arguments[1])?.value || null";
    let names = vec![json!(picker), json!(name)];
    let id = page
        .until(&format!("{name} in {picker}"), offered, names)
        .await?;
    let choose = "
        const picker = ahoy.part(arguments[0]);
        picker.value = arguments[1];
        picker.dispatchEvent(new Event('change', { bubbles: true }));";
    page.run(choose, vec![json!(picker), id.clone()]).await?;
    let chosen = "return ahoy.part(arguments[0])?.value === arguments[1]";
    page.until(&format!("{name} chosen"), chosen, vec![json!(picker), id])
        .await?;
    Ok(())
}

/// The guest was connected once, and told of no error.
fn is_undisturbed(guest: &AhoyCall) {
    let connected = guest.events().filter(|event| event["event"] == "connected");
    assert_eq!(connected.count(), 1, "the same connection all the time");
    assert_eq!(guest.errors(), [""; 0]);
}

#[tokio::test]
async fn a_microphone_and_a_speaker_are_exchanged_and_pulled_while_muted() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let sound = &stage.sound;
    let link = stage.new_call().await?;
    // The guest says the test tone (440 Hz) and plays what it hears on a speaker of its own.
    sound.add_speaker("far").await?;
    let guest = AhoyCall::start_with(
        &link,
        &["--audio", "test", "--speaker", "far"],
        sound.environment(),
    )?;
    guest.event("first_frame").await?;
    let _mouth = sound.speak(660.0, 0.2)?;
    sound.hear_tone_from("far", 660.0, -30.0).await?;
    sound.hear_tone(440.0, -40.0).await?;

    // A headset is chosen by its name: it is spoken into, and heard from.
    sound.plug_in_headset().await?;
    let voice = sound.speak_into("headset_mouth", 1000.0, 0.2)?;
    let page = stage.app.page();
    page.press("devices").await?;
    choose(page, "mic-select", "headset").await?;
    choose(page, "speaker-select", "headset").await?;
    sound.hear_tone_from("far", 1000.0, -30.0).await?;
    sound.hear_tone_from("headset", 440.0, -40.0).await?;
    page.press("close-sheet").await?;
    page.gone("close-sheet").await?;

    // It is pulled while the person is muted: what else there is takes its place.
    page.press("toggle-mic").await?;
    drop(voice);
    sound.unplug_headset().await?;
    sound.hear_tone(440.0, -40.0).await?;
    page.press("toggle-mic").await?;
    sound.hear_tone_from("far", 660.0, -30.0).await?;

    // Plugged in again it is still the one that was chosen.
    sound.plug_in_headset().await?;
    let _voice = sound.speak_into("headset_mouth", 1000.0, 0.2)?;
    sound.hear_tone_from("far", 1000.0, -30.0).await?;
    sound.hear_tone_from("headset", 440.0, -40.0).await?;
    is_undisturbed(&guest);
    Ok(())
}
