#include <millrace/nodes/cli/command/completion.hpp>

#include <CLI/CLI.hpp>

namespace millrace::nodes {

namespace {

/// The cases of the script: `names` follow each command's place, and `words`
/// may come there.
void add_cases(const CLI::App& at, const std::string& place,
               std::string& groups, std::string& words) {
  std::string here;
  for (const auto* below : at.get_subcommands({})) {
    here += below->get_name() + " ";
    groups += "        '" + place + " " + below->get_name() + "') ;;\n";
    add_cases(*below, place + " " + below->get_name(), groups, words);
  }
  for (const auto* option : at.get_options())
    for (const auto& name : option->get_lnames())
      here += "--" + name + " ";
  words += "    '" + place + "') words='" + here + "' ;;\n";
}

} // namespace

std::string completion_script(const CLI::App& program, shell of) {
  const auto name = program.get_name();
  std::string groups;
  std::string words;
  add_cases(program, "", groups, words);
  std::string out;
  if (of == shell::zsh)
    out
      = "#compdef " + name + "\nautoload -U +X bashcompinit && bashcompinit\n";
  out += "_" + name
         + "() {\n"
           "  local place='' words='' i\n"
           "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "    case \"$place ${COMP_WORDS[i]}\" in\n"
         + groups
         + "        *) continue ;;\n"
           "    esac\n"
           "    place=\"$place ${COMP_WORDS[i]}\"\n"
           "  done\n"
           "  case \"$place\" in\n"
         + words
         + "  esac\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- "
           "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "}\n"
           "complete -o default -o bashdefault -F _"
         + name + " " + name + "\n";
  return out;
}

} // namespace millrace::nodes
