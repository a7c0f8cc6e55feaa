@0xa9e2c5d7314f8b60;
# Records of a stream that are not user messages. Field numbers are append-only.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("millrace::schema");

struct StreamEvent {
  kind @0 :UInt8;             # event_kind
  fromPosition @1 :UInt64;
  toPosition @2 :UInt64;
  origin @3 :Text;
  firstId @4 :Int64;
  lastId @5 :Int64;
  cause @6 :Text;
  schema @7 :Data;            # kind schema: an encoded TableSchema
}

struct MergeEntry {           # what the consensus group of a stream commits
  union {
    merge @0 :MergeRange;
    openInput @1 :OpenInput;
    mergePieces @2 :MergePieces;
    event @3 :StreamEvent;
    periodEnd @4 :PeriodEnd;
    beginStream @5 :StreamLayout;
    cutBegin @6 :CutBegin;
    beginSession @7 :BeginSession;
    claimOrigin @8 :ClaimOrigin;
    noteFloors @9 :NoteFloors;
    forgetConsumer @10 :Text;
  }
}

struct NoteFloors {           # what durable consumers need no more
  floors @0 :List(ConsumerFloor);
}

struct ConsumerFloor {        # also as a state has it
  consumer @0 :Text;
  position @1 :UInt64;        # nothing before this is needed
  claim @2 :UInt64;           # the subscription that said so, in the order of
                              # all that took the name, from 1; 0: none did yet
  holder @3 :UInt64;          # a random number of that subscription
  heardNs @4 :Int64;          # when it was heard of, by the clock of the node
                              # that led
  claims @5 :Bool;            # takes the name, if nobody took it since
}

struct ClaimOrigin {          # a life of a publisher becomes a writer of an origin
  origin @0 :Text;
  input @1 :UInt32;           # its log
  life @2 :UInt64;            # drawn at random
  after @3 :UInt64;           # the epoch of the origin before; else it says nothing
  shared @4 :Bool;            # the writers before it stay
}

struct BeginSession {         # the merged log goes on in this session
  session @0 :UInt64;
  cause @1 :Text;             # of the reset event that it begins with
}

struct CutBegin {             # files of the merged log before this one go
  position @0 :UInt64;
}

struct StreamLayout {         # how the merged log is written, once and for all
  lineageHigh @0 :UInt64;
  lineageLow @1 :UInt64;
  rollBytes @2 :UInt64;       # a file ends with the entry that passes this
  recordBytes @3 :UInt32;     # a record of many messages closes at this size
  idPolicy @4 :UInt8;         # id_policy, of the messages of all origins
  firstSession @5 :UInt8;     # of the first file of the merged log
  firstRoll @6 :UInt16;       # (what an earlier release began, at 0, is as
                              # large: both lie in what was padding)
}

struct MergeRange {           # append input bytes [from, to) to the stream
  input @0 :UInt32;
  fromPosition @1 :UInt64;
  toPosition @2 :UInt64;
  lost @3 :Bool;              # nobody has the bytes: a badtail stands for them
}

struct MergePieces {          # what was left of a MergeRange, in a history only
  input @0 :UInt32;
  pieces @1 :List(MergeRange); # of that input, one after the other
}

struct OpenInput {
  input @0 :UInt32;
  directory @1 :Text;         # name of the publisher's directory
  lineageHigh @2 :UInt64;
  lineageLow @3 :UInt64;
}

struct PeriodEnd {
  period @0 :Int64;
  absent @1 :List(Text);      # declared participants whose marker never came
}

struct MergeState {           # state record at the start of each out/ file
  appliedIndex @0 :UInt64;
  inputs @1 :List(InputState);
  origins @2 :List(OriginState);
  lastPeriod @3 :Int64;
  outEnd @4 :UInt64;
  schemas @5 :List(SchemaVersion);
  layout @6 :StreamLayout;
  placeOnly @7 :Bool;         # too large here: no inputs, origins and schemas
  outBegin @8 :UInt64;        # files of the merged log before this were cut off
  claims @9 :List(OriginClaim);
  consumers @10 :List(ConsumerFloor); # a state that has neither ends before these
}

struct OriginClaim {          # who writes an origin
  origin @0 :Text;
  epoch @1 :UInt64;           # how often it was claimed
  shared @2 :Bool;            # as the last claim had it
  writers @3 :List(OriginWriter);
}

struct OriginWriter {
  input @0 :UInt32;           # its log
  life @1 :UInt64;            # of its publisher, the last that claimed
  fenced @2 :Bool;            # by a later writer: nothing more of it is merged
}

struct SchemaVersion {
  table @0 :Text;
  version @1 :UInt32;
}

struct InputState {
  input @0 :UInt32;
  directory @1 :Text;
  lineageHigh @2 :UInt64;
  lineageLow @3 :UInt64;
  mergedEnd @4 :UInt64;
  closed @5 :Bool;
}

struct OriginState {
  origin @0 :Text;
  watermark @1 :Int64;        # last merged id, sign kept; 0: none yet
  recentCrcs @2 :Data;        # uint32 payload CRCs of the newest ids in order; of
                              # all 4096, each at |id| modulo 4096. Where ids may
                              # jump: int64 ids, oldest first, then the CRC of each
  duplicates @3 :UInt64;
  periodMarked @4 :Int64;     # newest period whose marker this origin merged
  cursors @5 :List(SourceCursor);
}

struct SourceCursor {
  name @0 :Text;
  offset @1 :UInt64;
  row @2 :UInt64;
  digest @3 :UInt64;
}

struct SourceCursors {        # those merged for an origin, told to its publisher
  cursors @0 :List(SourceCursor);
}
