#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/front/getdata.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "xdaily_table.hpp"

namespace millrace::query {
namespace {

using nlohmann::json;

result<getdata_request> parse_text(std::string_view text) {
  static const auto schema = xdaily();
  return parse_getdata(text, [](std::string_view name) {
    return name == schema.name ? &schema : nullptr;
  });
}

/// The base dictionary with `changes` on top; null takes a name away.
json base(const json& changes) {
  json out{{"tablename", "xdaily"},
           {"starttime", "2000.01.01D00"},
           {"endtime", "2000-01-06T12:00"},
           {"timecolumn", "time"},
           {"words", "torq"}};
  out["starttime"] = "2000.01.01D00:00";
  out.merge_patch(changes);
  return out;
}

result<getdata_request> parse(const json& changes) {
  return parse_text(base(changes).dump());
}

/// A list of pairs, which nlohmann would take for an object.
json pairs(const std::vector<std::vector<std::string>>& list) {
  return json(list);
}

struct refusal {
  const char* number; ///< Of TorQ's own case, or of ours.
  json changes;
  const char* text;
};

const json two_sums{{"min", {"invalid1"}}, {"max", {"invalid2"}}};

const std::vector<refusal> refusals{
  {"A3",
   {{"tablename", nullptr}},
   "checkrequiredparams: Required parameters missing:,`tablename"},
  {"A4",
   {{"invalidname1", "x"}, {"invalidname2", "x"}},
   "checkparamnames: Invalid parameter present:`invalidname1`invalidname2; the "
   "parameters are tablename, starttime, endtime, "},
  {"a parameter that is not one",
   {{"instrument", "x"}},
   "checkparamnames: Invalid parameter present:,`instrument; did you mean "
   "'instruments'?; the parameters are tablename"},
  {"a required parameter that is not written so",
   {{"starttime", nullptr}, {"startime", "2019.01.01"}},
   "checkrequiredparams: Required parameters missing:,`starttime; `startime is "
   "not a parameter; did you mean 'starttime'?"},
  {"a column that is not written so",
   {{"columns", "bidprise"}},
   "checkcolumns: Column(s) ,`bidprise presented in `columns is not a valid "
   "column for `xdaily; did you mean 'bidprice'?"},
  {"a function that is not written so",
   {{"aggregations", {{"summ", "bidprice"}}}},
   "undefinedaggs: Aggregations dictionary contains undefined function(s) "
   ",`summ; did you mean 'sum'?"},
  {"A5",
   {{"aggregations", {{"max", "lots"}}},
    {"columns", "sym"},
    {"freeformcolumn", "x"}},
   "checkeachpair: Parameter:,`aggregations cannot be used in conjunction "
   "with parameter(s):`columns`freeformcolumn"},
  {"A6",
   {{"aggregations", {{"max", "lots"}}}, {"freeformcolumn", "x"}},
   "checkeachpair: Parameter:,`aggregations cannot be used in conjunction "
   "with parameter(s):,`freeformcolumn"},
  {"A8",
   {{"tablename", {{"type", "string"}, {"value", "tablename"}}}},
   "checktype: `tablename input type incorrect - valid type(s):-11h - input "
   "type:10h"},
  {"A9",
   {{"starttime", {{"type", "minute"}, {"value", "00:00"}}}},
   "checktype: `starttime input type incorrect - valid type(s):-12 -14 -15h "
   "- input type:-17h"},
  {"A10b",
   {{"endtime", 15}},
   "checktype: `endtime input type incorrect - valid type(s):-12 -14 -15h - "
   "input type:-7h (15)"},
  {"M1",
   {{"endtime", "yesterday"}},
   "checktype: `endtime input type incorrect - valid type(s):-12 -14 -15h - "
   "input type:-11h (\"yesterday\"), and a timestamp, date or datetime is "
   "wanted: 'yesterday' is not a date or timestamp"},
  {"A10",
   {{"endtime", {{"type", "minute"}, {"value", "23:59"}}}},
   "checktype: `endtime input type incorrect - valid type(s):-12 -14 -15h - "
   "input type:-17h"},
  {"A11",
   {{"timecolumn", {{"type", "string"}, {"value", "time"}}}},
   "checktype: `timecolumn input type incorrect - valid type(s):-11h - "
   "input type:10h"},
  {"A12",
   {{"starttime", "2000.01.02D00:00"}, {"endtime", "2000.01.01D00:00"}},
   "checktimeorder: Starttime parameter must be <= endtime parameter"},
  {"A13",
   {{"instruments", {"AUDUSD", 5}}},
   "checktype: `instruments input type incorrect - valid type(s):-11 11h - "
   "input type:0h"},
  {"A14",
   {{"columns", {1, "x"}}},
   "checktype: `columns input type incorrect - valid type(s):-11 11h - "
   "input type:0h"},
  {"A15",
   {{"grouping", {1, "x"}}},
   "checktype: `grouping input type incorrect - valid type(s):-11 11h - "
   "input type:0h"},
  {"A16",
   {{"aggregations", "min"}},
   "checktype: `aggregations input type incorrect - valid type(s):99h - "
   "input type:-11h"},
  {"A18",
   {{"aggregations", {{"min", 5}}}},
   "checkaggregationparameter: Aggregations parameter values must be of "
   "type symbol - example: `max`min`wavg!(`price;`size;`price`size)"},
  {"A19",
   {{"timebar", ""}},
   "timebarlength: Timebar parameter must be a list of length 3"},
  {"A19b",
   {{"timebar", {"time", 10, "nanosecond", "invalid"}}},
   "timebarlength: Timebar parameter must be a list of length 3"},
  {"A20",
   {{"timebar", {"ten", "minute", "time"}}},
   "firsttimebar: First argument of timebar must be either -6h or -7h"},
  {"A21",
   {{"timebar", {10, 5, "time"}}},
   "secondtimebar: Second argument of timebar must be of type -11h"},
  {"A22",
   {{"timebar", {10, "minute", 5}}},
   "thirdtimebar: Third argument of timebar must be have type -11h"},
  {"A23",
   {{"filters", "(like;`source)"}},
   "checktype: `filters input type incorrect - valid type(s):99h - input "
   "type:-11h (\"(like;`source)\"), and an object is wanted"},
  {"A25",
   {{"filters", {{"bidprice", json::array({85})}}}},
   "filterpair: Filters parameter values must be paired in the form (filter "
   "function;value(s)) or a list of three of the form (not;filter "
   "function;value(s)) - example: "},
  {"A26",
   {{"filters", {{"sym", {"last", "AAPL"}}}}},
   "allowedops: Allowed operators are: =, <, >, <=, >=, in, within, like. "
   "The last three may be preceeded with 'not' e.g. (not within;80 100) "
   "(filters.sym: [\"last\",\"AAPL\"])"},
  {"A27",
   {{"filters", {{"sym", {"not", "AAPL"}}}}},
   "allowednot: The 'not' keyword may only preceed the operators within, in "
   "and like."},
  {"A27b", {{"filters", {{"sym", {"not", "=", "AAPL"}}}}}, "allowednot: "},
  {"filternot",
   {{"filters", {{"sym", {"in", "not", "AAPL"}}}}},
   "filternot: Filters parameter values containing three elements must have "
   "the first element being the not keyword"},
  {"A28",
   {{"filters", {{"askprice", {"within", 20}}}}},
   "withincheck: (not)within statements within the filter parameter must "
   "contain exatly two values associated with it - example: "},
  {"A29",
   {{"filters", {{"sym", {">=", {"DOW", "AAPL"}}}}}},
   "equalities: The use of equalities in the filter parameter warrants only "
   "one value - example: "},
  {"A29b",
   {{"filters", {{"sym", {"<", {"DOW", "AAPL"}}}}}},
   "inequalities: The use of inequalities in the filter parameter warrants"},
  {"A31",
   {{"ordering", {"asc price"}}},
   "checkorderingpair: Ordering parameter must contain pairs of symbols as "
   "its input - example: ((`asc`sym);(`desc`price))"},
  {"A32",
   {{"ordering", pairs({{"price", "asc"}})}},
   "checkorderingdirection: The first item in each of the ordering "
   "parameter's pairs must be either `asc or `desc"},
  {"A33",
   {{"ordering", {{"price", "asc", "desc", "sym"}}}},
   "checkorderingarrangment: Ordering parameter's values must be paired in "
   "the form (direction;column)"},
  {"A34",
   {{"aggregations", {{"sum", "bidprice"}, {"max", "bidprice"}}},
    {"ordering", pairs({{"asc", "bidprice"}})}},
   "orderingvague: Ordering parameter vague. "},
  {"A35",
   {{"aggregations", {{"sum", "bidprice"}, {"max", "bidprice"}}},
    {"ordering", pairs({{"asc", "askprice"}})}},
   "orderingnocolumn: Ordering parameter contains column that is not "
   "defined by aggregations, grouping or timebar parameter"},
  {"A36",
   {{"columns", {"sym", "bidprice"}}, {"ordering", pairs({{"asc", "lots"}})}},
   "badorder: Trying to order by column(s): `lots that is not defined in "
   "the columns argument"},
  {"A38",
   {{"tablename", "invalidtablename"}},
   "tableexists: Table:`invalidtablename doesn't exist"},
  {"A39",
   {{"timecolumn", "month"}},
   "checkcolumns: Column(s) ,`month presented in `timecolumn is not a valid "
   "column for `xdaily"},
  {"A40",
   {{"timecolumn", "source"}},
   "checktimecolumn: Parameter:`timecolumn - column:`source in "
   "table:`xdaily is of type:-11h, validtypes:-12 -14 -15h"},
  {"A41",
   {{"columns", {"invalid1", "invalid2"}}},
   "checkcolumns: Column(s) `invalid1`invalid2 presented in `columns is not "
   "a valid column for `xdaily"},
  {"A42",
   {{"aggregations", two_sums}},
   "checkcolumns: Column(s) `invalid2`invalid1 presented in `aggregations "
   "is not a valid column for `xdaily"},
  {"A43",
   {{"aggregations", {{"invalid1", {"bidprice"}}, {"invalid2", "lots"}}}},
   "undefinedaggs: Aggregations dictionary contains undefined function(s) "
   "`invalid1`invalid2"},
  {"A44",
   {{"aggregations", {{"distinct", {"bidprice", "askprice"}}}}},
   "distinctagg: If the distinct function is used, it cannot be present with "
   "any other aggregations including more of itself"},
  {"A44b",
   {{"aggregations", {{"distinct", "bidprice"}, {"max", "askprice"}}}},
   "distinctagg: "},
  {"distinct and bars",
   {{"aggregations", {{"distinct", "bidprice"}}},
    {"timebar", {6, "hour", "time"}}},
   "singleaggtimebar: In order to use a grouping parameter, only aggregations "
   "that return single values may be used"},
  {"A45",
   {{"aggregations", {{"wavg", "askprice"}}}},
   "agglength: Incorrect number of input(s) entred for the following "
   "aggregations,`wavg"},
  {"A46",
   {{"timebar", {6, "hour", "time"}}},
   "aggtimebar: Aggregations parameter must be supplied in order to perform "
   "group by statements"},
  {"A47",
   {{"timebar", {6, "hour", "sym"}}, {"aggregations", {{"max", "lots"}}}},
   "checktimebarcolumn: Parameter:`timebar - column:`sym in table:`xdaily "
   "is of type:-11h, validtypes:-12 -13 -14 -15 -16 -17 -18 -19h"},
  {"A48",
   {{"timebar", {10, "nanosecond", "invalid"}},
    {"aggregations", {{"max", "lots"}}}},
   "checkcolumns: Column(s) ,`invalid presented in `timebar is not a valid "
   "column for `xdaily"},
  {"A49",
   {{"timebar", {10, "invalid", "time"}}, {"aggregations", {{"max", "lots"}}}},
   "timebarsize: The input size of the timebar argument: `invalid, is not "
   "an appropriate size. Appropriate sizes are: "
   "`nanosecond`timespan`microsecond`second`minute`hour`day"},
  {"smalltimebar",
   {{"timebar", {0, "hour", "time"}}, {"aggregations", {{"max", "lots"}}}},
   "smalltimebar: Timebar parameter's intervals are too small."},
  {"B10",
   {{"columns", "sym"}, {"renamecolumn", {"a", "b"}}},
   "renameinput: length of renamecolumns is too long"},
  {"B10b",
   {{"columns", "sym"}, {"renamecolumn", {{"size", "b"}}}},
   "renamekey: Dictionary keys need to be old column names"},
  {"sublist",
   {{"sublist", 1.5}},
   "checktype: `sublist input type incorrect - valid type(s):-5 -6 -7h - "
   "input type:-9h (1.5)"},
  {"M2",
   {{"freeformwhere", "price > 5"}},
   "getdata: parameter 'freeformwhere' is not supported"},
  {"M3",
   {{"aggregations", {{"dev", "sym"}}}},
   "table 'xdaily': dev does not take column 'sym' of type symbol"},
  {"M4",
   {{"aggregations", {{"sum", "sym"}}}},
   "table 'xdaily': sum does not take column 'sym' of type symbol"},
  {"M5",
   {{"filters", {{"lots", {"<", "many"}}}}},
   "filtervalue: `filters column `lots: 'many' is not a number"},
  {"M6",
   {{"filters", {{"bidprice", {"like", "5*"}}}}},
   "table 'xdaily': filter like on column 'bidprice' of type float needs"},
  {"M7", {{"limits", {{"rowz", 5}}}}, "checklimits: Unknown limit `rowz"},
  {"M7", {{"limits", {{"rows", 0}}}}, "checklimits: Limit `rows is 0"},
  {"M8", {{"grouping", "sym"}}, "aggtimebar: "},
  {"M9",
   {{"columns", {"date"}}},
   "getdata: the virtual column 'date' in 'columns' is not supported"},
  {"M10",
   {{"filters", {{"date", {"=", "soon"}}}}},
   "filtervalue: `filters column `date: "},
  {"M11",
   {{"filters", {{"date", {"like", "2000*"}}}}},
   "filtervalue: `filters column `date: "},
  {"M12", {{"timebarorigin", "day"}}, "timebarorigin: "},
  {"M13",
   {{"timebarorigin", "noon"},
    {"timebar", {6, "hour", "time"}},
    {"aggregations", {{"max", "lots"}}}},
   "timebarorigin: Timebarorigin must be `utc or `day"},
  {"M14",
   {{"timebarorigin", "day"},
    {"timebar", {6, "hour", "settle"}},
    {"aggregations", {{"max", "lots"}}}},
   "timebarorigin: Timebarorigin `day needs a timebar over a timestamp"},
};

// Every refusal starts with the name of its check and TorQ's text.
TEST(GetdataTest, RefusesWithTorqsTexts) {
  for (const auto& item : refusals) {
    auto found = parse(item.changes);
    ASSERT_FALSE(found) << item.number;
    EXPECT_TRUE(found.failure().context.starts_with(item.text))
      << item.number << ": " << found.failure().context;
  }
}

// A1, A7, and what JSON adds to them.
TEST(GetdataTest, RefusesWhatIsNoDictionary) {
  EXPECT_EQ(parse_text("\"x\"").failure().context,
            "isdictionary: the question is no object of JSON");
  EXPECT_NE(parse_text("{\"tablename\": }").failure().context.find("column"),
            std::string::npos);
  EXPECT_FALSE(parse_text(""));
  EXPECT_EQ(parse_text(R"({"tablename":"xdaily","starttime":"2000-01-01",
              "endtime":"2000-01-02","words":"torq","starttime":"2000-01-01"})")
              .failure()
              .context,
            "checkrepeatparams: ,`starttime parameter(s) used more than once");
  // Further in, too: of two values only one could be meant.
  EXPECT_EQ(parse_text(R"({"tablename":"xdaily","starttime":"2000-01-01",
              "endtime":"2000-01-02","words":"torq",
              "aggregations":{"max":"bidprice","max":"askprice"}})")
              .failure()
              .context,
            "checkrepeatparams: ,`aggregations.max parameter(s) used more "
            "than once");
}

/// A call whose members keep their order, which nlohmann's do not.
result<getdata_request> parse_ordered(const std::string& members) {
  return parse_text(R"({"tablename":"xdaily","starttime":"2000-01-01",
                        "endtime":"2000-01-02","words":"torq",)"
                    + members + "}");
}

std::vector<std::string> column_names(const getdata_request& asked) {
  std::vector<std::string> out;
  for (const auto& column : result_columns(asked.plan))
    out.push_back(column.name);
  return out;
}

// Result columns and filters come as they were asked for, and a list of new
// names means the columns as they are seen.
TEST(GetdataTest, AnswersComeInTheOrderOfTheQuestion) {
  using names = std::vector<std::string>;
  const auto asked = parse_ordered(
    R"("aggregations":{"max":"lots","avg":["lots","bidprice"],"count":"sym"},
       "filters":{"lots":[">",0],"bidprice":[["<",6],[">",1]]},
       "grouping":["source","sym"])");
  ASSERT_TRUE(asked) << asked.failure().context;
  EXPECT_EQ(column_names(*asked), (names{"source", "sym", "maxLots", "avgLots",
                                         "avgBidprice", "countSym"}));
  ASSERT_EQ(asked->plan.filters.size(), 3u);
  EXPECT_EQ(asked->plan.filters[0].column, "lots");
  EXPECT_EQ(asked->plan.filters[1].op, predicate_op::less);
  EXPECT_EQ(asked->plan.filters[2].op, predicate_op::greater);
  const auto renamed = parse_ordered(
    R"("aggregations":{"max":"lots","avg":"lots"},
       "renamecolumn":["hi","mean"])");
  ASSERT_TRUE(renamed);
  EXPECT_EQ(column_names(*renamed), (names{"hi", "mean"}));
  EXPECT_EQ(renamed->plan.aggregates[0].function, aggregate_function::max);
  // Ours are the names in messages, too.
  EXPECT_EQ(parse_ordered(R"("zzz":1,"aaa":2)").failure().context.substr(0, 53),
            "checkparamnames: Invalid parameter present:`zzz`aaa; ");
  EXPECT_EQ(parse_ordered(R"("filters":{"lots":[">",0],"lots":["<",6]})")
              .failure()
              .context,
            "checkrepeatparams: ,`filters.lots parameter(s) used more than "
            "once");
  EXPECT_EQ(
    parse_ordered(R"("renamecolumn":{"sym":"a","sym":"b"})").failure().context,
    "checkrepeatparams: ,`renamecolumn.sym parameter(s) used more than once");
  EXPECT_EQ(parse_ordered(R"("limits":{"rows":1,"rows":2})").failure().context,
            "checkrepeatparams: ,`limits.rows parameter(s) used more than "
            "once");
}

TEST(GetdataTest, EveryAggregationOfTorqIsKnown) {
  const auto asked = parse_ordered(
    R"("aggregations":{"avg":"lots","cor":["lots","bidprice"],"count":"lots",
        "cov":["lots","bidprice"],"dev":"lots","first":"lots","last":"lots",
        "max":"lots","med":"lots","min":"lots","prd":"lots","sum":"lots",
        "sumsq":"lots","var":"lots","wavg":["lots","bidprice"],
        "wsum":["lots","bidprice"]})");
  ASSERT_TRUE(asked) << asked.failure().context;
  EXPECT_EQ(asked->plan.aggregates.size(), 16u);
  EXPECT_EQ(column_names(*asked)[1], "corLotsBidprice");
  const auto distinct = parse({{"grouping", "sym"},
                               {"aggregations", {{"distinct", "lots"}}},
                               {"ordering", {"desc", "lots"}}});
  ASSERT_TRUE(distinct) << distinct.failure().context;
  EXPECT_EQ(column_names(*distinct),
            (std::vector<std::string>{"sym", "distinctLots"}));
  EXPECT_EQ(distinct->plan.ordering, (std::vector<order_term>{{1, true}}));
}

TEST(GetdataTest, EachAggregationIsAskedForByItsName) {
  for (const auto name : aggregate_names()) {
    const bool pairs = takes_pairs(*aggregate_function_of(name));
    const std::string columns = pairs ? R"(["lots","bidprice"])" : R"("lots")";
    const auto asked = parse_ordered(R"("aggregations":{")" + std::string{name}
                                     + R"(":)" + columns + "}");
    EXPECT_TRUE(asked) << name << ": " << asked.failure().context;
  }
}

// `date` is that of the table's roll rule: here 17:00 in New York.
TEST(GetdataTest, DatesAreGroupedAndFilteredBy) {
  auto schema = xdaily();
  schema.roll_zone = "America/New_York";
  schema.roll_offset_ns = -7 * text::hour_ns;
  auto filters = [&](const std::string& filter) {
    auto asked = parse_getdata(
      R"({"tablename":"xdaily","starttime":"-inf","endtime":"inf",
          "grouping":"date","aggregations":{"count":"sym"},
          "timebarorigin":"day","timebar":[6,"hour","sourcetime"],
          "filters":{"date":)"
        + filter + "}}",
      [&](std::string_view) { return &schema; });
    EXPECT_TRUE(asked) << asked.failure().context;
    EXPECT_EQ(to_string(validate(asked->plan)), "none");
    EXPECT_EQ(asked->plan.keys[0], (group_key{"time", 0, "date", true}));
    EXPECT_TRUE(asked->plan.keys[1].by_day);
    EXPECT_EQ(asked->plan.day_zone, "America/New_York");
    std::string out;
    const auto plan = to_string(asked->plan);
    for (size_t at = 0; (at = plan.find("filter ", at)) != std::string::npos;
         ++at)
      out += plan.substr(at, plan.find('\n', at) - at) + '\n';
    return out;
  };
  EXPECT_EQ(filters(R"(["=","2021-01-16"])"),
            "filter time within 2021-01-15T22:00:00.000000000Z "
            "2021-01-16T21:59:59.999999999Z\n");
  EXPECT_EQ(filters(R"(["<","2021-07-16"])"),
            "filter time < 2021-07-15T21:00:00.000000000Z\n");
  EXPECT_EQ(filters(R"([">","2021-07-16"])"),
            "filter time > 2021-07-16T20:59:59.999999999Z\n");
  EXPECT_EQ(filters(R"(["in",["2021-01-18","2021-01-16","2021-01-17"]])"),
            "filter time within 2021-01-15T22:00:00.000000000Z "
            "2021-01-18T21:59:59.999999999Z\n");
  EXPECT_EQ(filters(R"(["in",["2021-01-16","2021-01-18"]])"),
            "filter time within 2021-01-15T22:00:00.000000000Z "
            "2021-01-18T21:59:59.999999999Z\n"
            "filter time not within 2021-01-16T22:00:00.000000000Z "
            "2021-01-17T21:59:59.999999999Z\n");
}

TEST(GetdataTest, A56MakesThePlanItAsksFor) {
  auto found = parse(
    {{"instruments", {"AUDUSD", "EURUSD"}},
     {"grouping", {"sym", "source"}},
     {"aggregations",
      {{"min", {"bidprice", "askprice"}},
       {"max", {"bidprice", "askprice"}},
       {"wavg", pairs({{"bidsize", "bidprice"}, {"asksize", "askprice"}})}}},
     {"timebar", {6, "hour", "sourcetime"}},
     {"filters", json::parse(R"({"source":[["like","source?"]],
        "sourcetime":[["<","0W"]],
        "lots":[["not","within",[5,"9007199254740993"]],[">",1.5]]})")},
     {"ordering", pairs({{"desc", "minBidprice"}, {"asc", "sym"}})},
     {"sublist", -3},
     {"at_least", "17592186044416"},
     {"limits", {{"rows", 10}}}});
  ASSERT_TRUE(found) << found.failure().context;
  EXPECT_EQ(to_string(found->plan),
            "scan xdaily\n"
            "  symbols sym in `AUDUSD `EURUSD\n"
            "  range time within 2000-01-01T00:00:00.000000000Z "
            "2000-01-06T12:00:00.000000000Z\n"
            "  filter lots not within 5 9007199254740993\n"
            "  filter lots > 1.5\n"
            "  filter source like `source?\n"
            "  filter sourcetime < inf\n"
            "group sym:sym source:source sourcetime:bar(21600000000000 ns, "
            "sourcetime)\n"
            "aggregate maxBidprice:max(bidprice) maxAskprice:max(askprice) "
            "minBidprice:min(bidprice) minAskprice:min(askprice) "
            "wavgBidsizeBidprice:wavg(bidsize,bidprice) "
            "wavgAsksizeAskprice:wavg(asksize,askprice)\n"
            "order desc minBidprice asc sym\n"
            "sublist -3\n"
            "at most 10 rows\n");
  EXPECT_EQ(found->at_least, position{17592186044416});
  EXPECT_EQ(decode_plan(encode(found->plan)).has_value(), true);
}

TEST(GetdataTest, ColumnsKeepTheirOrderAndRenameByPlace) {
  auto found = parse({{"columns", {"bidsize", "lots", "sym"}},
                      {"renamecolumn", {"a", "b"}},
                      {"ordering", {"desc", "lots"}}});
  ASSERT_TRUE(found) << found.failure().context;
  const auto columns = result_columns(found->plan);
  ASSERT_EQ(columns.size(), 3u);
  EXPECT_EQ(columns[0].name, "a");
  EXPECT_EQ(columns[1].name, "b");
  EXPECT_EQ(columns[2].name, "sym");
  EXPECT_EQ(found->plan.ordering, (std::vector<order_term>{{1, true}}));
  // Without columns: all of the table's.
  EXPECT_EQ(parse(json::object())->plan.outputs.size(),
            xdaily().columns.size());
}

TEST(GetdataTest, LiteralsTakeTheColumnsType) {
  auto constant = [](const char* column, const json& value) {
    auto found = parse({{"filters", {{column, {"=", value}}}}});
    EXPECT_TRUE(found) << found.failure().context;
    return found->plan.filters[0].values[0];
  };
  EXPECT_EQ(constant("ratio", 0.1), literal{static_cast<double>(0.1f)});
  EXPECT_EQ(constant("lots", "9007199254740993"),
            literal{int64_t{9007199254740993}});
  EXPECT_EQ(constant("lots", nullptr), literal{});
  EXPECT_EQ(constant("lots", "-inf"), literal{-inf_long});
  EXPECT_EQ(constant("settle", "2000-01-03"), literal{int64_t{2}});
  EXPECT_EQ(constant("sourcetime", "2000-01-02"), literal{text::day_ns});
  EXPECT_EQ(constant("sourcetime", {{"type", "date"}, {"value", "2000.01.02"}}),
            literal{text::day_ns});
  EXPECT_EQ(constant("side", "B"), literal{std::string{"B"}});
  EXPECT_EQ(constant("id", {{"type", "string"}, {"value", "x"}}),
            literal{std::string{"x"}});
  EXPECT_FALSE(parse({{"filters", {{"sym", {"=", 5}}}}}));
  EXPECT_FALSE(parse({{"filters", {{"lots", {"=", "1 or 1"}}}}}));
  EXPECT_FALSE(parse({{"filters", {{"side", {"=", "Buy"}}}}}));
  EXPECT_FALSE(parse(
    {{"filters",
      {{"sourcetime", {"=", {{"type", "time"}, {"value", "09:30:00"}}}}}}}));
}

// A58: without a time column, one instrument, columns and filters.
TEST(GetdataTest, A58IsAccepted) {
  const auto found
    = parse({{"timecolumn", nullptr},
             {"instruments", "AUDUSD"},
             {"columns", {"bidprice", "bidsize", "askprice", "asksize"}},
             {"filters", {{"bidprice", {"<", "inf"}}}}});
  ASSERT_TRUE(found) << found.failure().context;
  EXPECT_EQ(found->plan.time_column, "time");
  EXPECT_EQ(found->plan.symbols, (std::vector<std::string>{"AUDUSD"}));
}

// B1, B3, B11: instruments, range and filters narrow alike, in any store.
TEST(GetdataTest, B1AndB3NarrowByAllThatIsAsked) {
  const auto found = parse(
    {{"instruments", "AUDUSD"},
     {"endtime", "2000.01.06D10:00"},
     {"filters", {{"source", {"=", "source0"}}, {"sym", {"=", "AUDUSD"}}}}});
  ASSERT_TRUE(found);
  const auto plan = to_string(found->plan);
  EXPECT_EQ(plan.substr(0, plan.find("project")),
            "scan xdaily\n"
            "  symbols sym in `AUDUSD\n"
            "  range time within 2000-01-01T00:00:00.000000000Z "
            "2000-01-06T10:00:00.000000000Z\n"
            "  filter source = `source0\n"
            "  filter sym = `AUDUSD\n");
}

// A57: a date as the last bound means its whole day and nothing after it.
TEST(GetdataTest, DatesMeanWholeDays) {
  auto found = parse({{"starttime", "2000.01.01"}, {"endtime", "2000.01.06"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->plan.range, (std::pair{int64_t{0}, 6 * text::day_ns - 1}));
  auto same = parse({{"starttime", "2000-01-02"}, {"endtime", "2000-01-02"}});
  ASSERT_TRUE(same);
  EXPECT_EQ(same->plan.range, (std::pair{text::day_ns, 2 * text::day_ns - 1}));
  auto dates = parse({{"timecolumn", "settle"},
                      {"starttime", "2000-01-02T00:00:00.000000001"},
                      {"endtime", "2000-01-05"}});
  ASSERT_TRUE(dates);
  EXPECT_EQ(dates->plan.range, (std::pair{int64_t{2}, int64_t{4}}));
  auto open = parse({{"starttime", "-inf"}, {"endtime", "inf"}});
  ASSERT_TRUE(open);
  EXPECT_EQ(open->plan.range, (std::pair{-inf_long, inf_long}));
}

} // namespace
} // namespace millrace::query
