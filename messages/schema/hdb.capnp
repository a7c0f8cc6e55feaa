@0xc3b1f0a86d52e497;
# What a historical database holds. Field numbers are append-only.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("millrace::schema");

struct HdbFile {
  name @0 :Text;              # within the part's directory
  bytes @1 :UInt64;
  checksum @2 :UInt64;        # XXH3-64 of the whole file
}

struct HdbZone {              # extremes of one column; see zone_map
  empty @0 :Bool;
  low @1 :Int64;
  high @2 :Int64;
  lowFloat @3 :Float64;
  highFloat @4 :Float64;
  noNulls @5 :Bool;           # false: there may be some
}

struct HdbPart {              # rows of one table, stripe and range of a stream
  stream @0 :Text;
  table @1 :Text;
  period @2 :Int64;
  partition @3 :Text;         # name of the directory of the period
  stripe @4 :UInt32;
  stripeCount @5 :UInt32;
  fromPosition @6 :UInt64;    # rows of messages that end in (from, to]
  toPosition @7 :UInt64;
  directory @8 :UInt64;       # <partition>/<table>/<directory>/
  schemaVersion @9 :UInt32;
  rowCount @10 :UInt64;
  zones @11 :List(HdbZone);   # by column of that schema version
  files @12 :List(HdbFile);   # none when there are no rows
}

struct HdbLife {              # of a stream that parts are of
  stream @0 :Text;
  high @1 :UInt64;            # the lineage of its log
  low @2 :UInt64;
}

enum HdbLossKind {
  unknown @0;
  stream @1;                  # an event of the stream says so
  rejects @2;                 # batches that fit no table, left out by decision
  unheld @3;                  # batches of a table that no rdb held
}

struct HdbLoss {              # why rows of a range may be missing
  stream @0 :Text;
  table @1 :Text;             # empty: every table of the stream
  kind @2 :HdbLossKind;
  fromPosition @3 :UInt64;    # from <= to
  toPosition @4 :UInt64;
  count @5 :UInt64;           # of losses that this one stands for
  text @6 :Text;              # what, in words
}

struct HdbManifest {
  version @0 :UInt64;
  schemas @1 :List(Data);     # encoded TableSchema: every version in use, and
                              # the newest of each table
  parts @2 :List(HdbPart);
  lives @3 :List(HdbLife);    # since format 2
  losses @4 :List(HdbLoss);   # since format 2
  changes @5 :List(UInt64);   # an id per commit of what was done by hand
}
