#include <millrace/nodes/cli/command/completion.hpp>

#include <CLI/CLI.hpp>

namespace millrace::nodes {

namespace {

/// What may be said in each place of the command line, as cases of the script.
struct script_cases {
  std::string groups; ///< Names that lead from one place to the next.
  std::string words;  ///< Commands, options and values of a place.
  std::string values; ///< Values of an option.
};

/// What `option::offers` kept.
std::string offered_by(CLI::Option& of) {
  try {
    for (int check = 0;; ++check)
      if (const auto& words = of.get_validator(check)->get_name();
          !words.empty())
        return words;
  } catch (const CLI::OptionNotFound&) {
    return {}; // There is no further one.
  }
}

void add_option_cases(CLI::Option& of, const std::string& place,
                      std::string& options, std::string& words,
                      script_cases& cases) {
  if (of.get_positional()) {
    words += offered_by(of) + " ";
    return;
  }
  std::string patterns;
  const auto add = [&](const std::string& name) {
    options += name + " ";
    patterns += (patterns.empty() ? "'" : "|'") + place + " " + name + "'";
  };
  for (const auto& name : of.get_snames())
    add("-" + name);
  for (const auto& name : of.get_lnames())
    add("--" + name);
  if (of.get_items_expected_max() > 0)
    cases.values
      += "    " + patterns + ") values='" + offered_by(of) + "' ;;\n";
}

void add_cases(CLI::App& at, const std::string& place, script_cases& cases) {
  std::string words;
  std::string options;
  for (auto* below : at.get_subcommands({})) {
    words += below->get_name() + " ";
    // What follows `help` is what it helps with.
    if (below->get_name() == "help")
      continue;
    const auto name = place + " " + below->get_name();
    cases.groups += "        '" + name + "') ;;\n";
    add_cases(*below, name, cases);
  }
  for (auto* of : at.get_options([](CLI::Option*) { return true; }))
    add_option_cases(*of, place, options, words, cases);
  cases.words += "    '" + place + "') words='" + words + "' options='"
                 + options + "' ;;\n";
}

} // namespace

std::string completion_script(CLI::App& program, shell of) {
  const auto name = program.get_name();
  script_cases cases;
  add_cases(program, "", cases);
  std::string out;
  if (of == shell::zsh)
    out
      = "#compdef " + name + "\nautoload -U +X bashcompinit && bashcompinit\n";
  // Where nothing is offered the shell offers files. An option and its value
  // are two words also where they stand as one, `--name=value`.
  out += "_" + name
         + "() {\n"
           "  local place='' words='' options='' values=none i\n"
           "  local word=\"${COMP_WORDS[COMP_CWORD]}\"\n"
           "  local before=\"${COMP_WORDS[COMP_CWORD - 1]}\"\n"
           "  if [ \"$word\" = = ]; then word=''\n"
           "  elif [ \"$before\" = = ]; then "
           "before=\"${COMP_WORDS[COMP_CWORD - 2]}\"; fi\n"
           "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "    case \"$place ${COMP_WORDS[i]}\" in\n"
         + cases.groups
         + "        *) continue ;;\n"
           "    esac\n"
           "    place=\"$place ${COMP_WORDS[i]}\"\n"
           "  done\n"
           "  case \"$place $before\" in\n"
         + cases.values
         + "  esac\n"
           "  case \"$place\" in\n"
         + cases.words
         + "  esac\n"
           "  if [ \"$values\" != none ]; then words=\"$values\"\n"
           "  elif [[ \"$word\" == -* ]]; then words=\"$options\"; fi\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "}\n"
           "complete -o default -o bashdefault -F _"
         + name + " " + name + "\n";
  return out;
}

} // namespace millrace::nodes
