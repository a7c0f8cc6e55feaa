"""What cpack makes of a build is what Debian accepts, and runs.

packages_test.py PROGRAM

Skips where cpack, lintian, dpkg-deb or systemd-analyze is not there.
"""
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
BUILD = PROGRAM.parent.parent
PACKAGES = {
    "millrace": [
        "usr/bin/millrace", "usr/lib/systemd/system/millrace@.service",
        "usr/lib/python3/dist-packages/millrace.py",
        "usr/share/man/man1/millrace.1.gz",
        "usr/share/doc/millrace/operations.md",
        "usr/share/doc/millrace/examples/local.toml",
        "usr/share/doc/millrace/examples/trades.csv",
        "usr/share/doc/millrace/examples/kills.faults",
        "usr/share/doc/millrace/examples/layouts/polygon-trades.toml",
        "usr/share/doc/millrace/examples/torq/process.csv"],
    "libmillrace-dev": [
        "usr/include/millrace/millrace.hpp",
        "usr/share/doc/libmillrace-dev/examples/embed/main.cpp"],
    "libmillrace-sim-dev": [
        "usr/include/millrace/sim/world/failure_test.hpp",
        "usr/libexec/millrace/millrace-chaos",
        "usr/libexec/millrace/link_redirect.so",
        "usr/share/doc/libmillrace-sim-dev/examples/failure_test/vwap_test.cpp"]}


CONFIGURATION = """[cluster]
name = "packaged"
data = "data"
[[stream]]
name = "market"
[[node]]
name = "n1"
port = {}
[[node]]
name = "n2"
port = {}
[[process]]
name = "rt1"
type = "rt"
node = "n1"
[[process]]
name = "discovery1"
type = "discovery"
node = "n2"
"""


def free_ports(count):
    made = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    out = [each.getsockname()[1] for each in made]
    for each in made:
        each.close()
    return out


def run(*words, **how):
    print("+", *map(str, words), flush=True)
    done = subprocess.run(list(map(str, words)), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **how)
    if done.returncode != 0:
        sys.exit(f"{words[0]} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


for tool in ("cpack", "lintian", "dpkg-deb", "systemd-analyze"):
    if shutil.which(tool) is None:
        print(f"skipped: {tool} is not there")
        sys.exit(77)

with tempfile.TemporaryDirectory(prefix="millrace-") as holder:
    scratch = pathlib.Path(holder)
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", scratch)
    for name, files in PACKAGES.items():
        package, = scratch.glob(f"{name}_*.deb")
        # The one tag left is of uploads to Debian.
        run("lintian", "--allow-root", "--fail-on", "error,warning",
            "--suppress-tags", "initial-upload-closes-no-bugs", package)
        run("dpkg-deb", "-x", package, scratch / name)
        for path in files:
            if not (scratch / name / path).exists():
                sys.exit(f"{package.name} lacks {path}")
    installed = scratch / "millrace"
    run(installed / "usr/bin/millrace", "version")
    # Faults on real nodes: who has it is told, and with it nodes are killed.
    words = [installed / "usr/bin/millrace", "chaos",
             scratch / "cut.faults", "--config", scratch / "local.toml"]
    (scratch / "cut.faults").write_text(
        "at 0s: cut n1 <-> n2\nat 200ms: heal\nat 400ms: kill n1 restart 100ms\n")
    (scratch / "local.toml").write_text(CONFIGURATION.format(
        *free_ports(2)))
    without = subprocess.run(list(map(str, words)), text=True, check=False,
                             capture_output=True)
    if (without.returncode != 69
            or "libmillrace-sim-dev has it" not in without.stderr):
        sys.exit(f"chaos without its package: {without}")
    shutil.copytree(scratch / "libmillrace-sim-dev/usr/libexec",
                    installed / "usr/libexec")
    run(installed / "usr/bin/millrace", "up", "--config", scratch / "local.toml")
    try:
        said = run(*words)
        if "cut n1 <-> n2" not in said:
            sys.exit(f"chaos does not say what it did: {said}")
    finally:
        run(installed / "usr/bin/millrace", "down", "--force", "--config",
            scratch / "local.toml")
    # The unit as it is, but that its program lies elsewhere.
    unit = (installed / "usr/lib/systemd/system/millrace@.service").read_text()
    there = scratch / "millrace@x.service"
    there.write_text(re.sub(r"(?<=ExecStart=)\S+",
                            str(installed / "usr/bin/millrace"), unit))
    run("systemd-analyze", "verify", "--man=no", there)
print("ok")
