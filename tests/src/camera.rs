//! A small emulated machine that has a camera: Linux with `vivid`, a virtual V4L2 driver, so that the camera's
//! whole way through the system is tested on a host that has none.
//!
//! The machine's root is the host's, read-only; what runs in it lies in a folder of its own that both see.
//! It is emulated in software and slow: time is never measured in it.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{leak, process::Process, programs};

/// What the small system needs to reach its root.
const BOOT_MODULES: [&str; 3] = ["virtio_pci", "9p", "9pnet_virtio"];

/// One webcam. It makes faults only when it is told to.
const CAMERA: &str = "vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x00";

/// What a script may say about the camera, as a program in its folder: `./camera unplug`, `plug`, `stall`, `go_on`, and
/// `odd_rate`, after which it is left at 2/25 s a picture.
const TOOL: &str = r#"#!/usr/bin/perl
use strict;
use warnings;
my $what = shift;
my $driver = "/sys/bus/platform/drivers/vivid";
sub driver {
    open(my $file, ">", "$driver/$_[0]") or die "$_[0]: $!";
    print $file "vivid.0" or die "$_[0]: $!";
    close($file) or die "$_[0]: $!";
}
if ($what eq "unplug") { driver("unbind"); exit; }
if ($what eq "plug") { driver("bind"); exit; }
open(my $camera, "+<", "/dev/video0") or die "camera: $!";
if ($what eq "odd_rate") {
    # VIDIOC_S_PARM: type, capability, mode, time per picture.
    my $param = pack("L5 x184", 1, 0, 0, 2, 25);
    ioctl($camera, 0xC0CC5616, $param) or die "rate: $!";
    my @set = unpack("L5", $param);
    print "rate $set[3]/$set[4]
";
    exit;
}
# VIDIOC_QUERYCTRL with the flag for the next control: all of them, until the one that loses pictures.
my $id = 0;
while (1) {
    my $control = pack("L x64", $id | 0x80000000);
    ioctl($camera, 0xC0445624, $control) or die "no such control: $!";
    (my $next, undef, my $name) = unpack("L L Z32", $control);
    $id = $next;
    next unless $name =~ /dropped/i;
    # VIDIOC_S_CTRL: percentage of pictures that are lost.
    my $value = pack("L l", $id, $what eq "stall" ? 100 : 0);
    ioctl($camera, 0xC008561C, $value) or die "$what: $!";
    last;
}
"#;

/// The first program of the small system: it mounts the host's root and runs the script in it.
const INIT: &str = r#"#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
while read module; do $b insmod /modules/$module; done < /modules/order
nine() { $b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,$3 $1 $2; }
nine root /host ro,cache=loose || $b poweroff -f
$b mount -t proc proc /host/proc
$b mount -t sysfs sys /host/sys
$b mount -t devtmpfs dev /host/dev
for folder in tmp run var/tmp; do $b mount -t tmpfs tmp /host/$folder; done
$b mkdir -p /host/tmp/share /host/tmp/modules /host/dev/shm
$b mount -t tmpfs shm /host/dev/shm
nine share /host/tmp/share rw
nine modules /host/tmp/modules ro,cache=loose
exec $b chroot /host /bin/sh /tmp/share/.run < /dev/console > /dev/console 2>&1
"#;

/// What a machine has left behind.
pub struct Finished {
    folder: tempfile::TempDir,
    /// The script's exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Finished {
    /// A file that the script wrote into its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Boots a machine with a camera at `/dev/video0`, runs a shell script in a folder that holds these programs of the
/// workspace, and waits for its end.
///
/// # Errors
/// The machine does not boot, or the script does not end in time.
pub async fn run(names: &[&str], script: &str, within: Duration) -> Result<Finished> {
    let kernel = kernel()?;
    let folder = tempfile::Builder::new().prefix("ahoy-machine").tempdir()?;
    for name in names {
        fs::copy(programs::built(name)?, folder.path().join(name))?;
    }
    fs::write(folder.path().join("script"), script)?;
    let tool = folder.path().join("camera");
    fs::write(&tool, TOOL)?;
    fs::set_permissions(tool, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    fs::write(
        folder.path().join(".run"),
        format!(
            "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp\n\
             ip link set lo up || ifconfig lo up || /bin/busybox ip link set lo up\n\
             modprobe -d /tmp/modules -S {} {CAMERA}\n\
             cd /tmp/share\n\
             sh ./script > .stdout 2> .stderr < /dev/null\n\
             echo $? > .code\n\
             sync\n\
             /bin/busybox reboot -f\n",
            kernel.version
        ),
    )?;
    let initrd = folder.path().join(".initrd");
    fs::write(&initrd, kernel.initrd()?)?;

    let console = folder.path().join(".console");
    let mut command = tokio::process::Command::new("qemu-system-x86_64");
    command
        .args([
            "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "1024", "-M", "q35",
        ])
        .args([
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
        ])
        .arg("-serial")
        .arg(format!("file:{}", console.display()))
        .arg("-kernel")
        .arg(&kernel.image)
        .arg("-initrd")
        .arg(&initrd)
        .args([
            "-append",
            "console=ttyS0 quiet panic=-1 mitigations=off rdinit=/init",
        ]);
    for (name, path, options) in [
        ("root", Path::new("/"), ",readonly=on"),
        ("share", folder.path(), ""),
        ("modules", &kernel.folder, ",readonly=on"),
    ] {
        let path = path.display();
        command.arg("-fsdev").arg(format!(
            "local,id={name},path={path},security_model=none,multidevs=remap{options}"
        ));
        command
            .arg("-device")
            .arg(format!("virtio-9p-pci,fsdev={name},mount_tag={name}"));
    }
    let mut machine = Process::start("qemu", command)?;
    let ended = machine.exit(within).await;
    let read = |name: &str| {
        let bytes = fs::read(folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (stdout, stderr) = (read(".stdout"), read(".stderr"));
    for line in stderr.lines().filter(|line| leak::is_log_line(line)) {
        if let Some(leak) = leak::leak(line) {
            bail!("a log in the machine holds {leak}: {line}");
        }
    }
    let Ok(code) = read(".code").trim().parse() else {
        let console = read(".console");
        bail!(
            "the machine did not finish ({ended:?}); console: {console}\nstdout: {stdout}\nstderr: {stderr}"
        );
    };
    Ok(Finished {
        folder,
        code,
        stdout,
        stderr,
    })
}

/// An unpacked kernel with its modules.
struct Kernel {
    /// Holds `lib/modules`.
    folder: PathBuf,
    image: PathBuf,
    version: String,
}

/// Debian's kernel, unpacked once and kept; never installed.
fn kernel() -> Result<Kernel> {
    let cache = programs::output("camera-machine")?;
    let folder = cache.join("kernel");
    if !folder.exists() {
        let download = tempfile::tempdir_in(&cache)?;
        let unpacked = download.path().join("unpacked");
        let package = kernel_package()?;
        // The package is public, and apt's own helper user may not write here: it is fetched as the user who asks.
        run_in(
            download.path(),
            "apt-get",
            &["-o", "APT::Sandbox::User=root", "download", &package],
        )?;
        let archive = entry(download.path(), |name| name.ends_with(".deb"))?;
        let archive = archive.to_string_lossy();
        run_in(
            download.path(),
            "dpkg-deb",
            &["--extract", &archive, "unpacked"],
        )?;
        let version = entry(&unpacked.join("lib/modules"), |_| true)?;
        let version = version.file_name().unwrap_or_default().to_string_lossy();
        let base = unpacked.to_string_lossy();
        run_in(download.path(), "depmod", &["-b", &base, &version])?;
        fs::rename(unpacked, &folder)?;
    }
    let version = entry(&folder.join("lib/modules"), |_| true)?;
    let version = version.file_name().unwrap_or_default().to_string_lossy();
    Ok(Kernel {
        image: entry(&folder.join("boot"), |name| name.starts_with("vmlinuz"))?,
        version: version.into_owned(),
        folder,
    })
}

/// The name of the package that holds the kernel and all its drivers.
fn kernel_package() -> Result<String> {
    let depends = run_in(
        Path::new("/"),
        "apt-cache",
        &["depends", "linux-image-amd64"],
    )?;
    depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .map(str::to_owned)
        .context("apt knows no linux-image-amd64: run `apt-get update`")
}

impl Kernel {
    /// The small system that mounts the real root: an archive of busybox, a few modules and [`INIT`].
    fn initrd(&self) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        for name in ["bin", "proc", "sys", "dev", "host", "modules"] {
            fs::create_dir(folder.path().join(name))?;
        }
        let busybox = programs::installed("busybox").context("busybox is missing")?;
        fs::copy(busybox, folder.path().join("bin/busybox"))?;
        let mut order: Vec<String> = Vec::new();
        for module in BOOT_MODULES {
            for path in self.module_files(module)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let plain = name.trim_end_matches(".xz").to_owned();
                if order.contains(&plain) {
                    continue;
                }
                let target = folder.path().join("modules").join(&plain);
                if plain == name {
                    fs::copy(&path, target)?;
                } else {
                    let path = path.to_string_lossy();
                    let output = Command::new("xz").args(["-dc", &path]).output()?;
                    ensure!(output.status.success(), "xz cannot unpack {path}");
                    fs::write(target, output.stdout)?;
                }
                order.push(plain);
            }
        }
        fs::write(folder.path().join("modules/order"), order.join("\n") + "\n")?;
        let init = folder.path().join("init");
        fs::write(&init, INIT)?;
        fs::set_permissions(&init, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        archive(folder.path())
    }

    /// A module's file and those that it needs, in the order in which they are loaded.
    fn module_files(&self, module: &str) -> Result<Vec<PathBuf>> {
        let modprobe = programs::installed("modprobe").context("modprobe is missing")?;
        let base = self.folder.to_string_lossy();
        let list = run_in(
            Path::new("/"),
            &modprobe.to_string_lossy(),
            &["-d", &base, "-S", &self.version, "--show-depends", module],
        )?;
        Ok(list
            .lines()
            .filter_map(|line| line.trim().strip_prefix("insmod "))
            .map(|path| PathBuf::from(path.trim()))
            .collect())
    }
}

/// The files of a folder as a `cpio` archive.
fn archive(folder: &Path) -> Result<Vec<u8>> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            names.push(path.strip_prefix(folder)?.to_string_lossy().into_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    let mut child = Command::new("cpio")
        .args(["--create", "--format=newc", "--quiet"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // The names fit into the pipe, so that writing them all before reading cannot block.
    child
        .stdin
        .take()
        .context("no input")?
        .write_all((names.join("\n") + "\n").as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "cpio failed");
    Ok(output.stdout)
}

fn entry(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if wanted(&entry.file_name().to_string_lossy()) {
            return Ok(entry.path());
        }
    }
    bail!("nothing of the wanted kind in {}", folder.display())
}

fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let program = programs::installed(program).unwrap_or_else(|| program.into());
    let output = Command::new(&program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .with_context(|| program.display().to_string())?;
    ensure!(
        output.status.success(),
        "{} {}: {}",
        program.display(),
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
