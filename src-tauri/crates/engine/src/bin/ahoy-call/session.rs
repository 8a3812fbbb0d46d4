//! Runs what was asked for until it ends, and prints what happens.

use std::{future::pending, sync::Arc, time::Duration};

use ahoy_contract::{
    ErrorCode, Link, UserError,
    id::Secret,
    ui::{DeviceState, EndReason, MediaView},
    wire::{Role, RoomKind},
};
use ahoy_engine::{
    call::{Event, HostKey, Part},
    codec::Content,
    device::{AudioSpec, DeviceError, DeviceKind, VideoSpec},
    engine::{DialectConfig, Engine, EngineConfig, EngineEvent},
    media::{LocalMedia, MediaConfig},
    signaling::Target,
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    devices,
    names::Names,
    output::{Exit, Output, bye},
    plan::{CallPlan, Place},
    sinks::Sinks,
    stats::Meter,
};

/// As many members as a room may hold, the host included; the relay may lower it.
const fn capacity(kind: RoomKind) -> u32 {
    match kind {
        RoomKind::Call => 8,
        RoomKind::Broadcast => 512,
    }
}
/// What the relay's log calls this program.
const APP: &str = concat!("ahoy-call/", env!("CARGO_PKG_VERSION"));

/// A call, from the first device to the last joined thread.
pub(crate) async fn run(plan: CallPlan, output: Output) -> Exit {
    if let Some(error) = tokio::task::block_in_place(|| devices::named_device_missing(&plan)) {
        output.error(&error);
        return Exit::NoDevice;
    }
    let media = LocalMedia::open(MediaConfig {
        video: devices::opened(&plan.video),
        audio: plan.audio.clone(),
        speaker: plan.speaker.clone(),
        format: plan.format,
        content: match plan.video {
            VideoSpec::Screen(_) => Content::Screen,
            _ => Content::Camera,
        },
        audience: plan.kind == RoomKind::Broadcast,
        muted: false,
        camera_off: false,
    });
    let sinks = Sinks::new(
        plan.record.clone(),
        plan.format.fps,
        plan.record_audio.clone(),
        plan.probe,
    );
    let setup = match setup(&plan, &sinks) {
        Ok(setup) => setup,
        Err(error) => {
            output.error(&error);
            media.close().await;
            return Exit::Failed;
        }
    };
    let mut engines: Vec<Engine> = (0..plan.count)
        .map(|_| match setup.clone() {
            Setup::Native(config) => Engine::start(*config, media.clone()),
            Setup::Dialect(config) => Engine::start_dialect(*config, media.clone()),
        })
        .collect();
    let exit = talk(&plan, &output, &media, &sinks, &mut engines, setup.link()).await;
    for engine in engines {
        engine.close().await;
    }
    media.close().await;
    let finish = tokio::task::block_in_place(|| sinks.finish());
    if let Err(error) = finish {
        output.error(&error.to_user());
        return Exit::Failed;
    }
    exit
}

/// What the engines are started with.
#[derive(Clone)]
enum Setup {
    Native(Box<EngineConfig>),
    Dialect(Box<DialectConfig>),
}

impl Setup {
    /// The link of the room; empty where there is none.
    fn link(&self) -> &str {
        match self {
            Self::Native(config) => &config.link,
            Self::Dialect(_) => "",
        }
    }
}

fn setup(plan: &CallPlan, sinks: &Arc<Sinks>) -> Result<Setup, UserError> {
    let (part, link) = match &plan.place {
        Place::Dialect { relay, plan: call } => {
            return Ok(Setup::Dialect(Box::new(DialectConfig {
                relay: relay.clone(),
                plan: call.clone(),
                transport: plan.transport.clone(),
                sinks: Some(sinks.clone()),
            })));
        }
        Place::Join(link) => {
            let role = match plan.kind {
                RoomKind::Call => Role::Caller,
                RoomKind::Broadcast => Role::Viewer,
            };
            (Part::Guest { role }, link.clone())
        }
        Place::Open { address, pin } => {
            let (mut key, mut secret) = ([0; 32], [0; 16]);
            getrandom::fill(&mut key)
                .and_then(|()| getrandom::fill(&mut secret))
                .map_err(|error| {
                    let message = format!("The system gives no random numbers: {error}.");
                    UserError::new(
                        ErrorCode::Internal,
                        message,
                        "Without them no call is secret.",
                    )
                })?;
            let key = HostKey::from_bytes(&key);
            let link = Link {
                relay: address.clone(),
                room: key.room(),
                secret: Secret::new(secret),
                pin: pin.clone(),
            };
            (
                Part::Host {
                    key,
                    kind: plan.kind,
                    capacity: capacity(plan.kind),
                    knock: false,
                },
                link,
            )
        }
    };
    Ok(Setup::Native(Box::new(EngineConfig {
        relay: Target::native(link.relay.clone(), link.pin.clone()),
        part,
        room: link.room.clone(),
        secret: link.secret.clone(),
        link: link.to_string(),
        name: plan.name.clone(),
        app: APP.to_owned(),
        only_answers: plan.only_answers,
        transport: plan.transport.clone(),
        sinks: Some(sinks.clone()),
    })))
}

#[expect(clippy::disallowed_methods, reason = "a program lives in real time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

async fn talk(
    plan: &CallPlan,
    output: &Output,
    media: &LocalMedia,
    sinks: &Sinks,
    engines: &mut [Engine],
    link: &str,
) -> Exit {
    // All members' events in one queue; each is small, and the reader only prints.
    let (sender, mut events) = mpsc::channel(256);
    for (index, engine) in engines.iter_mut().enumerate() {
        if let Some(mut events) = engine.take_events() {
            let sender = sender.clone();
            // Ends with its engine, which is closed and joined.
            tokio::spawn(async move {
                while let Some(event) = events.recv().await {
                    if sender.send((index, event)).await.is_err() {
                        break;
                    }
                }
            });
        }
    }
    drop(sender);
    let mut names =
        Names::new(matches!(&plan.place, Place::Dialect { plan, .. } if plan.has_names()));
    let mut meter = Meter::new(now());
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    second.tick().await;
    let over = async {
        match plan.seconds {
            Some(seconds) => sleep(Duration::from_secs(seconds)).await,
            None => pending().await,
        }
    };
    tokio::pin!(over);
    let signals = stop_signals();
    tokio::pin!(signals);
    let mut devices = media.view();
    let mut told = (DeviceState::Closed, DeviceState::Closed);
    let mut running = engines.len();
    let mut exit = Exit::Done;
    let mut leaving = false;
    loop {
        tokio::select! {
            event = events.recv() => {
                let Some((index, event)) = event else {
                    // The last word was lost in a flood of others; the view has it.
                    let last = engines.iter().find_map(|engine| engine.view().borrow().ended);
                    if let Some(reason) = last {
                        output.ended(reason);
                    }
                    return last.map_or(exit, Exit::of);
                };
                if let EngineEvent::Call(Event::PeerConnected { peer }) = &event {
                    for text in &plan.chat {
                        engines[index].chat(Some(peer.clone()), text.clone());
                    }
                }
                if let Some(reason) = print(output, event, (plan, link), &mut names) {
                    if exit == Exit::Done {
                        exit = Exit::of(reason);
                    }
                    running -= 1;
                    if running == 0 {
                        return exit;
                    }
                }
            }
            _ = second.tick() => {
                let reports = engines.iter().enumerate().flat_map(|(connection, engine)| {
                    engine.report().into_iter().map(move |report| (connection, report))
                });
                let reports = reports.collect();
                let event = meter.event(now(), reports, |peer, run| {
                    if let Some(probes) = sinks.probes() {
                        let probes = probes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        if let Some((_, probe)) = probes.get(peer) {
                            run(probe);
                        }
                    }
                });
                output.event(&names.put(event), "");
            }
            Ok(()) = devices.changed() => tell(plan, output, &devices.borrow_and_update(), &mut told),
            () = &mut over, if !leaving => {
                leaving = true;
                hang_up(engines);
            }
            () = &mut signals, if !leaving => {
                leaving = true;
                hang_up(engines);
            }
        }
    }
}

fn hang_up(engines: &[Engine]) {
    for engine in engines {
        engine.hang_up();
    }
}

/// Prints an event; says how the call ended, if it did.
fn print(
    output: &Output,
    event: EngineEvent,
    (plan, link): (&CallPlan, &str),
    names: &mut Names,
) -> Option<EndReason> {
    let who = |name: String| match name.is_empty() {
        true => "Somebody".to_owned(),
        false => name,
    };
    let (event, sentence) = match event {
        EngineEvent::Call(Event::Ready) => {
            if matches!(plan.place, Place::Open { .. }) {
                output.event(&json!({"event": "link", "url": link}), link);
            }
            (json!({"event": "ready"}), String::new())
        }
        EngineEvent::Call(Event::AtTheDoor) => (
            json!({"event": "at_the_door"}),
            "The host has to let you in.".into(),
        ),
        EngineEvent::Call(Event::Knock { peer, name }) => (
            json!({"event": "knock", "peer": peer, "name": name}),
            format!("{name} asks to come in."),
        ),
        EngineEvent::Call(Event::PeerJoined { peer, name }) => {
            names.joined(&peer, &name);
            (
                json!({"event": "peer_joined", "peer": peer, "name": name}),
                format!("{} is here.", who(name)),
            )
        }
        // The connection says it with more detail.
        EngineEvent::Call(Event::PeerConnected { .. }) => return None,
        EngineEvent::Call(Event::PeerLeft { peer, name, reason }) => {
            let event = json!({"event": "peer_left", "peer": peer, "reason": bye(reason)});
            let event = names.put(event);
            names.left(&peer);
            (event, format!("{} has left.", who(name)))
        }
        EngineEvent::Call(Event::Words { peer, words }) => (
            json!({"event": "words", "peer": peer, "words": words}),
            format!("Compare these words by voice: {}", words.join(" ")),
        ),
        EngineEvent::Call(Event::Chat { peer, text }) => {
            (json!({"event": "chat", "peer": peer, "text": text}), text)
        }
        EngineEvent::Call(Event::Error(error)) => {
            output.error(&error);
            return None;
        }
        EngineEvent::Call(Event::Ended(reason)) => {
            output.ended(reason);
            return Some(reason);
        }
        EngineEvent::Connected { peer, ms, pair } => (
            json!({"event": "connected", "peer": peer, "ms": ms, "pair": pair}),
            "Connected.".into(),
        ),
        EngineEvent::FirstFrame {
            peer,
            ms,
            width,
            height,
        } => (
            json!({"event": "first_frame", "peer": peer, "ms": ms, "width": width, "height": height}),
            String::new(),
        ),
    };
    output.event(&names.put(event), &sentence);
    None
}

/// Tells of devices that fail; the call goes on with what there is.
fn tell(plan: &CallPlan, output: &Output, view: &MediaView, told: &mut (DeviceState, DeviceState)) {
    let tell = |state: &DeviceState, told: &mut DeviceState, wanted: bool, missing: UserError| {
        if state != told {
            *told = state.clone();
            match state {
                DeviceState::Failed { error } => output.error(error),
                DeviceState::Missing if wanted => output.error(&missing),
                DeviceState::Missing
                | DeviceState::Closed
                | DeviceState::Opening
                | DeviceState::Open => {}
            }
        }
    };
    tell(
        &view.camera.state,
        &mut told.0,
        plan.video != VideoSpec::None,
        DeviceError::Missing(DeviceKind::Camera).to_user(),
    );
    tell(
        &view.microphone.state,
        &mut told.1,
        plan.audio != AudioSpec::None,
        DeviceError::Missing(DeviceKind::Microphone).to_user(),
    );
}

#[cfg(unix)]
async fn stop_signals() {
    use tokio::signal::unix::{SignalKind, signal};
    match (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        _ => pending().await,
    }
}

#[cfg(not(unix))]
async fn stop_signals() {
    if tokio::signal::ctrl_c().await.is_err() {
        pending().await
    }
}
