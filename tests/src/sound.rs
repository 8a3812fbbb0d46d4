//! A sound server of its own: PulseAudio with a speaker and a microphone that are no devices.
//!
//! What is played on the sink `speaker` can be recorded from its monitor, and what is played on the sink
//! `mouth` comes in at the source `microphone`.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tokio::{io::AsyncReadExt as _, process::Command, time::timeout};

use crate::{SOON, process::Process, tone};

/// Samples a second of everything here.
pub const RATE: usize = 48_000;

/// -60 dB below full scale.
const INAUDIBLE: f32 = 0.001;

/// A server that runs, or did.
pub struct SoundServer {
    server: Process,
    folder: tempfile::TempDir,
}

impl SoundServer {
    /// Starts one.
    ///
    /// # Errors
    /// It does not answer soon.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ahoy-sound").tempdir()?;
        let path = folder.path();
        let script = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n\
             load-module module-null-sink sink_name=speaker rate={RATE} channels=2 \
             sink_properties=device.description=Speaker\n\
             load-module module-null-sink sink_name=mouth rate={RATE} channels=1 \
             sink_properties=device.description=Mouth\n\
             load-module module-remap-source master=mouth.monitor source_name=microphone \
             source_properties=device.description=Microphone\n\
             set-default-sink speaker\n\
             set-default-source microphone\n",
            path.join("native").display()
        );
        std::fs::write(path.join("server.pa"), script)?;
        // For programs that speak ALSA: its default device leads to this server.
        std::fs::write(
            path.join("asound.conf"),
            "pcm.!default { type pulse hint { show on description \"Sound server\" } }\nctl.!default { type pulse }\n",
        )?;
        let sound = Self {
            server: server(path)?,
            folder,
        };
        sound.ready().await?;
        Ok(sound)
    }

    async fn ready(&self) -> Result<()> {
        let ready = timeout(SOON, async {
            while self.run("pactl", &["info"]).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        ready
            .await
            .map_err(|_| self.server.fault("does not answer"))
    }

    /// Ends the server without a word (SIGKILL).
    ///
    /// # Errors
    /// It has ended already.
    pub fn kill(&self) -> Result<()> {
        self.server.kill()
    }

    /// Starts it anew, as it was at first.
    ///
    /// # Errors
    /// It does not answer soon.
    pub async fn start_again(&mut self) -> Result<()> {
        // One that was killed ends by a signal, which is no fault here.
        let _ = self.server.exit(SOON).await;
        self.server = server(self.folder.path())?;
        self.ready().await
    }

    /// Adds a speaker that is shown by this name.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn add_speaker(&self, name: &str) -> Result<()> {
        let rate = format!("rate={RATE}");
        let sink = format!("sink_name={name}");
        let shown = format!("sink_properties=device.description={name}");
        let arguments = ["load-module", "module-null-sink", &sink, &rate, &shown];
        self.run("pactl", &arguments).await?;
        Ok(())
    }

    /// Plugs in a headset: one more speaker and microphone, with the mouth `headset_mouth` at it.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn plug_in_headset(&self) -> Result<()> {
        let rate = format!("rate={RATE}");
        let load = async |arguments: &[&str]| {
            let arguments = [&["load-module"], arguments].concat();
            self.run("pactl", &arguments).await
        };
        self.add_speaker("headset").await?;
        load(&[
            "module-null-sink",
            "sink_name=headset_mouth",
            &rate,
            "channels=1",
        ])
        .await?;
        load(&[
            "module-remap-source",
            "master=headset_mouth.monitor",
            "source_name=headset_microphone",
            "source_properties=device.description=headset",
        ])
        .await?;
        Ok(())
    }

    /// Makes the headset's speaker and microphone the defaults.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn prefer_headset(&self) -> Result<()> {
        self.run("pactl", &["set-default-sink", "headset"]).await?;
        let default = ["set-default-source", "headset_microphone"];
        self.run("pactl", &default).await?;
        Ok(())
    }

    /// Pulls the headset out again.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn unplug_headset(&self) -> Result<()> {
        let modules = self.run("pactl", &["list", "short", "modules"]).await?;
        // The last first: with a device goes what was made of it.
        let headset = modules
            .lines()
            .rev()
            .filter(|line| line.contains("headset"));
        for number in headset.filter_map(|line| line.split_whitespace().next()) {
            self.run("pactl", &["unload-module", number]).await?;
        }
        Ok(())
    }

    /// What programs need in their environment to use this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        let path = self.folder.path();
        vec![
            (
                "PULSE_SERVER".into(),
                format!("unix:{}", path.join("native").display()),
            ),
            (
                "ALSA_CONFIG_PATH".into(),
                format!(
                    "/usr/share/alsa/alsa.conf:{}",
                    path.join("asound.conf").display()
                ),
            ),
        ]
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .envs(self.environment())
            .env("HOME", self.folder.path())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = self.command(program).args(arguments).output().await?;
        ensure!(output.status.success(), "{program} failed");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Plays a tone into the microphone until the result is dropped; at most ten minutes.
    ///
    /// # Errors
    /// The tone cannot be played.
    pub fn speak(&self, frequency: f64, amplitude: f64) -> Result<Process> {
        self.speak_into("mouth", frequency, amplitude)
    }

    /// As [`speak`](Self::speak), into another mouth.
    ///
    /// # Errors
    /// As there.
    pub fn speak_into(&self, mouth: &str, frequency: f64, amplitude: f64) -> Result<Process> {
        let file = self.folder.path().join(format!("tone-{frequency}.raw"));
        std::fs::write(&file, tone::sine(RATE, 600, frequency, amplitude))?;
        let mut command = self.command("pacat");
        command
            .args(["--playback", "--format=s16le", "--channels=1"])
            .arg(format!("--device={mouth}"))
            .arg(format!("--rate={RATE}"))
            .arg(file);
        Process::start("pacat", command)
    }

    /// How many programs record something.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn recorders(&self) -> Result<usize> {
        let list = self
            .run("pactl", &["list", "short", "source-outputs"])
            .await?;
        // The server's own modules record too.
        let programs = list.lines().filter(|line| line.contains("protocol-native"));
        Ok(programs.count())
    }

    /// Waits until a program records something.
    ///
    /// # Errors
    /// None does soon.
    pub async fn recorded(&self) -> Result<()> {
        let recorded = timeout(SOON, async {
            while self.recorders().await? == 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        });
        recorded.await.context("no program records")?
    }

    /// Lets the speaker play what comes in at the microphone.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn connect_microphone_to_speaker(&self) -> Result<()> {
        let arguments = [
            "load-module",
            "module-loopback",
            "source=microphone",
            "sink=speaker",
        ];
        self.run("pactl", &arguments).await?;
        Ok(())
    }

    /// Records what a speaker plays.
    async fn hear(&self, speaker: &str, seconds: usize) -> Result<Vec<f32>> {
        let mut command = self.command("parec");
        command
            .args(["--format=s16le", "--channels=1"])
            .arg(format!("--device={speaker}.monitor"))
            .arg(format!("--rate={RATE}"))
            .stdout(std::process::Stdio::piped());
        let mut recorder = command.spawn()?;
        let mut stdout = recorder.stdout.take().context("no output")?;
        let mut bytes = vec![0; RATE * seconds * 2];
        let read = timeout(SOON, stdout.read_exact(&mut bytes)).await;
        recorder.kill().await?;
        read.context("the speaker's monitor brings nothing")??;
        Ok(tone::samples(&bytes))
    }

    /// Waits until the speaker plays this frequency, alone and at least as loud as this; gives its level in dB.
    ///
    /// # Errors
    /// It does not soon.
    pub async fn hear_tone(&self, frequency: f64, least_db: f64) -> Result<f64> {
        self.hear_tone_from("speaker", frequency, least_db).await
    }

    /// As [`hear_tone`](Self::hear_tone), from another speaker.
    ///
    /// # Errors
    /// As there.
    pub async fn hear_tone_from(
        &self,
        speaker: &str,
        frequency: f64,
        least_db: f64,
    ) -> Result<f64> {
        let mut last = (0.0, 0.0);
        let found = timeout(SOON, async {
            loop {
                let sound = self.hear(speaker, 1).await?;
                let wanted = tone::level_db(&sound, RATE as f64, frequency);
                // No whole multiple of the wanted one, so that its harmonics do not count against it.
                let other = tone::level_db(&sound, RATE as f64, frequency * 1.618);
                last = (wanted, other);
                if wanted >= least_db && wanted > other + 20.0 {
                    return Ok(wanted);
                }
            }
        })
        .await;
        match found {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow::anyhow!(
                "no tone of {frequency} Hz in the speaker: {:.1} dB there, {:.1} dB beside it",
                last.0,
                last.1
            )),
        }
    }

    /// Waits until the speaker plays nothing for a second.
    ///
    /// # Errors
    /// It does not fall silent soon.
    pub async fn hear_silence(&self) -> Result<()> {
        let silent = timeout(SOON, async {
            loop {
                let sound = self.hear("speaker", 1).await?;
                if sound.iter().all(|sample| sample.abs() < INAUDIBLE) {
                    return Ok(());
                }
            }
        });
        silent.await.context("the speaker does not fall silent")?
    }
}

/// The server as it is described in this folder.
fn server(path: &Path) -> Result<Process> {
    let mut command = Command::new("pulseaudio");
    command
        .args(["-n", "--exit-idle-time=-1", "--daemonize=no"])
        .args(["--use-pid-file=no", "--realtime=no", "--high-priority=no"])
        .args(["--disable-shm=yes", "--log-target=stderr", "-F"])
        .arg(path.join("server.pa"))
        .env("HOME", path)
        .env("XDG_RUNTIME_DIR", path)
        .env("PULSE_RUNTIME_PATH", path);
    Process::start("pulseaudio", command)
}
