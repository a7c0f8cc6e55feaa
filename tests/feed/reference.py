"""What recorded files hold, read without any code of this project.

usage: reference.py KIND SYMBOL FILE
Prints the number of rows, then one line per column: its name, the CRC-32 of its
values as they stand in table batches (texts: each with a newline), the sum of
its values that are not null, and the first and last one."""

import array
import csv
import io
import math
import sys
import zipfile
import zlib
from datetime import datetime
from zoneinfo import ZoneInfo

EPOCH = 946684800
NEW_YORK = ZoneInfo("America/New_York")
NULL_INT = -(2**31)
NULL_LONG = -(2**63)


def midnight_ns(date):
    at = datetime.strptime(date, "%Y%m%d").replace(tzinfo=NEW_YORK)
    return (int(at.timestamp()) - EPOCH) * 10**9


class Columns:
    def __init__(self, **types):
        self.types = types
        self.values = {name: [] for name in types}

    def add(self, **row):
        for name, value in row.items():
            self.values[name].append(value)

    def show(self):
        print(len(next(iter(self.values.values()))))
        for name, code in self.types.items():
            values = self.values[name]
            if code == "s":
                data = "".join(v + "\n" for v in values).encode()
                known = [len(v) for v in values]
            else:
                data = array.array(code, values).tobytes()
                known = [v for v in values
                         if v not in (NULL_INT, NULL_LONG) and v == v]
            total = math.fsum(known)
            print(name, zlib.crc32(data), repr(total), repr(values[0]),
                  repr(values[-1]))


def members(path):
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            text = io.TextIOWrapper(archive.open(name), "utf-8", newline="")
            yield name, csv.reader(text)


def lean_trade(symbol, path, price_units, future):
    out = Columns(time="q", sym="s", price="d", size="i", ex="s", cond="s",
                  suspicious="B")
    for name, lines in members(path):
        stem = name.split(".")[0].split("_")
        base = midnight_ns(stem[0])
        sym = symbol + stem[-1] if future else symbol
        for time, price, size, ex, cond, suspicious in lines:
            out.add(time=base + int(time) * 10**6, sym=sym,
                    price=float(price) / price_units, size=int(size), ex=ex,
                    cond=cond, suspicious=int(suspicious))
    out.show()


def lean_quote(symbol, path):
    out = Columns(time="q", sym="s", bid="d", ask="d", bsize="i", asize="i",
                  ex="s", cond="s", suspicious="B")
    nan = float("nan")
    for name, lines in members(path):
        base = midnight_ns(name.split("_")[0])
        for time, bid, bsize, ask, asize, ex, cond, suspicious in lines:
            no_bid = bid == "0" and bsize == "0"
            no_ask = ask == "0" and asize == "0"
            out.add(time=base + int(time) * 10**6, sym=symbol,
                    bid=nan if no_bid else int(bid) / 10000,
                    ask=nan if no_ask else int(ask) / 10000,
                    bsize=NULL_INT if no_bid else int(bsize),
                    asize=NULL_INT if no_ask else int(asize),
                    ex=ex, cond=cond, suspicious=int(suspicious))
    out.show()


def taq_trade(path):
    out = Columns(time="q", sym="s", price="d", size="i", ex="s", cond="s",
                  correction="s", seq="q", participant_time="q")
    base = midnight_ns(path.split("/")[-1].split(".")[0].split("_")[-1])

    def at(text):
        if not text:
            return NULL_LONG
        text = text.zfill(15)
        seconds = (int(text[0:2]) * 60 + int(text[2:4])) * 60 + int(text[4:6])
        return base + seconds * 10**9 + int(text[6:])

    with open(path, newline="") as lines:
        for row in csv.DictReader(lines, delimiter="|"):
            out.add(time=at(row["Time"]), sym=row["Symbol"],
                    price=float(row["Trade Price"]),
                    size=int(row["Trade Volume"]), ex=row["Exchange"],
                    cond=row["Sale Condition"],
                    correction=row["Trade Correction Indicator"],
                    seq=int(row["Sequence Number"]),
                    participant_time=at(row["Participant Timestamp"]))
    out.show()


kind, symbol, path = sys.argv[1:]
if kind == "lean-equity-quote":
    lean_quote(symbol, path)
elif kind == "lean-equity-trade":
    lean_trade(symbol, path, 10000, False)
elif kind == "lean-future-trade":
    lean_trade(symbol, path, 1, True)
elif kind == "taq-trade":
    taq_trade(path)
else:
    sys.exit("unknown kind " + kind)
