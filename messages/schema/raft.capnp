@0xd0c2a4f1b6e37a95;
# What members of the group that orders a stream say to each other, and keep.
# Field numbers are append-only.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("millrace::schema");

struct RaftMember {
  node @0 :UInt64;
  incarnation @1 :UInt64;
  votes @2 :Bool;
}

struct RaftPlace {
  index @0 :UInt64;
  term @1 :UInt64;
}

struct RaftEntry {
  term @0 :UInt64;
  kind @1 :UInt8;             # raft_entry_kind
  payload @2 :Data;
  members @3 :List(RaftMember);
}

struct RaftRecord {           # one step of what a member keeps in its log
  union {
    vote @0 :Vote;
    base @1 :Base;            # the log begins there; what is before it goes
    cut @2 :UInt64;           # the entries from this index on go
    entry @3 :RaftEntry;      # the next one
    begin @4 :UInt32;         # so many records follow that say all again
    state @5 :StatePart;      # what the entries up to an index came to
  }

  struct Vote {
    term @0 :UInt64;
    node @1 :UInt64;
    incarnation @2 :UInt64;
  }
  struct StatePart {          # in order; the last one makes it valid
    index @0 :UInt64;
    part @1 :UInt32;
    last @2 :Bool;
    bytes @3 :Data;
  }
  struct Base {
    at @0 :RaftPlace;
    members @1 :List(RaftMember);
  }
}

struct RaftFounding {         # who a group began with; kept beside the log
  members @0 :List(RaftMember);
  generation @1 :UInt32;      # how often `stream recover` made a group of another
}

struct RaftSnapshot {         # what a member needs that lacks compacted entries
  term @0 :UInt64;            # the leader's
  base @1 :RaftRecord.Base;   # where its log begins
  stateBytes @2 :UInt64;      # of the state as of there
}

struct RaftMessage {
  fromNode @0 :UInt64;
  fromIncarnation @1 :UInt64;
  toNode @2 :UInt64;
  toIncarnation @3 :UInt64;
  term @4 :UInt64;
  union {
    voteRequest @5 :VoteRequest;
    voteResponse @6 :VoteResponse;
    appendRequest @7 :AppendRequest;
    appendResponse @8 :AppendResponse;
    timeoutNow @9 :Void;
  }

  struct VoteRequest {
    pre @0 :Bool;
    transfer @1 :Bool;
    last @2 :RaftPlace;
  }
  struct VoteResponse {
    pre @0 :Bool;
    granted @1 :Bool;
  }
  struct AppendRequest {
    previous @0 :RaftPlace;
    committed @1 :UInt64;
    entries @2 :List(RaftEntry);
    previousSum @3 :UInt64;   # of the entry at previous; 0: not known
    notice @4 :Bool;          # nobody waits for an answer
  }
  struct AppendResponse {
    durable @0 :UInt64;
    held @1 :UInt64;
    missing @2 :Missing;      # absent: nothing is missing
  }
  struct Missing {
    previous @0 :UInt64;
    hint @1 :RaftPlace;
  }
}
