"""What the simulator ran while MILLRACE_SIM_ACCOUNT named a file: at least so
many worlds, and so many hours of their own time. 77 (skipped) without the file."""
import os
import pathlib
import sys

WORLDS_MIN = 1_000
HOURS_MIN = 50


def main():
  path = os.environ.get("MILLRACE_SIM_ACCOUNT")
  if not path or not pathlib.Path(path).exists():
    print("skipped: MILLRACE_SIM_ACCOUNT names no file of counts")
    sys.exit(77)
  lines = [line.split() for line in pathlib.Path(path).read_text().splitlines()]
  worlds = sum(int(count) for count, _ in lines)
  hours = sum(float(seconds) for _, seconds in lines) / 3600
  print(f"{worlds} worlds lived {hours:.1f} hours of their own")
  if worlds < WORLDS_MIN or hours < HOURS_MIN:
    print(f"at least {WORLDS_MIN} worlds and {HOURS_MIN} hours are wanted")
    sys.exit(1)


main()
