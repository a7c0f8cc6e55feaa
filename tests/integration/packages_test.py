"""What cpack makes of a build is what Debian accepts, and runs.

packages_test.py PROGRAM

Skips where cpack, lintian, dpkg-deb or systemd-analyze is not there.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
BUILD = PROGRAM.parent.parent
PACKAGES = {
    "millrace": [
        "usr/bin/millrace", "lib/systemd/system/millrace@.service",
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
        "usr/share/doc/libmillrace-sim-dev/examples/failure_test/vwap_test.cpp"]}


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
    # The unit as it is, but that its program lies elsewhere.
    unit = (installed / "lib/systemd/system/millrace@.service").read_text()
    there = scratch / "millrace@x.service"
    there.write_text(re.sub(r"(?<=ExecStart=)\S+",
                            str(installed / "usr/bin/millrace"), unit))
    run("systemd-analyze", "verify", "--man=no", there)
print("ok")
