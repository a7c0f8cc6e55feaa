#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/query/front/getdata.hpp>
#include <millrace/query/front/getdata_builder_internal.hpp>

#include <algorithm>
#include <array>

namespace millrace::query {

namespace {

using json = text::json_value;

struct parameter {
  std::string_view name;
  bool supported;
};

/// TorQ's parameters, and ours at the end.
constexpr std::array parameters{
  parameter{"tablename", true},       parameter{"starttime", true},
  parameter{"endtime", true},         parameter{"timecolumn", true},
  parameter{"instruments", true},     parameter{"instrumentcolumn", true},
  parameter{"columns", true},         parameter{"grouping", true},
  parameter{"aggregations", true},    parameter{"timebar", true},
  parameter{"filters", true},         parameter{"freeformwhere", false},
  parameter{"freeformby", false},     parameter{"freeformcolumn", false},
  parameter{"ordering", true},        parameter{"renamecolumn", true},
  parameter{"postprocessing", false}, parameter{"sublist", true},
  parameter{"getquery", true},        parameter{"optimisation", true},
  parameter{"join", false},           parameter{"postback", false},
  parameter{"timeout", true},         parameter{"procs", false},
  parameter{"sqlquery", false},       parameter{"firstlastsort", false},
  parameter{"dryrun", false},         parameter{"at_least", true},
  parameter{"limits", true},          parameter{"timebarorigin", true},
  parameter{"words", true},           parameter{"priority", true},
  parameter{"as_of", true},
};

const parameter* find_parameter(std::string_view name) {
  const auto* found
    = std::find_if(parameters.begin(), parameters.end(),
                   [&](const parameter& x) { return x.name == name; });
  return found == parameters.end() ? nullptr : found;
}

std::string names_of_parameters() {
  std::string out;
  for (const auto& each : parameters)
    if (each.supported)
      text::add_to_list(out, each.name);
  return out;
}

std::string meant_parameter(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& each : parameters)
    if (each.supported)
      known.emplace_back(each.name);
  return text::meant(name, known);
}

/// What was probably meant to be one of the parameters that are missing.
std::string misspelt_of(const json& input,
                        const std::vector<std::string>& missing,
                        const char* before, const char* after) {
  std::string out;
  for (const auto& item : input.entries())
    if (!find_parameter(item.key))
      if (const auto said = text::meant(item.key, missing); !said.empty())
        out += std::string{"; "} + before + item.key + after
               + " is not a parameter" + said;
  return out;
}

/// What can be said of the dictionary as a whole.
error check_dictionary(const json& input,
                       const std::vector<std::string>& repeated) {
  if (!input.is_object())
    return check_failed_plainly("isdictionary", "Input must be a dictionary",
                                "the question is no object of JSON");
  std::vector<std::string> names;
  for (const auto* required : {"tablename", "starttime", "endtime"})
    if (!input.find(required))
      names.emplace_back(required);
  if (!names.empty())
    return check_failed("checkrequiredparams",
                        "Required parameters missing:" + symbol_list(names)
                          + misspelt_of(input, names, "`", ""),
                        "the question has no " + quoted_list(names),
                        misspelt_of(input, names, "'", "'"));
  for (const auto& item : input.entries())
    if (!find_parameter(item.key))
      names.push_back(item.key);
  if (!names.empty())
    return check_failed_plainly(
      "checkparamnames",
      "Invalid parameter present:" + symbol_list(names)
        + meant_parameter(names.front()) + "; the parameters are "
        + names_of_parameters(),
      "there is no parameter " + quoted_list(names)
        + meant_parameter(names.front()) + "; the parameters are "
        + names_of_parameters());
  for (const auto* other : {"columns", "freeformcolumn"})
    if (input.find("aggregations") && input.find(other))
      names.emplace_back(other);
  if (!names.empty())
    return check_failed("checkeachpair",
                        "Parameter:,`aggregations cannot be used in "
                        "conjunction with parameter(s):"
                          + symbol_list(names),
                        "give 'aggregations' or " + quoted_list(names)
                          + ", not both");
  if (!repeated.empty())
    return check_failed_plainly(
      "checkrepeatparams",
      symbol_list(repeated) + " parameter(s) used more than once",
      quoted_list(repeated) + " is given more than once");
  for (const auto& item : input.entries())
    if (!find_parameter(item.key)->supported)
      return {errc::unsupported,
              "getdata: parameter '" + item.key + "' is not supported"};
  return {};
}

result<getdata_request> read_getdata(const json& input,
                                     const std::vector<std::string>& repeated,
                                     const schema_lookup& find) {
  if (auto fault = check_dictionary(input, repeated))
    return fault;
  if (const auto* words = input.find("words");
      words != nullptr && words->text_or_empty() != "torq"
      && words->text_or_empty() != "plain")
    return check_failed("checkwords", R"('words' is "plain" or "torq")");
  getdata_builder builder{input};
  if (auto fault = builder.check_shapes())
    return fault;
  const auto& name = *input.find("tablename")->text();
  const auto* schema = find(name);
  if (!schema)
    return error{errc::not_found, "tableexists: Table:`" + name
                                    + " doesn't exist" + means
                                    + "there is no table '" + name + "'"};
  return builder.build(*schema);
}

} // namespace

result<getdata_request> parse_getdata(std::string_view written,
                                      const schema_lookup& find) {
  std::vector<std::string> repeated;
  const auto input = text::parse_json(written, repeated);
  if (!input)
    return error{errc::invalid_argument,
                 "getdata: the input is not JSON: " + input.failure().context};
  auto out = read_getdata(*input, repeated, find);
  if (out)
    return out;
  auto fault = out.failure();
  fault.context
    = chosen_words(fault.context, input->at("words").text_or_empty() == "torq");
  return fault;
}

} // namespace millrace::query
