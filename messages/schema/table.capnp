@0xd4c1a77b6f2e9031;
# What the payload of a stream message can be. Field numbers are append-only.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("millrace::schema");

struct ColumnSchema {
  name @0 :Text;
  type @1 :UInt8;             # column_type, numbered as in kdb+
}

struct TableSchema {
  name @0 :Text;
  version @1 :UInt32;
  columns @2 :List(ColumnSchema);
  timeColumn @3 :Text;
  symbolColumn @4 :Text;
  rollZone @5 :Text;          # IANA name of the zone in which a date begins
  rollOffsetNs @6 :Int64;     # added to midnight of that zone
}

struct Column {
  name @0 :Text;
  type @1 :UInt8;
  values @2 :Data;            # rowCount * width bytes, little endian, aligned 8
  dictionaryEnds @3 :Data;    # symbol: uint32 end offset of each entry
  bytes @4 :Data;             # symbol: dictionary text; string: all rows' text
}

struct TableBatch {
  table @0 :Text;
  schemaVersion @1 :UInt32;
  rowCount @2 :UInt32;
  columns @3 :List(Column);
  sourceName @4 :Text;        # feed source; empty when there is none
  sourceOffset @5 :UInt64;    # byte offset in the source after the last row
  sourceRow @6 :UInt64;       # rows and rejects of the source up to there
  sourceDigest @7 :UInt64;    # hash of the source's text up to there; 0: unknown
}

struct EndOfPeriod {
  period @0 :Int64;           # date partitions: days since 2000.01.01
  origin @1 :Text;            # the publisher whose rows of the period end here
}
