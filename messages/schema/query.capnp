@0xb81f5c02d9e6a347;
# A query's plan on its way to the back ends, and the mergeable partial results
# on their way back. Field numbers are append-only.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("millrace::schema");

using Table = import "table.capnp";

struct Literal {
  union {
    null @0 :Void;
    integer @1 :Int64;        # integers and times, in the column's unit
    number @2 :Float64;
    text @3 :Data;            # symbol, string, char; guid: its 16 bytes
  }
}

struct Predicate {
  column @0 :Text;
  operator @1 :UInt8;         # predicate_op
  negated @2 :Bool;
  values @3 :List(Literal);
}

struct GroupKey {
  column @0 :Text;
  barNs @1 :Int64;            # 0: the value itself
  name @2 :Text;
  byDay @3 :Bool;             # dates of the table, or bars that start with them
}

struct Aggregate {
  function @0 :UInt8;         # aggregate_function
  columns @1 :List(Text);
  name @2 :Text;
  fraction @3 :Float64;       # of percentiles
}

struct OutputColumn {
  column @0 :Text;
  name @1 :Text;
}

struct OrderTerm {
  output @0 :UInt32;          # index among the result's columns
  descending @1 :Bool;
}

# An expression in postfix order: a call takes the last `arguments` values.
struct ExpressionPart {
  kind @0 :UInt8;             # expression::kind
  type @1 :UInt8;
  name @2 :Text;              # of a column
  values @3 :List(Literal);   # of a constant
  function @4 :UInt8;         # scalar_function
  arguments @5 :UInt32;
}

struct ComputedColumn {
  name @0 :Text;
  value @1 :List(ExpressionPart);
}

struct QueryPlan {
  source :union {
    none @0 :Void;
    table @1 :Text;
  }
  types @2 :List(Table.ColumnSchema);   # of every column the plan names
  timeColumn @3 :Text;
  hasRange @4 :Bool;
  rangeStart @5 :Int64;       # inclusive, in the time column's unit
  rangeEnd @6 :Int64;
  symbolColumn @7 :Text;
  hasSymbols @8 :Bool;
  symbols @9 :List(Text);
  filters @10 :List(Predicate);
  keys @11 :List(GroupKey);
  aggregates @12 :List(Aggregate);
  outputs @13 :List(OutputColumn);
  ordering @14 :List(OrderTerm);
  hasSublist @15 :Bool;
  sublist @16 :Int64;
  rowsMax @17 :UInt64;        # 0: no limit
  bytesMax @18 :UInt64;       # 0: no limit
  orderColumn @19 :Text;      # time of first and last
  dayZone @20 :Text;          # where dates of keys by day begin
  dayOffsetNs @21 :Int64;     # after midnight there
  version @22 :UInt32;        # a later one than is known is refused
  computed @23 :List(ComputedColumn);   # those of types that are not stored
  joined @24 :JoinedTables;   # from version 3 on; null: one table
  alone @25 :Bool;            # nobody else is asked: a finished result will do
  priority @26 :UInt8;        # 0 normal, 1 low, 2 high
  skip @27 :UInt64;           # first ones of the sublist that are not the result's
}

# The rows of one table, each with the nearest of another at or before it.
struct JoinedTables {
  left @0 :QueryPlan;
  right @1 :QueryPlan;
  on @2 :List(Text);
  hasTolerance @3 :Bool;
  tolerance @4 :Int64;
  rightTime @5 :Bool;
  columns @6 :List(Table.ColumnSchema);
  inner @7 :Bool;             # from version 4 on
}

struct PartialChunk {
  partOrder @0 :UInt64;
  rowCount @1 :UInt64;
  columns @2 :List(Table.Column);
  use @3 :UInt8;              # partial_chunk::purpose
}

# Of the rows that a store joined.
struct JoinBounds {
  live @0 :Bool;
  hasLeft @1 :Bool;
  leftMax @2 :Int64;
  hasRight @3 :Bool;
  rightMin @4 :Int64;
  rightMax @5 :Int64;
}

struct PartialResult {
  grouped @0 :Bool;
  chunks @1 :List(PartialChunk);
  rowsScanned @2 :UInt64;
  rowsMatched @3 :UInt64;
  rowsTotal @4 :UInt64;
  segmentsScanned @5 :UInt64;
  segmentsTotal @6 :UInt64;
  stateVersion @7 :UInt32;    # how groups carry their states; 0: sums in parts
  bounds @8 :JoinBounds;      # null: nothing was joined
  finished @9 :Bool;          # the plan's result, which nothing merges with
  read @10 :ScanStatistics;   # null: nothing but what is above is known
  nodes @11 :List(NodeStatistics);
  steps @12 :List(StepStatistics);
}

# What a scan looked at, beside what PartialResult itself says.
struct ScanStatistics {
  rowsTotal @0 :UInt64;
  rowsScanned @1 :UInt64;
  rowsMatched @2 :UInt64;
  segmentsTotal @3 :UInt64;
  segmentsScanned @4 :UInt64;
  partsTotal @5 :UInt64;
  partsScanned @6 :UInt64;
  bytesScanned @7 :UInt64;
  leftByTime @8 :UInt64;      # segments; so are the two after it
  leftByValue @9 :UInt64;
  leftBySymbol @10 :UInt64;
}

# What a back end did for an answer.
struct NodeStatistics {
  process @0 :Text;
  table @1 :Text;
  read @2 :ScanStatistics;
  bindNs @3 :Int64;
  scanNs @4 :Int64;           # of all threads
  finishNs @5 :Int64;
  elapsedNs @6 :Int64;
  memoryBytes @7 :UInt64;     # the most at a time
}

# What a step of the gateway did.
struct StepStatistics {
  what @0 :Text;
  rows @1 :UInt64;
  bytes @2 :UInt64;
  ns @3 :Int64;
}
